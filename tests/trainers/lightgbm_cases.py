"""LightGBM: objectives, kinds of boosting, missing values, categories, shapes, and spellings of the file."""

import lightgbm
import numpy as np

import data

ROWS = 500
ROUNDS = 12
BASE = {"verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5, "num_leaves": 15, "seed": 7, "deterministic": True}
CATEGORICAL = {"min_data_per_group": 5, "cat_smooth": 1.0, "cat_l2": 1.0}

# Name, labels, options.
OBJECTIVES = [
    ("regression", "real", {}),
    ("regression-sqrt", "real", {"objective": "regression", "reg_sqrt": True}),
    ("l1", "real", {"objective": "regression_l1"}),
    ("l1-sqrt", "real", {"objective": "regression_l1", "reg_sqrt": True}),
    ("huber", "real", {}),
    ("fair", "real", {}),
    ("quantile", "real", {"alpha": 0.8}),
    ("mape", "positive", {}),
    ("poisson", "count", {}),
    ("gamma", "positive", {}),
    ("tweedie", "count", {}),
    ("binary", "flag", {}),
    ("binary-sigmoid", "flag", {"objective": "binary", "sigmoid": 0.7}),
    ("binary-unbalanced", "flag", {"objective": "binary", "is_unbalance": True}),
    ("cross_entropy", "share", {}),
    ("cross_entropy_lambda", "share", {}),
    ("multiclass", "class", {"num_class": 3}),
    ("multiclassova", "class", {"num_class": 3, "sigmoid": 1.3}),
    ("lambdarank", "grade", {}),
    ("rank_xendcg", "grade", {}),
]

DART = {"boosting": "dart", "drop_rate": 0.4, "skip_drop": 0.2}
FOREST = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.7, "feature_fraction": 0.8}

# The same on ways to boost, missing values, categories and shapes.
VARIANTS = [
    ("dart", "flag", {"objective": "binary", **DART}),
    ("dart-regression", "real", {"objective": "regression", **DART}),
    ("dart-multiclass", "class", {"objective": "multiclass", "num_class": 3, **DART}),
    ("rf", "flag", {"objective": "binary", **FOREST}),
    ("rf-regression", "real", {"objective": "regression", **FOREST}),
    ("rf-multiclass", "class", {"objective": "multiclass", "num_class": 3, **FOREST}),
    ("goss", "flag", {"objective": "binary", "data_sample_strategy": "goss"}),
    ("no-missing", "flag", {"objective": "binary", "use_missing": False}),
    ("zero-missing", "flag", {"objective": "binary", "zero_as_missing": True}),
    ("zero-missing-regression", "real", {"objective": "regression", "zero_as_missing": True}),
    ("one-hot", "flag", {"objective": "binary", "max_cat_to_onehot": 1000}),
    ("sets", "flag", {"objective": "binary", "max_cat_to_onehot": 1, "max_cat_threshold": 64}),
    ("stumps", "flag", {"objective": "binary", "num_leaves": 2}),
    ("no-split", "flag", {"objective": "binary", "min_data_in_leaf": 100000}),
    ("256-leaves", "real", {"objective": "regression", "num_leaves": 256, "min_data_in_leaf": 1}),
    ("257-leaves", "real", {"objective": "regression", "num_leaves": 257, "min_data_in_leaf": 1}),
    ("deep", "real", {"objective": "regression", "num_leaves": 400, "min_data_in_leaf": 1, "max_bin": 4000}),
    ("monotone", "real", {"objective": "regression", "monotone_constraints": [1, 0, 0, 0, 0, 0, 0, -1], "plain": True}),
    ("extra-trees", "real", {"objective": "regression", "extra_trees": True}),
]


def all(folder):
    has_infinite_threshold = False
    for name, kind, options in OBJECTIVES + VARIANTS:
        options = {"objective": name, **options}
        categories = [] if options.pop("plain", False) else list(data.CATEGORIES)
        booster = train(kind, options, categories)
        text = booster.model_to_string()
        has_infinite_threshold |= any(np.isinf(threshold) for some in thresholds(text).values() for threshold in some)
        yield case(folder, name, booster, text)
    assert has_infinite_threshold, "no split asks whether a value is missing, and nothing else"
    yield from iterations(folder)
    yield from spellings(folder)
    yield mixed(folder)
    yield own_objective(folder)
    yield frame(folder)
    yield from refused(folder)


def dataset(kind, x, categories, options):
    y = data.labels(kind, x, 1)
    group = [20] * (len(x) // 20) if kind == "grade" else None
    return lightgbm.Dataset(x, y, group=group, categorical_feature=categories, feature_name=data.NAMES, params=options)


def train(kind, options, categories, rounds=ROUNDS, **more):
    options = {**BASE, **CATEGORICAL, **options}
    return lightgbm.train(options, dataset(kind, data.columns(ROWS, 1), categories, options), rounds, **more)


def thresholds(text):
    """By column, the thresholds in the text."""
    found = {}
    features = []
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key == "split_feature":
            features = [int(word) for word in value.split()]
        if key == "threshold":
            for feature, word in zip(features, value.split()):
                if feature not in data.CATEGORIES:
                    found.setdefault(feature, []).append(np.float64(word))
    return found


def case(folder, name, booster, text, predicted=None, iterations="all", used=None):
    """Writes a case; the model is read from `text`, and `predicted` says with what it is predicted where not."""
    name = f"lightgbm-{name}"
    x = data.questions(thresholds(text), 2, infinities=True)
    predicted = predicted or lightgbm.Booster(model_str=text)
    prediction = predicted.predict(x, num_iteration=used, num_threads=1)
    margins = predicted.predict(x, num_iteration=used, raw_score=True, num_threads=1)
    (folder / f"{name}.model").write_bytes(text.encode())
    index = data.write(folder, name, x, prediction, margins)
    return {**index, "library": "lightgbm", "iterations": iterations, "says": None}


def iterations(folder):
    booster = train("class", {"objective": "multiclass", "num_class": 3}, list(data.CATEGORIES))
    yield case(folder, "first-4", booster, booster.model_to_string(), iterations=4, used=4)
    forest = train("real", {"objective": "regression", **FOREST}, list(data.CATEGORIES))
    yield case(folder, "rf-first-4", forest, forest.model_to_string(), iterations=4, used=4)
    other = data.columns(ROWS, 3)
    options = {**BASE, **CATEGORICAL, "objective": "binary", "metric": "binary_logloss", "learning_rate": 0.9}
    training = dataset("flag", data.columns(ROWS, 1), list(data.CATEGORIES), options)
    validation = training.create_valid(other, data.labels("flag", other, 4))
    stopping = lightgbm.early_stopping(3, verbose=False)
    stopped = lightgbm.train(options, training, 60, valid_sets=[validation], callbacks=[stopping])
    assert 0 < stopped.best_iteration < 60
    yield case(folder, "early-stopped", stopped, stopped.model_to_string(), predicted=stopped, iterations="best")


def spellings(folder):
    """The same model as other versions and systems write it."""
    booster = train("flag", {"objective": "binary"}, list(data.CATEGORIES))
    text = booster.model_to_string()
    as_is = lightgbm.Booster(model_str=text)
    yield case(folder, "crlf", booster, text.replace("\n", "\r\n"), predicted=as_is)
    old = text.replace("version=v4", "version=v3").replace("is_linear=0\n", "")
    yield case(folder, "v3", booster, old, predicted=as_is)


def mixed(folder):
    """Trained on with another kind of missing values: one column is read in two ways."""
    first = train("flag", {"objective": "binary"}, list(data.CATEGORIES))
    options = {**BASE, **CATEGORICAL, "objective": "binary", "zero_as_missing": True}
    more = dataset("flag", data.columns(ROWS, 5), list(data.CATEGORIES), options)
    booster = lightgbm.train(options, more, ROUNDS, init_model=lightgbm.Booster(model_str=first.model_to_string()))
    return case(folder, "mixed-missing", booster, booster.model_to_string())


def own_objective(folder):
    def squares(prediction, training):
        return prediction - training.get_label(), np.ones_like(prediction)

    booster = train("real", {"objective": squares}, list(data.CATEGORIES))
    return case(folder, "own-objective", booster, booster.model_to_string())


def frame(folder):
    """A data frame with texts, whose categories are in the file."""
    name = "lightgbm-frame"
    x = data.columns(ROWS, 1)
    options = {**BASE, **CATEGORICAL, "objective": "binary"}
    booster = lightgbm.train(options, lightgbm.Dataset(data.frame(x), data.labels("flag", x, 1)), ROUNDS)
    text = booster.model_to_string()
    asked = data.questions(thresholds(text), 2, infinities=True, wild_codes=False)
    table = data.frame(asked)
    prediction, margins = booster.predict(table), booster.predict(table, raw_score=True)
    (folder / f"{name}.model").write_text(text)
    index = data.write(folder, name, data.coded(asked, table), prediction, margins)
    categories = data.categories(table)
    return {**index, "library": "lightgbm", "iterations": "all", "says": None, "categories": categories}


def refused(folder):
    name = "lightgbm-linear"
    booster = train("real", {"objective": "regression", "linear_tree": True}, [])
    (folder / f"{name}.model").write_text(booster.model_to_string())
    yield {"name": name, "columns": 0, "rows": 0, "library": "lightgbm", "iterations": "all", "says": "linear"}
