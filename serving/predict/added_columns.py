"""The columns that `regpipe predict` adds to the rows, computed from the outputs of the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
import pyarrow as pa

from components.example_gen.cell_parsing import Array
from serving.client.predictor import Probabilities

COLUMN, DECISION_COLUMN, PROBABILITY_COLUMN = "--column", "--decision-column", "--probability-column"


class AddedColumn(Protocol):
    """A column that is added."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def option(self) -> str:
        """The option of `regpipe predict` that gives it another name."""
        ...

    def values(self, predicted: Probabilities) -> Array:
        """Returns its values on rows, float32 or texts [rows], for the predictions [rows] or [rows, classes]."""
        ...


@dataclass(frozen=True, kw_only=True)
class OutputColumn:
    """The output of a model with one output for each row: the probability of the label 1, or the predicted number."""

    name: str
    option: str = COLUMN

    def values(self, predicted: Probabilities) -> Array:
        """See AddedColumn."""
        return pa.array(predicted)


@dataclass(frozen=True, kw_only=True)
class DecisionColumn:
    """The decision for one of two classes.

    Attributes:
        threshold: a probability that is at least this is decided positive; both are compared as float32.
        negative: the value of a negative decision.
        positive: the value of a positive decision.
    """

    name: str
    threshold: float
    negative: str
    positive: str
    option: str = DECISION_COLUMN

    def values(self, predicted: Probabilities) -> Array:
        """See AddedColumn."""
        positive = predicted >= np.float32(self.threshold)
        return cast(Array, pa.array(np.where(positive, self.positive, self.negative), pa.string()))


@dataclass(frozen=True, kw_only=True)
class ClassColumn:
    """The class with the highest probability; of equal ones, the first.

    Attributes:
        classes: the names of the classes, in the order of the outputs.
    """

    name: str
    classes: tuple[str, ...]
    option: str = COLUMN

    def values(self, predicted: Probabilities) -> Array:
        """See AddedColumn."""
        names = np.array(self.classes, object)
        return cast(Array, pa.array(names[predicted.argmax(axis=1)], pa.string()))


@dataclass(frozen=True, kw_only=True)
class ClassProbabilityColumn:
    """The probability of one class.

    Attributes:
        index: its position among the outputs; None: of the class with the highest probability.
    """

    name: str
    index: int | None = None
    option: str = PROBABILITY_COLUMN

    def values(self, predicted: Probabilities) -> Array:
        """See AddedColumn."""
        return pa.array(predicted.max(axis=1) if self.index is None else predicted[:, self.index])


def class_columns(
    column: str, probability: str, classes: Sequence[str], *, each: bool
) -> tuple[AddedColumn, ...]:
    """Returns the columns for a model of several classes.

    Args:
        column: the name of the column with the class that is predicted.
        probability: the name of the column with its probability.
        classes: the names of the classes, in the order of the outputs.
        each: whether there is a column `<probability>_<class>` with the probability of each class, too.
    """
    of_each = (
        ClassProbabilityColumn(name=f"{probability}_{name}", index=index)
        for index, name in enumerate(classes if each else ())
    )
    predicted = ClassColumn(name=column, classes=tuple(classes))
    return predicted, ClassProbabilityColumn(name=probability), *of_each
