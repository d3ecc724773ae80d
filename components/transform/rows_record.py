"""The files of the transformed rows, which Transform writes once and every training reads.

Each split has a folder with one file for each array: the features, the labels and, if the rows have any, the weights.
A file consists of the float32 numbers, little-endian, row by row, and of nothing else: a process can map it into its
memory, and can read any range of rows without the others. The record beside the folders has the shapes.
"""

import os
from typing import ClassVar, Literal

from components.common.stored_record import StoredRecord

FLOAT_BYTES = 4
# Not the test split, which the Evaluator reads as a client of the served model does.
SPLITS = (TRAIN, VALIDATION) = ("train", "eval")


class RowsRecord(StoredRecord):
    """The shapes of the arrays.

    Attributes:
        width: the number of features.
        weighted: whether the rows have weights.
        groups: as `components.transform.vector.VectorLayout.groups`.
        rows: the number of rows of each split.
    """

    file_name: ClassVar[str] = "rows.json"
    description: ClassVar[str] = "a record of transformed rows"

    format_version: Literal[1] = 1
    width: int
    weighted: bool
    groups: tuple[int, ...]
    rows: dict[str, int]

    @property
    def columns(self) -> dict[str, int]:
        """The number of columns of each array, by the name of its file, in the order of `InMemoryDataset.arrays`."""
        return array_columns(self.width, weighted=self.weighted)

    @property
    def row_bytes(self) -> int:
        """The size of a row in all files of its split."""
        return sum(self.columns.values()) * FLOAT_BYTES

    def files(self, folder: str, split: str) -> list[str]:
        """Returns the paths of the files of a split, in the order of `columns`."""
        return split_files(folder, split, self.columns)


def array_columns(width: int, *, weighted: bool) -> dict[str, int]:
    """See `RowsRecord.columns`."""
    return {"features.f32": width, "labels.f32": 1} | ({"weights.f32": 1} if weighted else {})


def split_files(folder: str, split: str, names: dict[str, int]) -> list[str]:
    """See `RowsRecord.files`."""
    return [os.path.join(folder, f"Split-{split}", name) for name in names]
