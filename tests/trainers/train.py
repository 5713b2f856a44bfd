"""Trains small models with the real trainers, over a grid of their options, and writes down what they predict.

    train.py FOLDER

The folder gets `cases.json`, and for each case the model's file, its rows, and the trainer's predictions and margins
as little-endian 64-bit floats. The rows hold what trips readers up: missing values, infinities where the trainer takes
them, categories that are unknown, negative or no whole numbers, values on thresholds and right beside them, and
numbers that differ below the precision of 32-bit floats.
"""

import json
import sys
import time
from pathlib import Path

import lightgbm_cases
import xgboost_cases


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    cases = list(lightgbm_cases.all(folder)) + list(xgboost_cases.all(folder))
    names = [case["name"] for case in cases]
    assert len(set(names)) == len(names), "a name is there twice"
    # Written last: where it is, everything is.
    (folder / "cases.json").write_text(json.dumps(cases, indent=1))
    print(f"{len(cases)} cases in {time.monotonic() - started:.0f} s")


main()
