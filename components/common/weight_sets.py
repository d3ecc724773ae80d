"""Stores further weights of a network beside its exported model, for the Evaluator to score with the same graph.

So the network with early stopping alone, and the networks of further training seeds, need no exported model of their
own.
"""

import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from components.common import storage

_FILE = "weight_sets.npz"
Weights = Sequence[npt.NDArray[np.float32]]


class WeightSets(NamedTuple):
    """Weights by training seed, each in the order of the network's `get_weights()`.

    Attributes:
        trained: the weights at the end of the training, of each further seed; those of the first seed are in the
            exported model.
        best_epoch: the weights of the epoch with the lowest validation log loss, of each seed.
    """

    trained: Mapping[int, Weights] = {}
    best_epoch: Mapping[int, Weights] = {}


def write_weight_sets(folder: str, sets: WeightSets) -> None:
    """Writes the weights into the folder of a model artifact. The same weights give the same bytes."""
    arrays = {
        f"{kind}/{seed}/{index:06d}": array
        for kind, by_seed in sets._asdict().items()
        for seed, weights in by_seed.items()
        for index, array in enumerate(weights)
    }
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    storage.write(f"{folder}/{_FILE}", buffer.getvalue())


def read_weight_sets(folder: str) -> WeightSets:
    """Reads the weights from the folder of a model artifact, by ascending seed; empty if it has none."""
    try:
        content = storage.read(f"{folder}/{_FILE}")
    except FileNotFoundError:
        return WeightSets()
    found: dict[str, dict[int, list[npt.NDArray[np.float32]]]] = {name: {} for name in WeightSets._fields}
    with np.load(io.BytesIO(content)) as archive:
        for name in sorted(archive.files):
            kind, seed, _ = name.split("/")
            found[kind].setdefault(int(seed), []).append(archive[name])
    # The order of the names is that of texts, in which 10 is before 9.
    return WeightSets(**{kind: dict(sorted(by_seed.items())) for kind, by_seed in found.items()})
