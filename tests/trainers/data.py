"""The data that models are trained on, and the rows that they are asked about."""

import numpy as np
import pandas

COLUMNS = 8
# The columns of categories, and how many each has.
CATEGORIES = {5: 12, 6: 200}
# What columns are: normal; normal, often missing; mostly zero; seconds since 1970 with fractions; small counts;
# categories; many categories; of both signs over many magnitudes.
NAMES = ["plain", "gappy", "zeros", "seconds", "count", "kind", "place", "wide"]


def columns(rows, seed):
    """A matrix of `rows` rows."""
    random = np.random.default_rng(seed)
    x = np.empty((rows, COLUMNS))
    x[:, 0] = random.normal(size=rows)
    x[:, 1] = np.where(random.random(rows) < 0.25, np.nan, random.normal(size=rows))
    x[:, 2] = np.where(random.random(rows) < 0.6, 0.0, random.normal(size=rows))
    x[:, 3] = 1.7e9 + random.random(rows) * 100
    x[:, 4] = random.integers(0, 6, rows)
    x[:, 5] = random.integers(0, CATEGORIES[5], rows)
    x[:, 6] = random.integers(0, CATEGORIES[6], rows)
    x[:, 7] = random.normal(size=rows) * 10.0 ** random.integers(-8, 9, rows)
    return x


def score(x, seed):
    """What labels are made of: it depends on every column, and on columns being missing."""
    random = np.random.default_rng(seed)
    effects = random.normal(size=CATEGORIES[6])
    return (
        x[:, 0]
        + np.where(np.isnan(x[:, 1]), 3.0, 0.2 * np.nan_to_num(x[:, 1]))
        + np.where(x[:, 2] == 0, -1.0, x[:, 2])
        + np.sin(x[:, 3] % 10)
        + 0.3 * x[:, 4]
        + effects[x[:, 5].astype(int)]
        + effects[x[:, 6].astype(int)]
        + np.sign(x[:, 7])
        + 0.3 * random.normal(size=len(x))
    )


def labels(kind, x, seed):
    """Labels for an objective."""
    y = score(x, seed)
    match kind:
        case "real":
            return y
        case "positive":
            return np.exp(0.3 * y) + 0.01
        case "count":
            return np.floor(np.exp(0.3 * y))
        case "flag":
            return (y > 0).astype(float)
        case "share":
            return 1 / (1 + np.exp(-y))
        case "class":
            return np.digitize(y, [-1.5, 1.0]).astype(float)
        case "grade":
            return np.clip(np.digitize(y, [-2, 0, 2]), 0, 3).astype(float)
    raise ValueError(kind)


def questions(thresholds, seed, infinities, wild_codes=True):
    """Rows to predict: ordinary ones, and ones with values that matter to some split in some of their columns.

    `thresholds` has the thresholds of each column, in the precision that the trainer compares in.
    """
    random = np.random.default_rng(seed)
    x = columns(260, seed)
    for column in range(COLUMNS):
        values = [np.nan, 0.0, -0.0, 1e-36, -1e-36, 1e-35, -1e-35, 1e-34, 1e-45, 5e-324, 1e30, -1e30]
        if infinities:
            values += [np.inf, -np.inf, 1e300, -1e300]
        if column in CATEGORIES:
            values = [np.nan, 0.0, -0.0]
            if wild_codes:
                values += [-1.0, -0.5, 3.7, 11.999, 31.0, 32.0, 255.0, 1e6, 16777215.0, 16777216.0, -1e10, 3e9]
        for threshold in thresholds.get(column, []):
            # Between two 32-bit floats, rounding decides where a number goes.
            values.append(float(threshold))
            for kind in (type(threshold), np.float64):
                values += [float(np.nextafter(kind(threshold), kind(end))) for end in (-np.inf, np.inf)]
        values = np.array(values)
        if not infinities:
            values = values[~np.isinf(values)]
            values = np.where(np.abs(values) > 1e38, 1e38, values)
        rows = random.random(len(x)) < 0.4
        x[rows, column] = random.choice(values, rows.sum())
    return x


def frame(x):
    """The same as a data frame, its categories texts in one column and numbers in another."""
    table = pandas.DataFrame(x, columns=NAMES)
    texts = [f"kind {code}" if code else "" for code in range(CATEGORIES[5])]
    found = [None if np.isnan(code) else texts[int(code)] for code in x[:, 5]]
    table["kind"] = pandas.Categorical(found, categories=sorted(texts))
    numbers = [code * 3 for code in range(CATEGORIES[6])]
    found = [None if np.isnan(code) else numbers[int(code)] for code in x[:, 6]]
    table["place"] = pandas.Categorical(found, categories=numbers)
    return table


def coded(x, table):
    """The rows of a data frame as numbers: its categories by their place in the frame's own lists."""
    x = x.copy()
    for column in CATEGORIES:
        codes = table[NAMES[column]].cat.codes.to_numpy().astype(float)
        x[:, column] = np.where(codes < 0, np.nan, codes)
    return x


def categories(table):
    """The categories of a data frame, by the name of their column."""
    return {NAMES[column]: list(table[NAMES[column]].cat.categories) for column in CATEGORIES}


def write(folder, name, x, prediction, margins):
    """Writes the numbers of a case; gives its part of the index."""
    for what, numbers in (("rows", x), ("predictions", prediction), ("margins", margins)):
        np.ascontiguousarray(numbers, dtype="<f8").tofile(folder / f"{name}.{what}")
    return {"name": name, "columns": int(x.shape[1]), "rows": int(x.shape[0])}
