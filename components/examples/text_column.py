"""The cells of a categorical column: each different text once, and which of them each row has."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

MISSING = b""
# The most different texts of a column that are counted in a split: some 250 MB. DataGate refuses a column with more.
MAX_TEXTS = 1_000_000
# Under this name, the statistics of a categorical column have the number of its missing values.
MISSING_ROWS = "missing_rows"


class TextColumn(NamedTuple):
    """A column of texts.

    Attributes:
        texts: the different texts, in UTF-8; the empty one is a missing value.
        codes: the position of the text of each row, int64 [rows].
    """

    texts: tuple[bytes, ...]
    codes: npt.NDArray[np.int64]

    def select(self, rows: npt.NDArray[Any]) -> "TextColumn":
        """Returns some of the rows, by their numbers or by flags."""
        return TextColumn(self.texts, self.codes[rows])


def no_texts() -> TextColumn:
    """Returns a column without rows."""
    return TextColumn((), np.empty(0, np.int64))
