"""Samples distinct rows by their hashes, so that the sample does not depend on the order or grouping of the rows."""

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float32]
# The number of copies of each row, int64, or their total weight, float64.
Counts = npt.NDArray[Any]


class DistinctRowSample:
    """The distinct rows with the smallest hashes, each with the exact number of its copies, or with their total weight.

    (This is distinct sampling: Gibbons, "Distinct sampling for highly-accurate answers to distinct values queries and
    event reports", VLDB 2001.) A table of at most `size` distinct rows is in the sample as a whole. In a larger one,
    every distinct row is equally likely to be in the sample, however many copies it has. So a row of the integer weight
    n gives the same sample as n copies of it. The quantile sketches of Transform depend on the order in which Beam
    merges them, and thus on the runner; this sample does not.

    Args:
        width: the number of columns.
        size: the maximum number of distinct rows in the sample. At most about twice as many are in memory.
    """

    def __init__(self, width: int, size: int) -> None:
        self._size = size
        self._bound = np.iinfo(np.uint64).max  # rows with larger hashes are not in the sample
        self._hashes = np.zeros(0, np.uint64)
        self._counts: Counts = np.zeros(0, np.int64)
        self._rows = np.zeros((0, width), np.float32)

    def add(self, rows: Rows, weights: npt.NDArray[np.float64] | None = None) -> None:
        """Adds rows, float32 [rows, width]; NaN is a missing value. Each row counts once, or with its weight."""
        hashes = _hashes(rows)
        candidates = np.flatnonzero(hashes <= self._bound)
        counts = np.ones(candidates.size, np.int64) if weights is None else weights[candidates]
        self._append(hashes[candidates], counts, rows[candidates])

    def merge(self, other: "DistinctRowSample") -> None:
        """Adds the rows of another sample of the same size."""
        self._append(other._hashes, other._counts, other._rows)

    def rows(self) -> tuple[Rows, Counts]:
        """Returns the distinct rows, float32 [rows, width], in a fixed order, and how much each counts, [rows]."""
        self._shrink()
        return self._rows, self._counts

    def _append(self, hashes: npt.NDArray[np.uint64], counts: Counts, rows: Rows) -> None:
        self._hashes = np.concatenate([self._hashes, hashes])
        self._counts = np.concatenate([self._counts, counts])
        self._rows = np.concatenate([self._rows, rows])
        if self._hashes.size >= 2 * self._size:
            self._shrink()

    def _shrink(self) -> None:
        hashes, first, copy_of = np.unique(self._hashes, return_index=True, return_inverse=True)
        counts = np.zeros_like(self._counts, shape=hashes.size)
        np.add.at(counts, copy_of, self._counts)
        self._hashes, self._counts = hashes[: self._size], counts[: self._size]
        self._rows = self._rows[first[: self._size]]
        if hashes.size >= self._size:
            # A hash that was dropped can't be in the sample later, because the bound only becomes smaller. So the
            # counts of all rows up to the bound are complete.
            self._bound = hashes[self._size - 1]


def _hashes(rows: Rows) -> npt.NDArray[np.uint64]:
    # Adding 0.0 makes -0.0 positive; every NaN gets the same bits.
    canonical = np.where(np.isnan(rows), np.float32(np.nan), rows + np.float32(0.0))
    digests = (hashlib.blake2b(row, digest_size=8).digest() for row in np.ascontiguousarray(canonical))
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)
