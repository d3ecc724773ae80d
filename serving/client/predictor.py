"""The interface for predictions, which a client of a server and a SavedModel in this process implement."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

SIGNATURE, CLASSIFY = "serving_default", "classify"
# The output of a model of several classes. Its signature also has the output `prediction`, with the class of each row.
PROBABILITIES = "probabilities"
Columns = Mapping[str, NDArray[Any]]
Probabilities = NDArray[np.float32]
# The answer for no rows. A client does not send such a request: with --enable_batching, TF Serving leaves it waiting
# until a request with rows joins its batch, and eight of them block the server (docs/serving.md, "Batching").
NO_PROBABILITIES: Probabilities = np.empty(0, np.float32)


class Predictor(Protocol):
    """Predicts from columns of raw values, with the signature `serving_default`."""

    def input_names(self) -> list[str]:
        """Returns the sorted names of the model's inputs, which may differ from the features' names.

        See components.saved_model.input_names.

        Raises:
            ServingError: the server returned no valid response.
        """
        ...

    def text_inputs(self) -> frozenset[str]:
        """Returns the names of the inputs that take texts; all others take numbers.

        Raises:
            ServingError: as `input_names`.
        """
        ...

    def classes(self) -> tuple[str, ...]:
        """Returns the names of the classes, in the order of the columns that `predict` returns.

        There are none if the model gives one number for each row: the probability of the label 1, or a prediction.

        Raises:
            ServingError: as `input_names`.
        """
        ...

    def predict(self, columns: Columns) -> Probabilities:
        """Returns the prediction for each row: the probability of the label 1, the predicted number, or the
        probability of each of several classes, whose names `classes` returns.

        Args:
            columns: the values of each input, [batch], all of the same length: float32, in which NaN means missing, or
                an array of `str`, in which the empty one is missing.

        Returns:
            float32 [batch], or [batch, classes] for several classes, in the order of the rows. For no rows, a client of
            a server sends no request and returns an array [0].

        Raises:
            ServingError: there is no valid response; serving.client.exceptions has the subclasses.
            ValueError: the columns have the wrong type or shape.
        """
        ...

    def close(self) -> None:
        """Releases connections or the model in memory."""
        ...


@dataclass(frozen=True)
class VersionStatus:
    """The state of one version of a model on a server.

    Args:
        version: its number.
        state: START, LOADING, AVAILABLE, UNLOADING or END.
        code: `OK`, or the name of the gRPC status code of its error.
        message: the server's error message, empty if OK.
    """

    version: int
    state: str
    code: str
    message: str


class Client(Predictor, Protocol):
    """A client for a model on a server. It is thread-safe."""

    def status(self) -> list[VersionStatus]:
        """Returns the state of each version, the newest first; only of the client's version if it has one.

        Raises:
            ModelNotFound: the server has no version of the model.
            ServingError: there is no valid response.
        """
        ...


def is_prediction(values: NDArray[Any], rows: int) -> bool:
    """Returns whether an array has the shape of what `Predictor.predict` returns for so many rows."""
    return values.ndim in (1, 2) and len(values) == rows


def is_text(column: NDArray[Any]) -> bool:
    """Returns whether a column contains texts: an array of the type `object` or `str`."""
    return column.dtype.kind in "OU"


def count_rows(columns: Columns) -> int:
    """Checks the columns and returns their number of rows.

    A server does not always detect different lengths: TensorFlow may broadcast a column with one value.

    Raises:
        ValueError: there is no column, or a column has another type, shape or length than the first.
    """
    first = next(iter(columns), None)
    if first is None:
        raise ValueError("expected a column for each input, got none.")
    rows = columns[first].size
    for name, column in columns.items():
        if not (column.dtype == np.float32 or is_text(column)) or column.shape != (rows,):
            raise ValueError(
                f"expected each column to be float32 [{rows}], or an array of texts, got {column.dtype} "
                f"{list(column.shape)} for {name}."
            )
    return rows
