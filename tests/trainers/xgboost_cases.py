"""XGBoost: objectives, boosters, categories, shapes, and spellings of the file, in JSON and in UBJSON."""

import json
import struct

import numpy as np
import xgboost

import data

ROWS = 500
ROUNDS = 12
BASE = {"max_depth": 4, "eta": 0.4, "nthread": 1, "seed": 7, "min_child_weight": 0.5}
TYPES = ["c" if column in data.CATEGORIES else "q" for column in range(data.COLUMNS)]

# Name, labels, options.
OBJECTIVES = [
    ("reg:squarederror", "real", {}),
    ("reg:squaredlogerror", "positive", {}),
    ("reg:logistic", "share", {}),
    ("reg:pseudohubererror", "real", {}),
    ("reg:absoluteerror", "real", {}),
    ("reg:quantileerror", "real", {"quantile_alpha": 0.7}),
    ("reg:quantileerror-3", "real", {"quantile_alpha": [0.1, 0.5, 0.9]}),
    ("reg:gamma", "positive", {}),
    ("reg:tweedie", "count", {"tweedie_variance_power": 1.4}),
    ("count:poisson", "count", {}),
    ("binary:logistic", "flag", {}),
    ("binary:logitraw", "flag", {}),
    ("binary:hinge", "flag", {}),
    ("multi:softprob", "class", {"num_class": 3}),
    ("multi:softmax", "class", {"num_class": 3}),
    ("rank:pairwise", "grade", {}),
    ("rank:ndcg", "grade", {}),
    ("rank:map", "flag", {"group": True}),
    ("survival:cox", "positive", {}),
    ("survival:aft", "positive", {"bounds": True}),
]

DART = {"booster": "dart", "rate_drop": 0.4, "skip_drop": 0.1}
FOREST = {"num_parallel_tree": 3, "subsample": 0.6, "colsample_bynode": 0.7}

VARIANTS = [
    ("dart", "flag", {"objective": "binary:logistic", **DART}),
    ("dart-softprob", "class", {"objective": "multi:softprob", "num_class": 3, **DART}),
    ("dart-forest", "real", {"objective": "reg:squarederror", "normalize_type": "forest", **DART}),
    ("parallel", "flag", {"objective": "binary:logistic", **FOREST}),
    ("parallel-softprob", "class", {"objective": "multi:softprob", "num_class": 3, **FOREST}),
    ("base-score", "flag", {"objective": "binary:logistic", "base_score": 0.123}),
    ("base-score-poisson", "count", {"objective": "count:poisson", "base_score": 2.5}),
    ("exact", "real", {"objective": "reg:squarederror", "tree_method": "exact", "plain": True}),
    ("approx", "real", {"objective": "reg:squarederror", "tree_method": "approx"}),
    ("one-hot", "flag", {"objective": "binary:logistic", "max_cat_to_onehot": 1000}),
    ("partition", "flag", {"objective": "binary:logistic", "max_cat_to_onehot": 1, "max_depth": 7}),
    ("leaves-300", "real", {"objective": "reg:squarederror", "grow_policy": "lossguide", "max_leaves": 300, "max_depth": 0, "min_child_weight": 0}),
    ("deep", "real", {"objective": "reg:squarederror", "max_depth": 14, "min_child_weight": 0}),
    ("no-split", "real", {"objective": "reg:squarederror", "gamma": 1e30}),
    ("pruned", "real", {"objective": "reg:squarederror", "gamma": 20.0, "tree_method": "exact", "plain": True}),
]


def all(folder):
    for name, kind, options in OBJECTIVES + VARIANTS:
        options = {"objective": name.removesuffix("-3"), **options}
        booster = train(kind, options)
        for encoding in ("json", "ubj"):
            yield case(folder, f"{name}-{encoding}".replace(":", "-"), booster, booster.save_raw(encoding))
    yield targets(folder)
    yield from iterations(folder)
    yield from spellings(folder)
    yield frame(folder)
    yield from refused(folder)


def matrix(x, plain=False, **more):
    return xgboost.DMatrix(x, feature_types=None if plain else TYPES, enable_categorical=not plain, **more)


def training(kind, options, seed=1):
    x = data.columns(ROWS, seed)
    y = data.labels(kind, x, 1)
    plain = options.pop("plain", False)
    is_grouped = options.pop("group", False) or kind == "grade"
    if options.pop("bounds", False):
        return matrix(x, plain, label_lower_bound=y, label_upper_bound=np.where(x[:, 0] > 0, y, np.inf))
    return matrix(x, plain, label=y, group=[20] * (ROWS // 20) if is_grouped else None)


def train(kind, options, rounds=ROUNDS, **more):
    options = {**BASE, **options}
    known = training(kind, options)
    return xgboost.train(options, known, rounds, **more)


def thresholds(booster):
    """By column, the thresholds, as the 32-bit floats that they are."""
    found = {}
    for tree in trees(json.loads(booster.save_raw("json"))):
        nodes = zip(tree["left_children"], tree["split_indices"], tree["split_conditions"])
        for left, column, condition in nodes:
            if left != -1 and column not in data.CATEGORIES:
                found.setdefault(column, []).append(np.float32(condition))
    return found


def trees(document):
    booster = document["learner"]["gradient_booster"]
    return booster.get("gbtree", booster)["model"]["trees"]


def case(folder, name, booster, model, iterations="all", used=(0, 0)):
    name = f"xgboost-{name}"
    x = data.questions(thresholds(booster), 2, infinities=False)
    asked = matrix(x, plain=booster.feature_types is None)
    prediction = booster.predict(asked, iteration_range=used)
    margins = booster.predict(asked, iteration_range=used, output_margin=True)
    (folder / f"{name}.model").write_bytes(bytes(model))
    index = data.write(folder, name, x, prediction, margins)
    return {**index, "library": "xgboost", "iterations": iterations, "says": None}


def targets(folder):
    x = data.columns(ROWS, 1)
    y = np.stack([data.labels("real", x, seed) for seed in (1, 2)], axis=1)
    booster = xgboost.train({**BASE, "objective": "reg:squarederror"}, matrix(x, label=y), ROUNDS)
    return case(folder, "targets", booster, booster.save_raw("ubj"))


def iterations(folder):
    booster = train("class", {"objective": "multi:softprob", "num_class": 3, **FOREST})
    yield case(folder, "first-4", booster, booster.save_raw("ubj"), iterations=4, used=(0, 4))
    options = {**BASE, "objective": "binary:logistic", "eta": 0.8, "max_depth": 6}
    validation = [(training("flag", {}, seed=3), "validation")]
    stopped = train("flag", options, 60, evals=validation, early_stopping_rounds=3, verbose_eval=False)
    assert 0 < stopped.best_iteration < 56
    used = (0, stopped.best_iteration + 1)
    yield case(folder, "best", stopped, stopped.save_raw("json"), iterations="best", used=used)
    yield case(folder, "best-all", stopped, stopped.save_raw("ubj"))


def spellings(folder):
    """The same model as other versions write it."""
    booster = train("flag", {"objective": "binary:logistic"})
    as_is = lambda: json.loads(booster.save_raw("json"))

    def spelt(name, document, encode=lambda document: json.dumps(document).encode()):
        return case(folder, name, booster, encode(document))

    document = as_is()
    # Before 3.1: no categories, one base score. Before 2.0: no index of iterations. Before 1.6: no truth values.
    model = document["learner"]["gradient_booster"]["model"]
    del model["cats"], model["iteration_indptr"]
    model["gbtree_model_param"]["size_leaf_vector"] = "0"
    parameters = document["learner"]["learner_model_param"]
    parameters["base_score"] = parameters["base_score"].strip("[]")
    for tree in model["trees"]:
        tree["default_left"] = [bool(flag) for flag in tree["default_left"]]
    yield spelt("old", document)
    yield spelt("old-ubj", document, lambda document: ubj(document, counted=False))
    yield spelt("counted-ubj", as_is(), lambda document: ubj(document, counted=True))
    document = as_is()
    parameters = document["learner"]["learner_model_param"]
    parameters["base_score"] = float(parameters["base_score"].strip("[]"))
    yield spelt("base-number", document)
    parameters["base_score"] = [parameters["base_score"]]
    yield spelt("base-array", document)
    yield spelt("indented", as_is(), lambda document: json.dumps(document, indent=2).encode())


def ubj(value, counted):
    """UBJSON without typed arrays, which XGBoost itself does not write but reads."""
    more = lambda value: ubj(value, counted)
    text = lambda value: b"L" + struct.pack(">q", len(value.encode())) + value.encode()
    if isinstance(value, bool):
        return b"T" if value else b"F"
    if isinstance(value, int):
        return b"l" + struct.pack(">i", value)
    if isinstance(value, float):
        return b"d" + struct.pack(">f", value)
    if isinstance(value, str):
        return b"S" + text(value)
    if isinstance(value, list) and counted:
        return b"[#L" + struct.pack(">q", len(value)) + b"".join(map(more, value))
    if isinstance(value, list):
        return b"[" + b"".join(map(more, value)) + b"]"
    return b"{" + b"".join(text(key) + more(value) for key, value in value.items()) + b"}"


def frame(folder):
    """A data frame with texts, whose categories are in the file."""
    name = "xgboost-frame"
    x = data.columns(ROWS, 1)
    known = xgboost.DMatrix(data.frame(x), data.labels("flag", x, 1), enable_categorical=True)
    booster = xgboost.train({**BASE, "objective": "binary:logistic"}, known, ROUNDS)
    asked = data.questions(thresholds(booster), 2, infinities=False, wild_codes=False)
    table = data.frame(asked)
    rows = xgboost.DMatrix(table, enable_categorical=True)
    prediction, margins = booster.predict(rows), booster.predict(rows, output_margin=True)
    (folder / f"{name}.model").write_bytes(bytes(booster.save_raw("ubj")))
    index = data.write(folder, name, data.coded(asked, table), prediction, margins)
    categories = data.categories(table)
    return {**index, "library": "xgboost", "iterations": "all", "says": None, "categories": categories}


def refused(folder):
    x = data.columns(ROWS, 1)
    y = np.stack([data.labels("real", x, seed) for seed in (1, 2)], axis=1)
    vectors = {**BASE, "objective": "reg:squarederror", "multi_strategy": "multi_output_tree", "tree_method": "hist"}
    plain = np.nan_to_num(x)
    boosters = {
        "vector": xgboost.train(vectors, matrix(x, plain=True, label=y), 2),
        "gblinear": xgboost.train({**BASE, "booster": "gblinear"}, matrix(plain, plain=True, label=y[:, 0]), 2),
    }
    for says, booster in boosters.items():
        for encoding in ("json", "ubj"):
            name = f"xgboost-{says}-{encoding}"
            (folder / f"{name}.model").write_bytes(bytes(booster.save_raw(encoding)))
            yield {"name": name, "columns": 0, "rows": 0, "library": "xgboost", "iterations": "all", "says": says}
