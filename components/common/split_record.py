"""The split record: everything that determines to which split ExampleGen assigned a row.

ExampleGen writes it into the ingest record, and the model card contains it. Two tables whose records do not differ
assign a row whose values are unique to the same split. So no test row of one was a training row of the other.
"""

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict

from components.common.split_times import number_of, seconds_of


class SplitRecord(BaseModel):
    """How the rows of a table were assigned to splits.

    Attributes:
        by: what selects the split of a row: a hash of the row or of its group, the time, or the name of the split in a
            column. Older records do not have it; all were by row.
        column: the column of the group, of the time, or of the names; None by row.
        test_from: the time of the first test rows; None unless by time.
        train, eval, test: the shares of the splits, relative to each other.
        seed: the seed of the hash.
        hash_version: the version of the hash function.
        columns: a digest of the names of the hashed columns.
        cells: a digest of how their cells become numbers: missing values, decimal mark, thousands separator, and the
            columns of words such as true and false.
    """

    model_config = ConfigDict(frozen=True)

    by: Literal["row", "column", "time", "group"] = "row"
    column: str | None = None
    test_from: str | None = None
    train: int
    eval: int
    test: int
    seed: int
    hash_version: int
    columns: str
    cells: str

    def differences(self, other: "SplitRecord") -> Iterator[str]:
        """Yields what differs between this record and that of a later table: "the shares (6:2:2, not 8:1:1)".

        Only what may make a training row of this table a test row of the later one. So by time, test may begin later.
        """
        if self.by != other.by:
            yield f"what selects the split ({self.by}, not {other.by})"
        elif self.column != other.column:
            yield f"the column ({self.column!r}, not {other.column!r})"
        elif self.by == "time" and not _is_later(other.test_from, self.test_from):
            yield f"the time at which test begins ({self.test_from}, later than {other.test_from})"
        elif self.by in ("row", "group"):
            yield from self._differences_of_hashes(other)

    def _differences_of_hashes(self, other: "SplitRecord") -> Iterator[str]:
        shares, others = (f"{record.train}:{record.eval}:{record.test}" for record in (self, other))
        if shares != others:
            yield f"the shares ({shares}, not {others})"
        if self.seed != other.seed:
            yield f"the seed ({self.seed}, not {other.seed})"
        if self.hash_version != other.hash_version:
            yield f"the version of the hash ({self.hash_version}, not {other.hash_version})"
        if self.by == "group":
            return
        if self.columns != other.columns:
            yield "the columns of numbers"
        if self.cells != other.cells:
            yield "how cells are read (such as data.missing_values)"


def _is_later(edge: str | None, than: str | None) -> bool:
    """Whether an edge is not before another one."""
    for read in (number_of, seconds_of):
        one, other = read(edge or ""), read(than or "")
        if one is not None or other is not None:
            return one is not None and other is not None and one >= other
    return False
