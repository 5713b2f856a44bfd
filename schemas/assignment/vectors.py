#!/usr/bin/env python3
"""Writes vectors.json beside this file: assignment computed with Python's hashlib alone.

An implementation of its own, to hold the others to: it shares no code with the Rust crate.
"""

import hashlib
import json
import pathlib
import unicodedata
from fractions import Fraction

UNITS = {
    "ASCII": ["card-1", "card-2", "CARD-1", "N14228", "42", "4242424242424242", " ", "a b", "user@example.org"],
    "a decimal integer is its digits": ["0", "-7", "18446744073709551615"],
    "empty": [""],
    "accents, composed": [unicodedata.normalize("NFC", name) for name in ["Zoë", "café", "Ångström"]],
    "accents, decomposed: other bytes, another unit": [
        unicodedata.normalize("NFD", name) for name in ["Zoë", "café", "Ångström"]
    ],
    "CJK": ["利用者一", "用户42", "사용자"],
    "emoji, beyond the basic plane": ["🐤", "👩‍🔬", "🇨🇭"],
    "right to left": ["مستخدم", "משתמש"],
    "a NUL in the unit is data": ["a\0b"],
    "a unit that fills the hash's block to the byte": ["x" * 46, "x" * 47, "x" * 55, "x" * 56, "x" * 64],
    "10 kB": ["0123456789" * 1000],
}
SALTS = ["fraud-13", "flights", "Zürich-ä", "実験", "s" * 128]

EXPERIMENTS = [
    {"salt": "fraud-13", "layer": {"salt": "fraud", "range": [0, 10000]}, "weights": [5000, 5000]},
    {"salt": "flights-mlp", "layer": {"salt": "flights", "range": [2500, 7500]}, "weights": [3334, 3333, 3333]},
    {"salt": "canary", "layer": {"salt": "search", "range": [0, 10000]}, "weights": [9900, 100]},
]
COVERAGES = ["0.02", "0.25", "0.5", "1"]


def bucket(salt: str, unit: str) -> int:
    digest = hashlib.sha256(salt.encode() + b"\0" + unit.encode()).digest()
    return int.from_bytes(digest[:8], "big") % 10_000


def arm(experiment: dict, coverage: Fraction, unit: str) -> int | None:
    start, end = experiment["layer"]["range"]
    if not start <= bucket(experiment["layer"]["salt"], unit) < end:
        return None
    place, first = bucket(experiment["salt"], unit), 0
    for index, weight in enumerate(experiment["weights"]):
        if first <= place < first + int(coverage * weight):
            return index
        first += weight
    return None


def bucket_vectors() -> list[dict]:
    return [
        {"what": what, "salt": salt, "unit": unit, "bucket": bucket(salt, unit)}
        for what, units in UNITS.items()
        for unit in units
        for salt in (SALTS if len(unit) < 100 else SALTS[:1])
    ]


def arm_vectors() -> list[dict]:
    units = [f"unit-{number}" for number in range(40)] + ["Zoë", "利用者一", "🐤", ""]
    return [
        {**experiment, "coverage": coverage, "arms": {unit: arm(experiment, Fraction(coverage), unit) for unit in units}}
        for experiment in EXPERIMENTS
        for coverage in COVERAGES
    ]


def lines(vectors: list[dict]) -> str:
    return "[\n" + ",\n".join("    " + json.dumps(vector) for vector in vectors) + "\n  ]"


if __name__ == "__main__":
    text = f'{{\n  "buckets": {lines(bucket_vectors())},\n  "arms": {lines(arm_vectors())}\n}}\n'
    json.loads(text)
    pathlib.Path(__file__).with_name("vectors.json").write_text(text)
