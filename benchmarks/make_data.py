"""Writes synthetic tables for the benchmarks: 20 numeric features `f0`..`f19` and a 0/1 `label`.

They come from scikit-learn's `make_classification`: 5 informative features, 5 linear combinations of them, 10 columns
of noise, and 3% of the labels at random, so that no model is perfect and a network can overfit.

    python benchmarks/make_data.py --rows 200000 --out table.csv
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv
from sklearn.datasets import make_classification

FEATURES = tuple(f"f{index}" for index in range(20))
LABEL = "label"
POOL_ROWS = 1_000_000
CHUNK_ROWS = 100_000
DECIMALS = 6
JITTER = 0.01


def make_table(rows: int, path: Path, seed: int = 7) -> None:
    """Writes `rows` examples to the CSV file `path`; the same arguments give the same bytes.

    Memory does not grow beyond `POOL_ROWS` rows (see `_chunks`).

    Raises:
        ValueError: if `rows` is not positive.
    """
    if rows < 1:
        raise ValueError(f"rows must be >= 1, got {rows}.")
    types: dict[str, pa.DataType] = dict.fromkeys(FEATURES, pa.float64()) | {LABEL: pa.int64()}
    schema = pa.schema(types)
    with path.open("wb") as file:
        # pyarrow's own header has quotes around the names.
        file.write((",".join(schema.names) + "\n").encode())
        with csv.CSVWriter(file, schema, write_options=csv.WriteOptions(include_header=False)) as writer:
            for features, labels in _chunks(rows, seed):
                columns = [*np.round(features, DECIMALS).T, labels]
                writer.write_batch(pa.record_batch([pa.array(column) for column in columns], schema=schema))


def _chunks(rows: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields `rows` examples in chunks: features `[n, 20]` and labels `[n]`.

    Each call of `make_classification` makes other classes, so all chunks must come from one call, which makes at most
    `POOL_ROWS` rows. Further rows are random ones of these with a little noise. Such a table is good for timing, but
    not for comparing models, because near-copies of a row are in different splits.
    """
    features, labels = _pool(min(rows, POOL_ROWS), seed)
    for start in range(0, len(labels), CHUNK_ROWS):
        yield features[start : start + CHUNK_ROWS], labels[start : start + CHUNK_ROWS]
    generator = np.random.default_rng(seed)
    for start in range(POOL_ROWS, rows, CHUNK_ROWS):
        picked = generator.integers(len(labels), size=min(CHUNK_ROWS, rows - start))
        noise = generator.normal(scale=JITTER, size=(len(picked), len(FEATURES)))
        yield features[picked] + noise, labels[picked]


def _pool(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws features `[rows, 20]` and labels `[rows]` from one distribution."""
    features, labels = make_classification(
        n_samples=rows,
        n_features=len(FEATURES),
        n_informative=5,
        n_redundant=5,
        n_clusters_per_class=2,
        flip_y=0.03,
        random_state=seed,
    )
    return features, labels


def main() -> None:
    """Reads the arguments and writes the table."""
    parser = argparse.ArgumentParser(description="Write a synthetic table for the benchmarks.")
    parser.add_argument("--rows", type=int, default=200_000, help="number of examples (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="the CSV file to write")
    parser.add_argument("--seed", type=int, default=7, help="seed of the data (default: %(default)s)")
    args = parser.parse_args()
    make_table(args.rows, args.out, args.seed)


if __name__ == "__main__":
    main()
