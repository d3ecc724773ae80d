"""The rows as the objective of a training reads them: with class weights for two classes, with a scaled number."""

from typing import NamedTuple

import numpy as np

from components.config.training import TrainingConfig
from components.training.class_weights import with_class_weights
from components.training.dataset import READ_BATCH_SIZE, Dataset


class LabelScaling(NamedTuple):
    """The weighted mean of the labels of the training split, and their standard deviation (1 if all are equal)."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, train: Dataset) -> "LabelScaling":
        """Returns the scaling of a split; computed in float64, in two passes over the rows."""
        mean = _mean(train, 0, 1)
        return cls(mean, _mean(train, mean, 2) ** 0.5 or 1.0)


def objective_splits(
    train: Dataset, validation: Dataset, training: TrainingConfig
) -> tuple[Dataset, Dataset]:
    """Returns both splits with the weights and the labels of the objective, which follow from the training split."""
    if training.objective.output.is_scaled:
        scaling = LabelScaling.of(train)
        return train.with_scaled_labels(*scaling), validation.with_scaled_labels(*scaling)
    return with_class_weights(train, validation, training.class_weight)


def _mean(data: Dataset, center: float, power: int) -> float:
    """Returns the weighted mean of (label - center) ** power."""
    total = 0.0
    for part in data.batches(READ_BATCH_SIZE):
        values = (part.labels.astype(np.float64) - center) ** power
        total += float((values if part.weights is None else values * part.weights).sum())
    return total / data.total_weight
