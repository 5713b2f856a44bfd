"""scikit-learn's pipelines, exported by skl2onnx."""

import warnings

import numpy as np
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

warnings.filterwarnings("ignore")

ROWS = 160
TEXTS = np.array(["AA", "B6", "DL", "UA", "WN", "é", "a longer category than fits in a word or two"], object)


def numbers(seed, missing):
    """Columns of several kinds: normal, of many sizes, counts, and one that is often missing."""
    random = np.random.default_rng(seed)
    x = np.column_stack(
        [
            random.normal(size=ROWS),
            random.normal(size=ROWS) * 100 + 50,
            random.integers(0, 6, ROWS),
            random.normal(size=ROWS),
            random.uniform(size=ROWS),
        ]
    ).astype(np.float32)
    if missing:
        x[random.random(ROWS) < 0.25, 3] = np.nan
        x[random.random(ROWS) < 0.1, 2] = np.nan
    return x


def texts(seed, unseen):
    """Two columns of categories, some of which the training has not seen."""
    random = np.random.default_rng(seed)
    values = TEXTS[random.integers(0, len(TEXTS), (ROWS, 2))]
    if unseen:
        values[random.random((ROWS, 2)) < 0.1] = "never seen"
    return values


X, S = numbers(1, False), texts(1, False)
SCORE = X[:, 0] + 0.02 * X[:, 1] - 0.3 * X[:, 2] + np.sin(3 * X[:, 3]) + (S[:, 0] == "UA")
TARGETS = {
    "two": (SCORE > np.median(SCORE)).astype(int),
    "three": np.digitize(SCORE, np.quantile(SCORE, [0.33, 0.66])),
    "names": np.array(["high", "low", "middle"], object)[np.digitize(SCORE, np.quantile(SCORE, [0.33, 0.66]))],
    "value": SCORE,
    "positive": np.exp(0.3 * SCORE),
    "values": np.column_stack([SCORE, X[:, 1] - SCORE]),
}


def case(name, model, target, opset=18, ml=3, double=False, options=None, tolerance=1e-5, transform=False):
    """A model on numbers alone."""
    x = X.astype(np.float64) if double else X
    model.fit(x, TARGETS[target] if target else None)
    kind = DoubleTensorType if double else FloatTensorType
    graph = to_onnx(model, initial_types=[("x", kind([None, x.shape[1]]))], options=options, target_opset={"": opset, "ai.onnx.ml": ml})
    rows = numbers(2, False).astype(x.dtype)
    # The first rows are those of the training, whose values are where thresholds are found between.
    rows[:40] = x[:40]
    return {"name": name, "model": graph, "inputs": {"x": rows}} | trainer(model, graph, rows, tolerance, transform)


def trainer(model, graph, rows, tolerance, transform):
    """What scikit-learn itself computes; nothing where it is another output, which has no tolerance."""
    if tolerance is None:
        return {}
    outputs = [output.name for output in graph.graph.output]
    if transform:
        return {"trainer": {outputs[0]: model.transform(rows)}, "tolerance": tolerance}
    if len(outputs) == 1:
        return {"trainer": {outputs[0]: model.predict(rows)}, "tolerance": tolerance}
    if hasattr(model, "predict_proba"):
        return {"trainer": {outputs[1]: model.predict_proba(rows)}, "tolerance": tolerance}
    return {}


def models():
    """Models of all families on numbers."""
    off = {"zipmap": False}
    yield case("logistic-two", LogisticRegression(max_iter=500), "two")
    yield case("logistic-three", LogisticRegression(max_iter=500), "three")
    yield case("logistic-names", LogisticRegression(max_iter=500), "names")
    yield case("logistic-plain", LogisticRegression(max_iter=500), "names", options=off)
    yield case("logistic-raw", LogisticRegression(max_iter=500), "two", options={"zipmap": False, "raw_scores": True}, tolerance=None)
    yield case("logistic-old", LogisticRegression(max_iter=500), "three", opset=9, ml=1)
    yield case("logistic-double", LogisticRegression(max_iter=500), "two", double=True, options=off)
    yield case("ridge-classes", RidgeClassifier(), "three")
    yield case("sgd-classes", SGDClassifier(loss="log_loss", random_state=1), "three", options=off)
    yield case("sgd-hinge", SGDClassifier(random_state=1), "two", options=off)
    yield case("svc-linear", LinearSVC(), "names")
    for regression in [LinearRegression(), Ridge(), Lasso(0.1), ElasticNet(0.1), HuberRegressor(max_iter=1000), SGDRegressor(eta0=1e-5), TweedieRegressor()]:
        yield case(f"regression-{type(regression).__name__}", regression, "value")
    yield case("regression-poisson", make_pipeline(StandardScaler(), PoissonRegressor()), "positive")
    yield case("regression-gamma", make_pipeline(StandardScaler(), GammaRegressor()), "positive")
    yield case("regression-two", Ridge(), "values")
    yield case("regression-double", LinearRegression(), "value", double=True)
    trees = {"n_estimators": 12, "max_depth": 5, "random_state": 1}
    for target in ["two", "three", "names"]:
        yield case(f"forest-{target}", RandomForestClassifier(**trees), target)
        yield case(f"boosting-{target}", GradientBoostingClassifier(**trees), target, options=off)
        yield case(f"tree-{target}", DecisionTreeClassifier(max_depth=6), target)
        yield case(f"extra-{target}", ExtraTreesClassifier(**trees), target, options=off)
    yield case("forest-old", RandomForestClassifier(**trees), "names", opset=11, ml=1)
    yield case("forest-double", RandomForestClassifier(**trees), "two", double=True)
    yield case("forest-value", RandomForestRegressor(**trees), "value")
    yield case("forest-values", RandomForestRegressor(**trees), "values", tolerance=1e-4)
    yield case("boosting-value", GradientBoostingRegressor(**trees), "value")
    yield case("extra-value", ExtraTreesRegressor(**trees), "value")
    yield case("tree-value", DecisionTreeRegressor(max_depth=7), "value")
    yield case("bagging-two", BaggingClassifier(n_estimators=3, random_state=1), "two", options=off)
    yield case("bagging-value", BaggingRegressor(n_estimators=3, random_state=1), "value")
    yield case("ada-names", AdaBoostClassifier(n_estimators=5, random_state=1), "names", options=off, tolerance=1e-4)
    yield case("isolation", IsolationForest(n_estimators=5, random_state=1), None)
    for activation in ["relu", "tanh", "logistic", "identity"]:
        network = {"hidden_layer_sizes": (20, 9), "activation": activation, "max_iter": 60, "random_state": 1}
        yield case(f"network-two-{activation}", make_pipeline(StandardScaler(), MLPClassifier(**network)), "two")
        yield case(f"network-names-{activation}", make_pipeline(StandardScaler(), MLPClassifier(**network)), "names", options=off)
        yield case(f"network-value-{activation}", make_pipeline(StandardScaler(), MLPRegressor(**network)), "value")
    yield case("network-old", make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=60, random_state=1)), "three", opset=12, ml=1)
    yield case("bayes", GaussianNB(), "names", options=off, tolerance=1e-3)
    yield case("bayes-flags", make_pipeline(Binarizer(), BernoulliNB()), "three", options=off, tolerance=1e-4)
    yield case("calibrated", CalibratedClassifierCV(LogisticRegression(max_iter=500), cv=2), "two", options=off)
    yield case("calibrated-isotonic", CalibratedClassifierCV(RidgeClassifier(), cv=2, method="sigmoid"), "three", options=off)
    yield case("one-versus-rest", OneVsRestClassifier(LogisticRegression(max_iter=500)), "names", options=off)
    stack = [("a", LogisticRegression(max_iter=500)), ("b", DecisionTreeClassifier(max_depth=3))]
    yield case("stacking", StackingClassifier(stack), "two", options=off)
    yield case("voting", VotingClassifier(stack, voting="soft", flatten_transform=False), "names", options=off)
    yield case("voting-value", VotingRegressor([("a", Ridge()), ("b", DecisionTreeRegressor(max_depth=3))]), "value")


def transformers():
    """Steps that prepare features, alone and in front of a model."""
    steps = {
        "standard": StandardScaler(),
        "standard-mean": StandardScaler(with_std=False),
        "min-max": MinMaxScaler(),
        "min-max-clip": MinMaxScaler(clip=True),
        "max-abs": MaxAbsScaler(),
        "robust": RobustScaler(),
        "norm-1": Normalizer("l1"),
        "norm-2": Normalizer("l2"),
        "polynomial": PolynomialFeatures(2),
        "binarizer": Binarizer(threshold=0.3),
        "bins": KBinsDiscretizer(4, encode="onehot-dense"),
        "bins-ordinal": KBinsDiscretizer(4, encode="ordinal"),
        "power": PowerTransformer(),
        "components": PCA(3),
        "best": SelectKBest(k=2),
        "union": FeatureUnion([("a", StandardScaler()), ("b", PCA(2))]),
    }
    for name, step in steps.items():
        yield case(f"step-{name}", step, "two", transform=True, tolerance=1e-4)
        if name not in ["standard-mean", "best"]:
            yield case(f"step-{name}-model", make_pipeline(step, LogisticRegression(max_iter=300)), "two", options={"zipmap": False}, tolerance=1e-3)


def mixed():
    """Numbers with missing values and texts, one input a column."""
    impute = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    network = MLPClassifier((16,), max_iter=80, random_state=1)
    trees = {"n_estimators": 10, "max_depth": 5, "random_state": 1}
    models = {
        "logistic": (one_hot, LogisticRegression(max_iter=500), "two"),
        "network": (one_hot, network, "names"),
        "forest": (ordinal, RandomForestClassifier(**trees), "three"),
        "boosting": (one_hot, GradientBoostingClassifier(**trees), "two"),
        "ridge": (one_hot, Ridge(), "value"),
        "trees": (ordinal, GradientBoostingRegressor(**trees), "value"),
        "first": (OneHotEncoder(drop="first", handle_unknown="ignore", sparse_output=False), LogisticRegression(max_iter=500), "names"),
    }
    for name, (encoder, model, target) in models.items():
        yield columns(f"columns-{name}", impute, encoder, model, target)
    yield columns("columns-mean", SimpleImputer(add_indicator=False), one_hot, LogisticRegression(max_iter=500), "two")
    yield columns("columns-constant", SimpleImputer(strategy="constant", fill_value=-1.0), ordinal, RandomForestRegressor(**trees), "value")
    yield columns("columns-old", impute, one_hot, LogisticRegression(max_iter=500), "two", opset=11, ml=1)
    yield columns("columns-new", impute, one_hot, LogisticRegression(max_iter=500), "names", opset=20, ml=3)


def columns(name, numeric, encoder, model, target, opset=18, ml=3):
    """A pipeline over columns with names."""
    import pandas

    names = ["delay", "distance", "seats", "wind", "share"]
    frame = lambda x, s: pandas.DataFrame(dict(zip(names, x.T)) | {"carrier": s[:, 0], "dest": s[:, 1]})
    steps = [("numbers", numeric, names), ("texts", encoder, ["carrier", "dest"])]
    pipeline = make_pipeline(ColumnTransformer(steps), model)
    pipeline.fit(frame(numbers(1, True), S), TARGETS[target])
    types = [(column, FloatTensorType([None, 1])) for column in names]
    types += [(column, StringTensorType([None, 1])) for column in ["carrier", "dest"]]
    graph = to_onnx(pipeline, initial_types=types, target_opset={"": opset, "ai.onnx.ml": ml})
    x, s = numbers(3, True), texts(3, True)
    inputs = {column: x[:, at : at + 1] for at, column in enumerate(names)}
    inputs |= {"carrier": s[:, :1], "dest": s[:, 1:]}
    return {"name": name, "model": graph, "inputs": inputs} | trainer(pipeline, graph, frame(x, s), 1e-4, False)


def integers():
    """Columns of integers."""
    random = np.random.default_rng(5)
    x = random.integers(0, 9, (ROWS, 3))
    encoder = make_pipeline(OneHotEncoder(handle_unknown="ignore", sparse_output=False), LogisticRegression(max_iter=300))
    encoder.fit(x, TARGETS["two"])
    graph = to_onnx(encoder, initial_types=[("x", Int64TensorType([None, 3]))], target_opset={"": 18, "ai.onnx.ml": 3})
    rows = random.integers(0, 12, (ROWS, 3))
    yield {"name": "integers-one-hot", "model": graph, "inputs": {"x": rows}} | trainer(encoder, graph, rows, 1e-5, False)


def refused():
    """What serin says that it does not run."""
    machine = SVC(kernel="rbf").fit(X, TARGETS["two"])
    graph = to_onnx(machine, X[:1], target_opset={"": 18, "ai.onnx.ml": 3})
    rows = numbers(2, False)
    yield {"name": "refused-machine", "model": graph, "inputs": {"X": rows}, "single": True, "says": "operator `SVMClassifier`"}
    # skl2onnx writes all values of all rows one below the other.
    network = MLPRegressor(hidden_layer_sizes=(8,), max_iter=60).fit(X, TARGETS["values"])
    graph = to_onnx(network, X[:1], target_opset={"": 18, "ai.onnx.ml": 3})
    yield {"name": "refused-values", "model": graph, "inputs": {"X": rows}, "single": True, "says": "depend on its neighbours"}


def all():
    """All cases."""
    for group in [models, transformers, mixed, integers, refused]:
        yield from group()
