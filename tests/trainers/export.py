"""Exports pipelines and networks to ONNX, and writes down what onnxruntime and scikit-learn compute with them.

    export.py FOLDER

The folder gets `cases.json`, and for each case the model, its rows (numbers as little-endian 64-bit floats, texts in
the index), and the outputs of onnxruntime, and of scikit-learn where it has them. Rows hold missing values, categories
that no trainer has seen, and values on thresholds. A case that `says` something is one that must be refused so.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime

import networks
import pipelines


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    cases = [write(folder, case) for case in [*pipelines.all(), *networks.all()]]
    names = [case["name"] for case in cases]
    assert len(set(names)) == len(names), "a name is there twice"
    # Written last: where it is, everything is.
    (folder / "cases.json").write_text(json.dumps(cases))
    print(f"{len(cases)} graphs in {time.monotonic() - started:.0f} s")


def write(folder, case):
    """Writes a case's files, and returns its entry of the index."""
    name, model = case["name"], case["model"].SerializeToString()
    (folder / f"{name}.onnx").write_bytes(model)
    entry = {"name": name}
    if "says" in case:
        entry["says"] = case["says"]
    if "inputs" not in case:
        return entry
    inputs = case["inputs"]
    texts = [value for value in inputs.values() if value.dtype == object]
    numbers = [value.astype(np.float64) for value in inputs.values() if value.dtype != object]
    rows = len(next(iter(inputs.values())))
    if numbers:
        np.hstack([value.reshape(rows, -1) for value in numbers]).tofile(folder / f"{name}.numbers")
    entry["rows"] = rows
    entry["texts"] = np.hstack(texts).ravel().tolist() if texts else []
    entry["outputs"] = reference(folder, name, model, inputs, case.get("single", False))
    if "trainer" in case:
        entry["trainer"] = {}
        for output, values in case["trainer"].items():
            np.asarray(values, np.float64).reshape(rows, -1).tofile(folder / f"{name}.trainer.{output}")
            entry["trainer"][output] = case.get("tolerance", 1e-5)
    return entry


def reference(folder, name, model, inputs, single):
    """Runs a graph with onnxruntime on one thread; row by row where it takes no more."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    if single:
        count = len(next(iter(inputs.values())))
        runs = [session.run(None, {key: value[at : at + 1] for key, value in inputs.items()}) for at in range(count)]
        results = [sum(values, []) if isinstance(values[0], list) else np.concatenate(values) for values in zip(*runs)]
    else:
        results = session.run(None, inputs)
    kinds = {}
    for output, values in zip(session.get_outputs(), results):
        kinds[output.name] = "numbers"
        if isinstance(values, list):
            labels = list(values[0])
            values = np.array([[row[label] for label in labels] for row in values])
            kinds[output.name] = [str(label) for label in labels]
        if values.dtype == object:
            kinds[output.name] = "texts"
            (folder / f"{name}.{output.name}").write_text(json.dumps(values.ravel().tolist()))
            continue
        np.asarray(values, np.float64).tofile(folder / f"{name}.{output.name}")
    return kinds


if __name__ == "__main__":
    main()
