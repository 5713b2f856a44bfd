"""Times tree ensembles: serin's kernels beside onnxruntime and the trainers' own predict, on one thread.

    trees.py --timer TIME_FOREST [--rounds 5] [--seconds 0.5] [--folder FOLDER]

A LightGBM and an XGBoost model of 500 trees with 64 leaves over 50 columns, 3 % of whose values are missing, are
trained once and kept in the folder. Every round times every engine; a cell is the median over rounds of the fastest
tenth's slowest call, since other work on the machine only ever makes a call slower. The peers are timed by the clock of
their thread, which stands still while others run; serin by the clock on the wall. All have the same rows, and calls
walk over 1,024 different ones.
"""

import argparse
import json
import os
import subprocess
import time
from pathlib import Path

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import lightgbm
import numpy as np
import onnxruntime
import xgboost
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

ROWS, COLUMNS, TREES, LEAVES = 1024, 50, 500, 64
BATCHES = (1, 32, 256, 1024)


def main():
    options = arguments()
    folder = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    rows = numbers(ROWS, 2)
    rows.tofile(folder / "rows")
    libraries = (
        ("lightgbm", "lightgbm.txt", train_lightgbm, lightgbm_peers),
        ("xgboost", "xgboost.ubj", train_xgboost, xgboost_peers),
    )
    for library, file, train, peers_of in libraries:
        model = folder / file
        if not model.exists():
            train(model)
        peers, reference, onnx = peers_of(model, rows, folder)
        measure(library, model, peers, reference, onnx, options)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--timer", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--folder", type=Path, required=True)
    return parser.parse_args()


def numbers(rows, seed):
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, COLUMNS))
    x[random.random(x.shape) < 0.03] = np.nan
    return x


def training():
    x = numbers(20_000, 1)
    z = np.nan_to_num(x)
    noise = np.random.default_rng(3).normal(size=len(x))
    y = z[:, 0] + z[:, 1] * z[:, 2] + np.sin(3 * z[:, 3]) + 0.2 * z[:, 4:20].sum(axis=1) + 0.7 * noise
    return x, (y > 0).astype(float)


def train_lightgbm(model):
    options = {"objective": "binary", "num_leaves": LEAVES, "learning_rate": 0.05, "num_threads": 1, "verbosity": -1}
    lightgbm.train(options, lightgbm.Dataset(*training()), TREES).save_model(model)


def train_xgboost(model):
    x, y = training()
    options = {"objective": "binary:logistic", "grow_policy": "lossguide", "max_leaves": LEAVES, "max_depth": 0}
    options |= {"eta": 0.05, "nthread": 1}
    booster = xgboost.train(options, xgboost.DMatrix(x, y), TREES)
    model.write_bytes(bytes(booster.save_raw("ubj")))


def lightgbm_peers(model, rows, folder):
    booster = lightgbm.Booster(model_file=model)
    predict = lambda rows: booster.predict(rows, num_threads=1)
    onnx = session(folder / "lightgbm.onnx", lambda: convert_lightgbm(booster, initial_types=inputs(), zipmap=False))
    peers = {"LightGBM 4.7 predict": (predict, rows), "onnxruntime 1.32": (onnx, rows.astype(np.float32))}
    return peers, predict(rows), onnx


def xgboost_peers(model, rows, folder):
    booster = xgboost.Booster({"nthread": 1}, model_file=model)
    predict = lambda rows: booster.inplace_predict(rows)
    onnx = session(folder / "xgboost.onnx", lambda: convert_xgboost(booster, initial_types=inputs()))
    peers = {"XGBoost 3.2 inplace_predict": (predict, rows), "onnxruntime 1.32": (onnx, rows.astype(np.float32))}
    return peers, predict(rows), onnx


def inputs():
    return [("x", FloatTensorType([None, COLUMNS]))]


def session(path, convert):
    if not path.exists():
        path.write_bytes(convert().SerializeToString())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    opened = onnxruntime.InferenceSession(path, options)
    names = [output.name for output in opened.get_outputs()]
    return lambda rows: opened.run(names[1:], {"x": rows})[0]


def measure(library, model, peers, reference, onnx, options):
    calls = {}
    found = None
    for _ in range(options.rounds):
        for kernel, batch, call, predictions in serin(library, model, options):
            calls.setdefault(f"serin {kernel}", {}).setdefault(batch, []).append(call)
            found = predictions
        for name, (predict, rows) in peers.items():
            for batch in BATCHES:
                call = fast_call(predict, rows, batch, options.seconds)
                calls.setdefault(name, {}).setdefault(batch, []).append(call)
    medians = lambda by: {batch: float(np.median(times)) for batch, times in by.items()}
    report(library, {name: medians(by) for name, by in calls.items()})
    print(f"largest difference from the trainer: serin {np.abs(found - reference).max():.1e}, ", end="")
    converted = np.asarray(onnx(peers["onnxruntime 1.32"][1])).reshape(len(reference), -1)[:, -1]
    print(f"onnxruntime {np.abs(converted - reference).max():.1e}\n", flush=True)


def serin(library, model, options):
    command = [options.timer, library, model, options.folder / "rows", str(options.seconds), *map(str, BATCHES)]
    lines = [json.loads(line) for line in subprocess.run(command, check=True, capture_output=True).stdout.splitlines()]
    predictions = np.array(lines[-1]["predictions"])
    return [(line["kernel"], line["batch"], line["us"], predictions) for line in lines if "kernel" in line]


def fast_call(predict, rows, batch, seconds):
    """The microseconds that nine calls of ten take, or more."""
    times = []
    started = time.perf_counter()
    while time.perf_counter() - started < seconds:
        for first in range(0, len(rows) - batch + 1, batch):
            some = rows[first : first + batch]
            call = time.thread_time()
            predict(some)
            times.append(time.thread_time() - call)
    return np.quantile(times, 0.1) * 1e6


def report(library, calls):
    peer = calls["onnxruntime 1.32"]
    print(f"{library}: microseconds a call, and times as fast as onnxruntime\n")
    print("| engine | " + " | ".join(f"batch {batch:,}" for batch in BATCHES) + " | rows/s at 1,024 |")
    print("|---|" + "---|" * (len(BATCHES) + 1))
    for name, by in calls.items():
        cells = [f"{by[batch]:.1f} ({peer[batch] / by[batch]:.1f} x)" for batch in BATCHES]
        print(f"| {name} | " + " | ".join(cells) + f" | {1024 / by[1024] * 1e6:,.0f} |")
    print()


main()
