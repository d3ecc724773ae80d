"""The errors a step raises on purpose, so that every runner can tell them from a crash."""


class TrainingDiverged(Exception):
    """The loss is no finite number any more, and there are no earlier weights to go back to.

    The message gives the epoch, what was expected and found, and the keys to look at.
    """


class DataRefused(Exception):
    """The data can't be used. The message is a plain sentence for the person who owns the data.

    Args:
        message: what was expected, what was found, and where; may span several lines.
        rejected_rows: the file in which the refused rows were set aside, if there is one.
    """

    def __init__(self, message: str, rejected_rows: str | None = None) -> None:
        super().__init__(message)
        self.rejected_rows = rejected_rows


class BadModel(Exception):
    """A model can't be served, and was not published. The message says what was tried and what came of it."""
