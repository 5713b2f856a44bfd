"""Times a network: serin's ONNX graphs beside onnxruntime, on one thread.

    networks.py --timer TIME_ONNX [--rounds 5] [--seconds 0.5] [--folder FOLDER]

A multilayer perceptron of 64-256-128-1 with ReLU and a sigmoid, as PyTorch exports it. Every round times both; a cell is
the median over rounds of the median call. Both have the same rows, and calls walk over 1,024 different ones.
"""

import argparse
import json
import os
import subprocess
import time
from pathlib import Path

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

ROWS, SIZES = 1024, (64, 256, 128, 1)
BATCHES = (1, 32, 256, 1024)


def main():
    options = arguments()
    options.folder.mkdir(parents=True, exist_ok=True)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    model, rows = options.folder / "network.onnx", options.folder / "network.rows"
    onnx.save(network(), model)
    x = np.random.default_rng(2).normal(size=(ROWS, SIZES[0]))
    x.tofile(rows)
    session = peer(model)
    serin, peers = [], []
    for _ in range(options.rounds):
        calls, outputs = run(options, model, rows)
        serin.append(calls)
        peers.append([call(session, x.astype(np.float32), batch, options.seconds) for batch in BATCHES])
    expected = session.run(None, {"x": x.astype(np.float32)})[0].ravel()
    print(f"largest difference from onnxruntime: {np.abs(np.array(outputs) - expected).max():.1e}")
    table(np.median(serin, axis=0), np.median(peers, axis=0))


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--timer", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--folder", type=Path, required=True)
    return parser.parse_args()


def network():
    random = np.random.default_rng(1)
    nodes, tensors, last = [], [], "x"
    for at, (inputs, outputs) in enumerate(zip(SIZES, SIZES[1:])):
        weights = random.normal(size=(outputs, inputs)) / np.sqrt(inputs)
        tensors.append(numpy_helper.from_array(weights.astype(np.float32), f"w{at}"))
        tensors.append(numpy_helper.from_array(random.normal(size=outputs).astype(np.float32) / 10, f"b{at}"))
        nodes.append(helper.make_node("Gemm", [last, f"w{at}", f"b{at}"], [f"a{at}"], transB=1))
        nodes.append(helper.make_node("Sigmoid" if outputs == 1 else "Relu", [f"a{at}"], [f"h{at}"]))
        last = f"h{at}"
    port = lambda name, width: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", width])
    graph = helper.make_graph(nodes, "network", [port("x", SIZES[0])], [port(last, 1)], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def peer(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(options, model, rows):
    """serin's microseconds a call for each batch, and its outputs."""
    command = [options.timer, model, rows, str(options.seconds), *map(str, BATCHES)]
    lines = [json.loads(line) for line in subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()]
    return [line["us"] for line in lines[:-1]], lines[-1]["outputs"]


def call(session, x, batch, seconds):
    """The median microseconds of a call."""
    calls = [x[first : first + batch] for first in range(0, ROWS, batch)]
    times, started = [], time.perf_counter()
    while time.perf_counter() - started < seconds:
        for rows in calls:
            begun = time.perf_counter()
            session.run(None, {"x": rows})
            times.append(time.perf_counter() - begun)
    return np.median(times) * 1e6


def table(serin, peers):
    print("| engine | " + " | ".join(f"{batch}" for batch in BATCHES) + " |")
    print("|---|" + "---|" * len(BATCHES))
    print("| onnxruntime | " + " | ".join(f"{us:.1f} µs" for us in peers) + " |")
    print("| serin | " + " | ".join(f"{us:.1f} µs, {peer / us:.2f} x" for us, peer in zip(serin, peers)) + " |")


main()
