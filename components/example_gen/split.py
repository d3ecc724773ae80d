"""Assigns rows to splits by a hash of their content, so the same row always goes to the same split."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from components.config.data import SPLITS, SplitRatio

# SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014; the
# multipliers are David Stafford's variant 13, as in java.util.SplittableRandom and
# https://prng.di.unimi.it/splitmix64.c.
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def split_of(
    names: Sequence[str], features: npt.NDArray[np.float32], label: npt.NDArray[np.int64], ratio: SplitRatio
) -> npt.NDArray[np.int64]:
    """Chooses a split for every row.

    Args:
        names: the names of the features. They are hashed in alphabetical order, so the order here does not matter.
        features: shape [len(names), rows].
        label: 0 or 1, shape [rows].
        ratio: the shares of train, eval and test.

    Returns:
        Indices into `SPLITS`, int64 of shape [rows].
    """
    state = _mix(label.astype(np.uint64) + _GAMMA)
    for index in sorted(range(len(names)), key=lambda at: names[at]):
        # Adding 0.0 makes -0.0 positive; every NaN gets the same bits.
        column = features[index] + np.float32(0.0)
        column[np.isnan(column)] = np.nan
        state = _mix((state ^ column.view(np.uint32)) + _GAMMA)
    parts = [getattr(ratio, split) for split in SPLITS]
    bucket = state % np.uint64(sum(parts))
    return np.searchsorted(np.cumsum(parts).astype(np.uint64), bucket, side="right")


def _mix(state: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    state = (state ^ (state >> np.uint64(30))) * _MIX_1
    state = (state ^ (state >> np.uint64(27))) * _MIX_2
    return state ^ (state >> np.uint64(31))
