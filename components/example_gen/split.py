"""Assigns rows to splits by a hash of their columns without the label and the weight, or of their group.

The label must not select the split. If it did, and rows with equal features were common, all such rows with one label
would be in the training split and all with the other in the test split: a model could not predict the test split.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from components.common.split_record import SplitRecord
from components.config.data import SPLITS
from components.config.split_settings import SplitConfig
from components.example_gen.cell_parsing import CellFormat
from components.examples.text_column import TextColumn

# A change of the hash, also of how equal rows are numbered, gets another version: earlier models were trained on rows
# that are test rows afterwards.
HASH_VERSION = 1

# SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014; the
# multipliers are David Stafford's variant 13, as in java.util.SplittableRandom and
# https://prng.di.unimi.it/splitmix64.c.
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


Hashes = npt.NDArray[np.uint64]
HashedColumn = npt.NDArray[Any]


def split_of(hashes: Hashes, split: SplitConfig) -> npt.NDArray[np.int64]:
    """Chooses a split for every row of a block.

    Rows with equal values are numbered in their order; the hash of the second and later ones includes the number.
    So a row whose values are unique has the same split in every block, and equal rows are distributed over the splits.

    Args:
        hashes: the hash of each row, see `hash_rows`.
        split: the shares of train, eval and test.

    Returns:
        Indices into `SPLITS`, int64 of shape [rows].
    """
    state = hashes
    number = _repetition_number(state)
    if number is not None:
        state = np.where(number > 0, mix((state ^ number) + _GAMMA), state)
    return _by_shares(state, split)


def split_of_groups(groups: npt.NDArray[np.int64], split: SplitConfig) -> npt.NDArray[np.int64]:
    """Chooses a split for every row by its group alone, so that no group is divided.

    Args:
        groups: the id of each row's group, [rows].
        split: the shares of train, eval and test, and the seed.

    Returns:
        Indices into `SPLITS`, int64 of shape [rows].
    """
    return _by_shares(mix((_seed_state(len(groups), split.seed) ^ groups.astype(np.uint64)) + _GAMMA), split)


def _by_shares(hashes: Hashes, split: SplitConfig) -> npt.NDArray[np.int64]:
    parts = [getattr(split, name) for name in SPLITS]
    bucket = hashes % np.uint64(sum(parts))
    return np.searchsorted(np.cumsum(parts).astype(np.uint64), bucket, side="right")


def split_record(
    split: SplitConfig,
    hashed: Collection[str],
    cells: CellFormat,
    booleans: Collection[str],
    categorical: Collection[str] = (),
) -> SplitRecord:
    """Returns everything that determines the split of a row.

    Args:
        split: the shares of train, eval and test, and the seed.
        hashed: the names of the columns that `hash_rows` hashes.
        cells: how the cells of the table are written.
        booleans: the columns whose cells are words such as true and false.
        categorical: the categorical columns.
    """
    reading = [sorted(cells.missing), cells.decimal, cells.thousands, sorted(set(booleans) & set(hashed))]
    if categorical:  # without any, the record is that of the versions that had no categorical columns
        reading.append(sorted(set(categorical) & set(hashed)))
    return SplitRecord(
        **split.model_dump(exclude={"eval_from"}),
        hash_version=HASH_VERSION,
        columns=_digest(sorted(hashed)),
        cells=_digest(reading),
    )


def _digest(value: object) -> str:
    return hashlib.blake2b(json.dumps(value).encode(), digest_size=16).hexdigest()


def hash_rows(columns: Mapping[str, HashedColumn], rows: int, seed: int) -> Hashes:
    """Hashes the rows of a block; rows with equal values have equal hashes, uint64 of shape [rows].

    Args:
        columns: the columns to hash, of shape [rows] each: numbers in float32, or the `text_hashes` of texts. They are
            hashed in alphabetical order of their names, so their order here does not matter.
        rows: the number of rows.
        seed: another seed gives other hashes.
    """
    return extend_hashes(_seed_state(rows, seed), columns)


def _seed_state(rows: int, seed: int) -> Hashes:
    return mix(np.full(rows, seed, np.uint64) + _GAMMA)


def extend_hashes(hashes: Hashes, columns: Mapping[str, HashedColumn]) -> Hashes:
    """Returns the hashes of the same rows with more columns; `columns` as in `hash_rows`."""
    state = hashes
    for name in sorted(columns):
        column = columns[name]
        state = mix((state ^ (_bits(column) if column.dtype == np.float32 else column)) + _GAMMA)
    return state


def _bits(numbers: npt.NDArray[np.float32]) -> npt.NDArray[np.uint32]:
    # Adding 0.0 makes -0.0 positive; every NaN gets the same bits.
    column = numbers + np.float32(0.0)
    column[np.isnan(column)] = np.nan
    return column.view(np.uint32)


def text_hashes(column: TextColumn) -> Hashes:
    """Returns a hash of each cell of a categorical column, uint64 of shape [rows]."""
    digests = [hashlib.blake2b(text, digest_size=8).digest() for text in column.texts]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)[column.codes]


def _repetition_number(values: Hashes) -> Hashes | None:
    """Returns how many earlier elements are equal to each element, [rows]; None if all elements are different."""
    ordered = np.sort(values)
    # The stable sort below takes several times as long, and most tables do not need it.
    if not (ordered[1:] == ordered[:-1]).any():
        return None
    order = np.argsort(values, kind="stable")
    position = np.arange(len(values))
    is_first = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    number = np.empty(len(values), np.uint64)
    number[order] = position - np.maximum.accumulate(np.where(is_first, position, 0))
    return number


def mix(state: Hashes) -> Hashes:
    """Hashes 64-bit integers: the last steps of SplitMix64, which map different integers to different ones."""
    state = (state ^ (state >> np.uint64(30))) * _MIX_1
    state = (state ^ (state >> np.uint64(27))) * _MIX_2
    return state ^ (state >> np.uint64(31))
