"""Weights of the classes, so that the rarer class has as much influence on the training as the other one."""

from typing import NamedTuple

from components.config.training import BALANCED
from components.training.dataset import Dataset


class ClassWeights(NamedTuple):
    """The factors by which the weights of the rows with the label 0 and with the label 1 are multiplied."""

    negative: float
    positive: float


def balanced_class_weights(train: Dataset) -> ClassWeights:
    """Returns class weights with which both classes have the same sum of weights.

    The factor of a class is sum(w) / (2 * sum(w of the class)), as scikit-learn's "balanced"; these are the weights of
    King and Zeng ("Logistic regression in rare events data", Political Analysis 2001) for classes of equal size. The
    sum of all weights remains the same. If the split has rows of only one class, both factors are 1.
    """
    negative, positive = train.class_sums
    if not negative or not positive:
        return ClassWeights(1.0, 1.0)
    half = (negative + positive) / 2
    return ClassWeights(float(half / negative), float(half / positive))


def with_class_weights(train: Dataset, validation: Dataset, class_weight: str) -> tuple[Dataset, Dataset]:
    """Returns both splits with the weights of the objective.

    Args:
        train: the rows to train on, which determine the factors of the classes.
        validation: the rows to score; they get the factors of the training split, because early stopping and the choice
            of the strengths compare values of the objective.
        class_weight: training.class_weight. With 'none' the splits are returned as they are.
    """
    if class_weight != BALANCED:
        return train, validation
    factors = balanced_class_weights(train)
    return train.with_class_weights(*factors), validation.with_class_weights(*factors)
