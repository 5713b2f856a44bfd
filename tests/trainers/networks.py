"""Networks over rows of features, written as PyTorch's and Keras's exporters write them."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

ROWS = 150
RANDOM = np.random.default_rng(7)


def weight(*shape):
    return (RANDOM.normal(size=shape) / np.sqrt(shape[-1])).astype(np.float32)


def tensor(name, values, kind=np.float32):
    return numpy_helper.from_array(np.asarray(values, kind), name)


def node(kind, inputs, outputs, domain="", **attributes):
    return helper.make_node(kind, inputs.split(), outputs.split(), domain=domain, **attributes)


def graph(name, nodes, tensors, inputs, outputs, opset=17, ml=None, **more):
    """A case of a graph; inputs are arrays by name."""
    kinds = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "int64": TensorProto.INT64, "bool": TensorProto.BOOL, "object": TensorProto.STRING}
    batch = more.pop("batch", "N")
    ports = [helper.make_tensor_value_info(key, kinds[str(value.dtype)], [batch, *value.shape[1:]]) for key, value in inputs.items()]
    ends = [helper.make_tensor_value_info(key, kind, None) for key, kind in outputs.items()]
    opsets = [helper.make_opsetid("", opset)] + ([helper.make_opsetid("ai.onnx.ml", ml)] if ml else [])
    body = helper.make_graph(nodes, name, ports, ends, tensors)
    model = helper.make_model(body, opset_imports=opsets, ir_version=9)
    return {"name": name, "model": model, "inputs": inputs, **more}


FLOAT = {"y": TensorProto.FLOAT}
X = RANDOM.normal(size=(ROWS, 12)).astype(np.float32)


def layers(sizes):
    """The tensors of layers: `w0`, `b0`, …, weights as PyTorch has them, [out, in]."""
    pairs = list(zip(sizes, sizes[1:]))
    return [t for at, (a, b) in enumerate(pairs) for t in (tensor(f"w{at}", weight(b, a)), tensor(f"b{at}", weight(b)))]


def transposed(tensors):
    return [tensor(t.name, numpy_helper.to_array(t).T) if t.name[0] == "w" else t for t in tensors]


def pytorch():
    """`torch.onnx.export` of `nn.Sequential`: Gemm with transB."""
    gemm = {"alpha": 1.0, "beta": 1.0, "transB": 1}
    activations = {
        "Relu": {}, "Tanh": {}, "Sigmoid": {}, "LeakyRelu": {"alpha": 0.2}, "Elu": {"alpha": 0.7}, "Selu": {}, "Softplus": {},
        "HardSigmoid": {"alpha": 1 / 6, "beta": 0.5}, "HardSwish": {}, "Softsign": {}, "Abs": {}, "Exp": {}, "Erf": {},
    }
    for name, attributes in activations.items():
        nodes = [node("Gemm", "x w0 b0", "a", **gemm), node(name, "a", "h", **attributes), node("Gemm", "h w1 b1", "z", **gemm), node("Sigmoid", "z", "y")]
        yield graph(f"torch-{name}", nodes, layers([12, 40, 1]), {"x": X}, FLOAT)
    for opset in [9, 11, 13, 17, 20, 22]:
        nodes = [node("Gemm", "x w0 b0", "a", **gemm), node("Relu", "a", "h"), node("Gemm", "h w1 b1", "z", **gemm), node("Softmax", "z", "y", axis=1)]
        yield graph(f"torch-softmax-{opset}", nodes, layers([12, 33, 5]), {"x": X}, FLOAT, opset)
    for size in [(64, 1), (65, 3), (256, 2), (31, 32, 7)]:
        nodes, last = [], "x"
        for at in range(len(size)):
            nodes += [node("Gemm", f"{last} w{at} b{at}", f"a{at}", **gemm), node("Relu", f"a{at}", f"h{at}")]
            last = f"h{at}"
        nodes[-1].output[0] = "y"
        yield graph("torch-sizes-" + "-".join(map(str, size)), nodes, layers([12, *size]), {"x": X}, FLOAT)
    gelu = [node("Gemm", "x w0 b0", "a", **gemm), node("Div", "a r", "d"), node("Erf", "d", "e"), node("Add", "e one", "f"), node("Mul", "a f", "g"), node("Mul", "g half", "h"), node("Gemm", "h w1 b1", "y", **gemm)]
    yield graph("torch-gelu-parts", gelu, [*layers([12, 20, 2]), tensor("r", 1.41421354), tensor("one", 1), tensor("half", 0.5)], {"x": X}, FLOAT)
    for approximate in ["none", "tanh"]:
        nodes = [node("Gemm", "x w0 b0", "a", **gemm), node("Gelu", "a", "h", approximate=approximate), node("Gemm", "h w1 b1", "y", **gemm)]
        yield graph(f"torch-gelu-{approximate}", nodes, layers([12, 20, 2]), {"x": X}, FLOAT, 20)
    norm = [tensor("scale", weight(16)), tensor("shift", weight(16)), tensor("mean", weight(16)), tensor("var", np.abs(weight(16)) + 0.1)]
    nodes = [node("Gemm", "x w0 b0", "a", **gemm), node("BatchNormalization", "a scale shift mean var", "n", epsilon=1e-5), node("Relu", "n", "r"), node("Dropout", "r", "h"), node("Gemm", "h w1 b1", "y", **gemm)]
    yield graph("torch-batch-norm", nodes, [*layers([12, 16, 3]), *norm], {"x": X}, FLOAT, 15)
    nodes = [node("Gemm", "x w0 b0", "a", **gemm), node("LayerNormalization", "a scale shift", "n", axis=-1, epsilon=1e-5), node("Relu", "n", "h"), node("Gemm", "h w1 b1", "y", **gemm)]
    yield graph("torch-layer-norm", nodes, [*layers([12, 16, 3]), *norm[:2]], {"x": X}, FLOAT, 17)
    parts = [node("Gemm", "x w0 b0", "a", **gemm), node("ReduceMean", "a", "m", axes=[-1]), node("Sub", "a m", "c"), node("Pow", "c two", "s"), node("ReduceMean", "s", "v", axes=[-1]), node("Add", "v eps", "e"), node("Sqrt", "e", "d"), node("Div", "c d", "n"), node("Mul", "n scale", "o"), node("Add", "o shift", "y")]
    yield graph("torch-layer-norm-parts", parts, [*layers([12, 16]), *norm[:2], tensor("two", 2), tensor("eps", 1e-5)], {"x": X}, FLOAT, 11)
    residual = [node("Gemm", "x w0 b0", "a", **gemm), node("Relu", "a", "h"), node("Add", "h x", "s"), node("Concat", "s x", "c", axis=1), node("Gemm", "c w1 b1", "y", **gemm)]
    yield graph("torch-residual", residual, [tensor("w0", weight(12, 12)), tensor("b0", weight(12)), tensor("w1", weight(2, 24)), tensor("b1", weight(2))], {"x": X}, FLOAT)
    slope = [node("Gemm", "x w0 b0", "a", **gemm), node("PRelu", "a slope", "y")]
    yield graph("torch-prelu", slope, [*layers([12, 9]), tensor("slope", weight(9))], {"x": X}, FLOAT)
    clip = [node("Gemm", "x w0 b0", "a", **gemm), node("Clip", "a low high", "y")]
    yield graph("torch-relu6", clip, [*layers([12, 9]), tensor("low", 0), tensor("high", 0.5)], {"x": X}, FLOAT)
    yield graph("torch-clip-old", [node("Clip", "x", "y", min=-0.5, max=0.5)], [], {"x": X}, FLOAT, 9)
    yield graph("torch-single", [node("Gemm", "x w0 b0", "a", **gemm), node("Reshape", "a shape", "y")], [*layers([12, 6]), tensor("shape", [1, 2, 3], np.int64)], {"x": X}, FLOAT, batch=1, single=True)
    double = [tensor("w", RANDOM.normal(size=(12, 5)), np.float64), tensor("b", RANDOM.normal(size=5), np.float64)]
    yield graph("torch-double", [node("MatMul", "x w", "a"), node("Add", "a b", "h"), node("Tanh", "h", "y")], double, {"x": X.astype(np.float64)}, {"y": TensorProto.DOUBLE})
    yield graph("torch-log-softmax", [node("LogSoftmax", "x", "y", axis=-1)], [], {"x": X}, FLOAT, 13)


def embeddings():
    """Categories as integers, looked up in tables, beside numbers."""
    kinds = RANDOM.integers(0, 10, (ROWS, 2))
    ids = RANDOM.integers(0, 7, ROWS)
    tables = [tensor("t0", weight(10, 4)), tensor("t1", weight(7, 3))]
    head = [tensor("w", weight(2, 12 + 8 + 3)), tensor("b", weight(2))]
    nodes = [
        node("Gather", "t0 kinds", "e0"),
        node("Reshape", "e0 flat", "f0"),
        node("Gather", "t1 ids", "e1"),
        node("Concat", "x f0 e1", "c", axis=1),
        node("Gemm", "c w b", "z", transB=1),
        node("Sigmoid", "z", "y"),
    ]
    yield graph("embedding", nodes, [*tables, *head, tensor("flat", [-1, 8], np.int64)], {"x": X, "kinds": kinds, "ids": ids}, FLOAT)
    dynamic = [node("Gather", "t0 kinds", "e0"), node("Shape", "x", "s"), node("Gather", "s zero", "n"), node("Unsqueeze", "n axes", "u"), node("Concat", "u eight", "shape", axis=0), node("Reshape", "e0 shape", "f0"), node("Concat", "x f0", "y", axis=1)]
    yield graph("embedding-dynamic", dynamic, [tables[0], tensor("zero", 0, np.int64), tensor("axes", [0], np.int64), tensor("eight", [8], np.int64)], {"x": X, "kinds": kinds}, FLOAT)
    split = [node("Slice", "x s0 e0 axes", "a"), node("Slice", "x s1 e1 axes steps", "b"), node("Split", "x parts", "p q", axis=1), node("Concat", "a b q p", "y", axis=-1)]
    places = {"s0": [2], "e0": [-3], "s1": [-1], "e1": [-10], "axes": [1], "steps": [-2], "parts": [5, 7]}
    yield graph("slices", split, [tensor(key, value, np.int64) for key, value in places.items()], {"x": X}, FLOAT)
    codes = [node("Cast", "f", "c", to=TensorProto.INT64), node("OneHot", "c depth values", "o", axis=-1), node("Flatten", "o", "g"), node("Concat", "x g", "y", axis=1)]
    yield graph("one-hot", codes, [tensor("depth", 10, np.int64), tensor("values", [0, 1])], {"x": X, "f": kinds.astype(np.float32)}, FLOAT)


def keras():
    """tf2onnx's Dense layers: MatMul and Add, casts and shapes around them."""
    tensors = transposed(layers([12, 24, 4]))
    nodes = [node("MatMul", "x w0", "m0"), node("Add", "m0 b0", "a0"), node("Relu", "a0", "h0"), node("MatMul", "h0 w1", "m1"), node("Add", "m1 b1", "a1"), node("Softmax", "a1", "y", axis=-1)]
    for opset in [9, 13, 15, 18]:
        if opset < 13:
            nodes[-1] = node("Softmax", "a1", "y", axis=1)
        else:
            nodes[-1] = node("Softmax", "a1", "y", axis=-1)
        yield graph(f"keras-{opset}", nodes, tensors, {"x": X}, FLOAT, opset)
    norm = [node("MatMul", "x w0", "m0"), node("Add", "m0 b0", "a0"), node("Mul", "a0 scale", "s0"), node("Add", "s0 shift", "n0"), node("Tanh", "n0", "h0"), node("MatMul", "h0 w1", "m1"), node("Add", "b1 m1", "y")]
    yield graph("keras-norm", norm, [*tensors, tensor("scale", weight(24)), tensor("shift", weight(24))], {"x": X}, FLOAT, 13)
    shaped = [node("Shape", "x", "s"), node("Cast", "s", "s32", to=TensorProto.INT32), node("Slice", "s32 zero one zero", "n32"), node("Squeeze", "n32 zero", "n"), node("Unsqueeze", "n zero", "u"), node("Concat", "u parts", "shape32", axis=0), node("Cast", "shape32", "shape", to=TensorProto.INT64), node("Reshape", "x shape", "r"), node("ReduceMean", "r", "m", axes=[2], keepdims=0), node("ReduceMax", "r", "k", axes=[1], keepdims=0), node("Concat", "m k", "y", axis=1)]
    yield graph("keras-shapes", shaped, [tensor("zero", [0], np.int64), tensor("one", [1], np.int64), tensor("parts", [3, 4], np.int32)], {"x": X}, FLOAT, 13)
    parts = [node("Unsqueeze", "x one", "u"), node("Expand", "u shape", "e"), node("Transpose", "e", "t", perm=[0, 2, 1]), node("ReduceSum", "t axes", "r", keepdims=0), node("ReduceL2", "t", "l", axes=[1], keepdims=0), node("Concat", "r l", "y", axis=1)]
    yield graph("keras-axes", parts, [tensor("one", [1], np.int64), tensor("shape", [1, 3, 12], np.int64), tensor("axes", [2], np.int64)], {"x": X}, FLOAT, 13)
    table = [node("TopK", "x k", "v i", axis=1), node("Cast", "i", "c", to=TensorProto.FLOAT), node("ArgMin", "x", "a", axis=1), node("Cast", "a", "d", to=TensorProto.FLOAT), node("GatherElements", "x i", "g", axis=1), node("CumSum", "x axis", "s", exclusive=1, reverse=1), node("Concat", "v c d g s", "y", axis=1)]
    yield graph("keras-places", table, [tensor("k", [3], np.int64), tensor("axis", 1, np.int64)], {"x": X}, FLOAT, 13)
    logic = [node("Greater", "x low", "a"), node("Less", "x high", "b"), node("And", "a b", "c"), node("IsNaN", "x", "n"), node("Not", "n", "k"), node("Xor", "c k", "e"), node("Where", "e x low", "w"), node("Max", "w high x", "m"), node("Min", "m one", "i"), node("Cast", "c", "f", to=TensorProto.FLOAT), node("Concat", "i f", "y", axis=1)]
    gappy = X.copy()
    gappy[RANDOM.random(X.shape) < 0.2] = np.nan
    yield graph("keras-logic", logic, [tensor("low", -0.5), tensor("high", weight(12)), tensor("one", [1])], {"x": gappy}, FLOAT, 13)


def trees():
    """Trees as other libraries' exporters write them, with every question, default and transform."""
    def ensemble(kind, modes, targets, transform, values=(0.1, -0.3), **more):
        # Two trees: a root with a leaf on the yes side, and a second question on the no side.
        shape = {"nodes_treeids": [0] * 5 + [1] * 5, "nodes_nodeids": [0, 1, 2, 3, 4] * 2, "nodes_featureids": [0, 0, 1, 0, 0, 2, 0, 3, 0, 0]}
        shape |= {"nodes_modes": [modes[0], "LEAF", modes[1], "LEAF", "LEAF"] * 2, "nodes_truenodeids": [1, 0, 3, 0, 0] * 2, "nodes_falsenodeids": [2, 0, 4, 0, 0] * 2}
        shape |= {"nodes_values": [float(values[0]), 0.0, float(values[1]), 0.0, 0.0] * 2, "nodes_missing_value_tracks_true": [1, 0, 0, 0, 0] * 2}
        prefix = "class" if "Classifier" in kind else "target"
        ids = list(range(targets)) if more.pop("spread", True) else [0]
        leaves = [(tree, leaf, target) for tree in (0, 1) for leaf in (1, 3, 4) for target in ids]
        scale = more.pop("scale", 1.0)
        scores = [abs(float(w)) / 5 if scale == "positive" else float(w) for w in RANDOM.normal(size=len(leaves))]
        shape |= {f"{prefix}_treeids": [t for t, _, _ in leaves], f"{prefix}_nodeids": [n for _, n, _ in leaves], f"{prefix}_ids": [c for _, _, c in leaves], f"{prefix}_weights": scores}
        return node(kind, "x", "label y" if prefix == "class" else "y", domain="ai.onnx.ml", post_transform=transform, **shape, **more)

    rows = np.round(RANDOM.normal(size=(ROWS, 4)), 1).astype(np.float32)
    rows[RANDOM.random(rows.shape) < 0.15] = np.nan
    both = {"label": TensorProto.INT64, "y": TensorProto.FLOAT}
    for modes in [("BRANCH_LEQ", "BRANCH_LT"), ("BRANCH_GTE", "BRANCH_GT"), ("BRANCH_EQ", "BRANCH_NEQ"), ("BRANCH_LEQ", "BRANCH_LEQ")]:
        for aggregate in ["SUM", "AVERAGE", "MIN", "MAX"]:
            for targets in [1, 3]:
                base = {"base_values": [0.25] * targets} if aggregate != "AVERAGE" else {}
                one = ensemble("TreeEnsembleRegressor", modes, targets, "NONE", n_targets=targets, aggregate_function=aggregate, **base)
                yield graph(f"trees-{modes[0][7:]}-{modes[1][7:]}-{aggregate}-{targets}", [one], [], {"x": rows}, FLOAT, ml=3)
    for transform in ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"]:
        for classes in [2, 3]:
            for base in [[], [0.3] * classes]:
                for scale in ["positive", 1.0]:
                    name = f"trees-classes-{transform}-{classes}-{len(base)}-{scale}"
                    more = {"base_values": base} if base else {}
                    one = ensemble("TreeEnsembleClassifier", ("BRANCH_LEQ", "BRANCH_LT"), classes, transform, scale=scale, classlabels_int64s=list(range(classes)), **more)
                    yield graph(name, [one], [], {"x": rows}, both, ml=3)
        for base in [[], [0.3]]:
            for scale in ["positive", 1.0]:
                more = {"base_values": base} if base else {}
                one = ensemble("TreeEnsembleClassifier", ("BRANCH_LEQ", "BRANCH_LT"), 2, transform, scale=scale, spread=False, classlabels_int64s=[3, 9], **more)
                yield graph(f"trees-binary-{transform}-{len(base)}-{scale}", [one], [], {"x": rows}, both, ml=3)
        one = ensemble("TreeEnsembleRegressor", ("BRANCH_LEQ", "BRANCH_LT"), 1, transform, n_targets=1)
        yield graph(f"trees-value-{transform}", [one], [], {"x": rows}, FLOAT, ml=3)
        one = ensemble("TreeEnsembleRegressor", ("BRANCH_LEQ", "BRANCH_LT"), 3, transform, n_targets=3, base_values=[0.1, 0.2, 0.3])
        yield graph(f"trees-values-{transform}", [one], [], {"x": rows}, FLOAT, ml=3)
    for kind in [np.float32, np.float64]:
        new = node(
            "TreeEnsemble", "x", "y", domain="ai.onnx.ml", n_targets=2, aggregate_function=1, post_transform=0, tree_roots=[0, 2],
            nodes_modes=tensor("m", [0, 6, 1], np.uint8), nodes_featureids=[0, 1, 2], nodes_splits=tensor("s", [0.1, 0, -0.2], kind),
            nodes_truenodeids=[1, 0, 2], nodes_trueleafs=[0, 1, 1], nodes_falsenodeids=[1, 3, 4], nodes_falseleafs=[1, 1, 1],
            leaf_targetids=[0, 1, 0, 1, 0], leaf_weights=tensor("l", [1.5, -2.25, 0.1, 3, 0.7], kind), membership_values=tensor("v", [1.0, 0.0, 2.0, np.nan], kind),
            nodes_missing_value_tracks_true=[0, 0, 1],
        )
        out = {"y": TensorProto.FLOAT if kind == np.float32 else TensorProto.DOUBLE}
        yield graph(f"trees-new-{np.dtype(kind)}", [new], [], {"x": rows.astype(kind)}, out, opset=21, ml=5)


def encoders():
    """Encoders of ai.onnx.ml with all of their types."""
    words = np.array(["red", "green", "blue", "mauve", ""], object)[RANDOM.integers(0, 5, (ROWS, 2))]
    counts = RANDOM.integers(-2, 6, (ROWS, 3))
    floats = np.array([0.0, -0.0, 1.5, np.nan, 7.0], np.float32)[RANDOM.integers(0, 5, (ROWS, 2))]
    ml = {"domain": "ai.onnx.ml"}
    label = lambda name, x, ml_version, **more: graph(f"label-{name}", [node("LabelEncoder", "x", "e", **ml, **more), node("Cast", "e", "y", to=TensorProto.FLOAT)], [], {"x": x}, FLOAT, ml=ml_version)
    yield label("texts", words, 2, keys_strings=["red", "blue", ""], values_int64s=[4, 5, 6], default_int64=-7)
    yield label("floats", words, 2, keys_strings=["red", "blue", "green"], values_floats=[0.5, 1.5, -2.0], default_float=9.25)
    yield label("integers", counts, 2, keys_int64s=[0, 1, -2], values_floats=[0.5, 1.5, -2.0])
    yield label("nan", floats, 2, keys_floats=[float("nan"), 0.0, 1.5], values_floats=[1.0, 2.0, 3.0], default_float=-1.0)
    yield label("nan-new", floats, 4, keys_floats=[float("nan"), 0.0, 1.5], values_floats=[1.0, 2.0, 3.0], default_float=-1.0)
    yield label("tensors", counts, 4, keys_tensor=tensor("k", [0, 3], np.int64), values_tensor=tensor("v", [0.25, 4.0]), default_tensor=tensor("d", [-0.5]))
    back = [node("LabelEncoder", "x", "t", **ml, keys_int64s=[0, 1, 2, 3], values_strings=["1.5", "-2", "1e3", "0.125"], default_string="7"), node("Cast", "t", "y", to=TensorProto.FLOAT)]
    yield graph("label-parse", back, [], {"x": counts}, FLOAT, ml=2)
    mapper = [node("CategoryMapper", "x", "e", **ml, cats_strings=["red", "blue"], cats_int64s=[4, 2], default_int64=-3), node("Cast", "e", "y", to=TensorProto.FLOAT)]
    yield graph("mapper", mapper, [], {"x": words}, FLOAT, ml=1)
    hot = [node("OneHotEncoder", "x", "h", **ml, cats_int64s=[-1, 0, 5], zeros=1), node("Flatten", "h", "y")]
    yield graph("hot-integers", hot, [], {"x": counts}, FLOAT, ml=1)
    yield graph("hot-floats", hot, [], {"x": np.nan_to_num(floats)}, FLOAT, ml=1)
    yield graph("imputer-integers", [node("Imputer", "x", "i", **ml, imputed_value_int64s=[70, 80, 90], replaced_value_int64=-2), node("Scaler", "i", "y", **ml, offset=[1.0], scale=[0.3])], [], {"x": counts}, FLOAT, ml=1)
    yield graph("imputer-one", [node("Imputer", "x", "y", **ml, imputed_value_floats=[2.5], replaced_value_float=float("nan"))], [], {"x": floats}, FLOAT, ml=1)
    join = [node("FeatureVectorizer", "a b", "v", **ml, inputdimensions=[3, 2]), node("Normalizer", "v", "y", **ml, norm="MAX")]
    yield graph("vectorizer", join, [], {"a": X[:, :3], "b": np.nan_to_num(floats)}, FLOAT, ml=1)
    pick = [node("ArrayFeatureExtractor", "x places", "a", **ml), node("Binarizer", "a", "y", **ml, threshold=0.5)]
    yield graph("extractor", pick, [tensor("places", [2, 0], np.int64)], {"x": X}, FLOAT, ml=1)
    strings = [node("Equal", "x which", "e"), node("Where", "e other x", "w"), node("LabelEncoder", "w", "l", **ml, keys_strings=["none", "red"], values_floats=[1.0, 2.0]), node("Identity", "l", "y")]
    yield graph("texts-equal", strings, [helper.make_tensor("which", TensorProto.STRING, [1], [b""]), helper.make_tensor("other", TensorProto.STRING, [1], [b"none"])], {"x": words}, FLOAT, ml=2, opset=19)
    for transform in ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"]:
        for rows in [1, 2, 3]:
            names = ["no", "yes"] if rows < 3 else ["a", "b", "c"]
            one = node("LinearClassifier", "x", "label y", **ml, coefficients=weight(rows, 12).ravel().tolist(), intercepts=weight(rows).tolist(), classlabels_strings=names, post_transform=transform, multi_class=0)
            yield graph(f"linear-{transform}-{rows}", [one], [], {"x": X}, {"label": TensorProto.STRING, "y": TensorProto.FLOAT}, ml=1)
        one = node("LinearRegressor", "x", "y", **ml, coefficients=weight(3, 12).ravel().tolist(), intercepts=weight(3).tolist(), targets=3, post_transform=transform)
        yield graph(f"linear-values-{transform}", [one], [], {"x": X}, FLOAT, ml=1)


def refused():
    """Graphs that mix rows, or need what is not there."""
    mean = graph("refused-mixes", [node("ReduceMean", "x", "y", axes=[0])], [], {"x": X}, FLOAT, 13, single=True)
    yield mean | {"says": "along the batch axis"}
    softmax = graph("refused-softmax", [node("Softmax", "x", "y", axis=0)], [], {"x": X}, FLOAT, 13, single=True)
    yield softmax | {"says": "along the batch axis"}
    product = graph("refused-product", [node("Transpose", "x", "t"), node("MatMul", "x t", "y")], [], {"x": X}, FLOAT, 13, single=True)
    yield product | {"says": "depend on the inputs"}
    wave = graph("refused-operator", [node("Sinh", "x", "y")], [], {"x": X}, FLOAT, 13, single=True)
    yield wave | {"says": "feature `onnxruntime`"}


def all():
    """All cases."""
    for group in [pytorch, embeddings, keras, trees, encoders, refused]:
        yield from group()
