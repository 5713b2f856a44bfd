"""The example's production model in ONNX, and what is between a record and a prediction."""

import hashlib
import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

HEADERS = [("ce_type", "dev.serin.prediction.v1"), ("content-type", "application/json")]
OPERATORS = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}


class Model:
    """One version of a model, scored by onnxruntime in batches."""

    def __init__(self, folder: Path):
        self.manifest = tomllib.loads((folder / "model.toml").read_text())
        inputs = self.manifest["input"]
        self.numbers = [each for each in inputs if each["kind"] == "number"]
        self.categories = [each for each in inputs if each["kind"] == "one_hot"]
        self.mean = numpy.array([each["mean"] for each in self.numbers], numpy.float64)
        self.scale = numpy.array([each["scale"] for each in self.numbers], numpy.float64)
        # The columns are in the manifest's order, which has the numbers first.
        assert inputs == self.numbers + self.categories
        self.columns, self.width = [], len(self.numbers)
        for each in self.categories:
            self.columns.append({value: self.width + place for place, value in enumerate(each["values"])})
            self.width += len(each["values"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(self.export(folder), options, ["CPUExecutionProvider"])
        self.check(folder)

    def export(self, folder: Path) -> bytes:
        """The network as an ONNX model."""
        tensors = load_file(folder / self.manifest["file"])
        nodes, weights, last = [], [], "features"
        for place, layer in enumerate(self.manifest["layers"]):
            output = f"layer_{place}"
            if layer == "linear":
                names = [f"layers.{place}.weight", f"layers.{place}.bias"]
                weights += [numpy_helper.from_array(tensors[name], name) for name in names]
                nodes.append(helper.make_node("Gemm", [last, *names], [output], transB=1))
            else:
                nodes.append(helper.make_node(OPERATORS[layer], [last], [output]))
            last = output
        features = helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, self.width])
        scores = helper.make_tensor_value_info(last, TensorProto.FLOAT, [None, 1])
        graph = helper.make_graph(nodes, "model", [features], [scores], weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.checker.check_model(model)
        return model.SerializeToString()

    def check(self, folder: Path):
        """Fails where the scores are not those of the model's golden rows."""
        golden = self.manifest["golden"]
        rows = [json.loads(line) for line in (folder / golden["file"]).read_text().splitlines()]
        scores = self.score([row["features"] for row in rows])
        expected = [row["outputs"]["late"] for row in rows]
        assert numpy.allclose(scores, expected, rtol=0, atol=golden["tolerance"])

    def encode(self, rows: list[dict]) -> numpy.ndarray:
        """Feature vectors: numbers standardized, categories one-hot, what is missing filled."""
        features = numpy.zeros((len(rows), self.width), numpy.float32)
        values = [
            [each["fill"] if (value := row.get(each["feature"])) is None else value for each in self.numbers]
            for row in rows
        ]
        features[:, : len(self.numbers)] = (numpy.array(values, numpy.float64) - self.mean) / self.scale
        for each, columns in zip(self.categories, self.columns, strict=True):
            for place, row in enumerate(rows):
                column = columns.get(row.get(each["feature"]))
                if column is not None:
                    features[place, column] = 1
        return features

    def score(self, rows: list[dict]) -> list[float]:
        (scores,) = self.session.run(None, {"features": self.encode(rows)})
        return scores[:, 0].tolist()

    def predict(self, values: list[bytes]) -> list[tuple[str, bytes, int]]:
        """Key, value and time in milliseconds of the prediction of each record."""
        events = [json.loads(value) for value in values]
        scores = self.score([event["features"] for event in events])
        scored_at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        return [self.prediction(*each, scored_at) for each in zip(events, scores, strict=True)]

    def predict_singly(self, values: list[bytes]) -> list[tuple[str, bytes, int]]:
        """The same, with a call of the model for each record."""
        return [prediction for value in values for prediction in self.predict([value])]

    def prediction(self, event: dict, score: float, scored_at: str) -> tuple[str, bytes, int]:
        occurred_at = datetime.fromisoformat(event["event_time"])
        event_id, unit = event["event_id"], event["unit_id"]
        digest = hashlib.sha256(f"{event_id}\0late\0served".encode()).hexdigest()
        prediction = {
            "prediction_id": digest[:32],
            "event_id": event_id,
            "unit": {"kind": "aircraft", "id": unit},
            "model": "late",
            "version": self.manifest["version"],
            "assigned_version": self.manifest["version"],
            "role": "production",
            "experiment": None,
            "variant": None,
            "bucket": None,
            "propensity": None,
            "revision": 1,
            "outputs": {"late": score},
            "fallback": None,
            "occurred_at": event["event_time"],
            "scored_at": scored_at,
        }
        value = json.dumps(prediction, separators=(",", ":")).encode()
        return unit, value, int(occurred_at.timestamp() * 1000)
