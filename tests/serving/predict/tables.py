"""Tables for the model `exported` in conftest.py."""

import csv
from pathlib import Path

import numpy as np

DELTA = "Δ-price. 'a/b' \"x\" <script>"


def write_table(path: Path, rows: int = 5_000) -> Path:
    """Writes the features of `exported`, with some missing cells, and a text column."""
    draw = np.random.default_rng(0)
    values = draw.normal(1, 3, (3, rows))
    values[draw.random(values.shape) < 0.1] = np.nan
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "b", DELTA, "a"])
        for row in range(rows):
            writer.writerow([f"no. {row}", *("" if np.isnan(value) else value for value in values[:, row])])
    return path
