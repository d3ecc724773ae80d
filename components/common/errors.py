"""Errors that a step raises on purpose, so that the runners can distinguish them from crashes."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.common.drift_record import DriftRecord


def reason(error: Exception) -> str:
    """Returns the message of an error of a library, for the end of a sentence: without a full stop of its own."""
    return str(error).rstrip().rstrip(".")


class TrainingDiverged(Exception):
    """The loss became NaN or infinite, and there are no earlier weights to restore.

    The message contains the epoch, the expected and actual values, and the configuration keys to check.
    """


class WorkerLost(Exception):
    """A worker of a training ended early. The message contains which one, how it ended, and the end of its log."""


class DataRefused(Exception):
    """The data can't be used. The message is written for the person who owns the data.

    Args:
        message: what was expected, what was found, and where; may have several lines.
        rejected_rows: the file with the rejected rows, if there is one.
        drift: how far the data has moved, if that is why it is refused.
    """

    def __init__(
        self, message: str, rejected_rows: str | None = None, drift: "DriftRecord | None" = None
    ) -> None:
        super().__init__(message)
        self.rejected_rows = rejected_rows
        self.drift = drift


class ArtifactChanged(Exception):
    """The files of an artifact are not those that its step wrote.

    The message contains the path, what was expected and what was found, and how to write the files again.
    """


class BadModel(Exception):
    """A model can't be served and was not published. The message contains the check that failed and its result."""
