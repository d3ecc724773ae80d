"""What answers for a model, wherever it runs: the client of a server, or a SavedModel in this process."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

SIGNATURE = "serving_default"
OUTPUT = "probability"
Columns = Mapping[str, NDArray[np.float32]]
Probabilities = NDArray[np.float32]


class Predictor(Protocol):
    """From columns of raw values to probabilities, through the signature `serving_default`."""

    def input_names(self) -> list[str]:
        """The inputs of the model, sorted. These are not always the features': see components.saved_model.input_names.

        Raises:
            ServingError: the model can't be asked.
        """
        ...

    def predict(self, columns: Columns) -> Probabilities:
        """The probability of the label 1 for each row.

        Args:
            columns: for each input its values, float32 [batch]; NaN means missing. All of one length.

        Returns:
            float32 [batch], in the order of the rows.

        Raises:
            ServingError: there is no answer; its kinds are in serving.client.exceptions.
            ValueError: the columns are no such columns.
        """
        ...

    def close(self) -> None:
        """Gives back what the predictor holds: connections, or the model in memory."""
        ...


@dataclass(frozen=True)
class VersionStatus:
    """What a server says of one version of a model.

    Args:
        version: its number.
        state: START, LOADING, AVAILABLE, UNLOADING or END.
        code: `OK`, or why it is not: a name of gRPC's status codes.
        message: the server's words, empty if OK.
    """

    version: int
    state: str
    code: str
    message: str


class Client(Predictor, Protocol):
    """A model on a server. It may be used by several threads at once."""

    def status(self) -> list[VersionStatus]:
        """What the server knows of the model's versions, the newest first; or of the one version asked for.

        Raises:
            ServingError: there is no answer; NotFound, if the server knows no version.
        """
        ...


def count_rows(columns: Columns) -> int:
    """How many rows the columns have.

    A server would not always notice: TensorFlow may stretch a column of one value over the batch.

    Raises:
        ValueError: there is no column, or one has another type, shape or length than the first.
    """
    first = next(iter(columns), None)
    if first is None:
        raise ValueError("expected a column for each input, got none.")
    rows = columns[first].size
    for name, column in columns.items():
        if column.dtype != np.float32 or column.shape != (rows,):
            raise ValueError(
                f"expected each column to be float32 [{rows}], got {column.dtype} {list(column.shape)} for {name}."
            )
    return rows
