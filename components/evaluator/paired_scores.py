"""The scored rows of a split: labels, weights, the predictions of all models, and the values of features."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from components.evaluator.metrics import Array, Floats, ScoredRows, row_weights
from components.tasks.binary import BINARY
from components.tasks.task import Task

Predictions = Mapping[str, Array]
Groups = npt.NDArray[np.int64]


def numbered(ids: Groups) -> Groups:
    """Returns the number of each row's group, from 0 and without gaps, [rows]; groups have any ids."""
    _, numbers = np.unique(ids, return_inverse=True)
    return numbers.astype(np.int64)


class PairedScores(NamedTuple):
    """The same rows with the predictions of several models.

    Attributes:
        labels: the number of a class; with a regression, any number; float32 [rows].
        predictions: by model, in the order of the labels: the probabilities of class 1, or the predictions of a
            regression, float32 [rows]; or the probabilities of all classes, float32 [rows, classes]. These are the
            models of the first training seed; the candidate is the one that may be published.
        split_rows: the number of rows in the split, if these rows are a sample of it; None: these are all rows.
        weights: how many rows each row counts for, float32 [rows]; None: each counts for one.
        other_seeds: the predictions of the models of each further training seed.
        groups: the number of each row's group, from 0, int64 [rows]; None: each row is an observation of its own.
        task: what the models predict.
        classes: the names of the classes; empty if the label is a number, or if they are not known.
    """

    labels: Array
    predictions: Predictions
    split_rows: int | None = None
    weights: Array | None = None
    other_seeds: Sequence[Predictions] = ()
    groups: Groups | None = None
    task: Task = BINARY
    classes: tuple[str, ...] = ()

    @property
    def is_sample(self) -> bool:
        """Whether these rows are only a part of the split."""
        return self.split_rows is not None and self.split_rows > self.labels.size

    @property
    def seeds(self) -> tuple[Predictions, ...]:
        """The predictions of each training seed, the first seed first."""
        return (self.predictions, *self.other_seeds)

    def row_weights(self) -> Floats:
        """Returns the weights, float64 [rows]; 1 for each row if there are none."""
        return row_weights(self.labels, self.weights)

    def first_seed(self) -> "PairedScores":
        """Returns these rows with the models of the first seed only."""
        return self._replace(other_seeds=())

    def with_model(self, name: str, predictions: Array) -> "PairedScores":
        """Returns these rows with one more model, which has no training seeds: its predictions."""
        first, *others = ({**seed, name: predictions} for seed in self.seeds)
        return self._replace(predictions=first, other_seeds=tuple(others))

    def select(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> "PairedScores":
        """Returns some of the rows, by a mask or by their numbers."""
        seeds = [{model: values[rows] for model, values in seed.items()} for seed in self.seeds]
        weights = None if self.weights is None else self.weights[rows]
        groups = None if self.groups is None else numbered(self.groups[rows])
        return PairedScores(
            self.labels[rows],
            seeds[0],
            self.split_rows,
            weights,
            seeds[1:],
            groups,
            self.task,
            self.classes,
        )

    def scored(self, model: str, seed: int = 0) -> ScoredRows:
        """Returns the rows with the predictions of one model of one seed, by the number of the seed."""
        predictions = self.seeds[seed][model]
        return ScoredRows(self.labels, predictions, weights=self.weights, classes=self.classes)

    def scored_by(self, model: str) -> Iterator[ScoredRows]:
        """Yields the rows with the predictions of one model, for each seed."""
        return (self.scored(model, seed) for seed in range(len(self.seeds)))


class SplitScores(NamedTuple):
    """The scored rows of a split.

    Attributes:
        scores: the scored rows.
        features: the values of the requested features (NaN: missing), in the same order.
        rows: the number of examples that were read; more than were scored, if these are a sample.
        digest: the SHA-256 (hexadecimal) of all serialized examples that were read.
        examples: a uniform sample of the serialized examples; empty unless some were to be kept.
        example_groups: the number of the group of each of these; None without groups.
    """

    scores: PairedScores
    features: Mapping[str, Array]
    rows: int = 0
    digest: str = ""
    examples: Sequence[bytes] = ()
    example_groups: Groups | None = None
