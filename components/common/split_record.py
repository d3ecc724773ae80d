"""The split record: everything that determines to which split ExampleGen assigned a row.

ExampleGen writes it into the ingest record, and the model card contains it. Two tables with equal records assign a row
whose values are unique to the same split. So no test row of one was a training row of the other.
"""

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict


class SplitRecord(BaseModel):
    """How the rows of a table were assigned to splits.

    Attributes:
        train, eval, test: the shares of the splits, relative to each other.
        seed: the seed of the hash.
        hash_version: the version of the hash function.
        columns: a digest of the names of the hashed columns.
        cells: a digest of how their cells become numbers: missing values, decimal mark, thousands separator, and the
            columns of words such as true and false.
    """

    model_config = ConfigDict(frozen=True)

    train: int
    eval: int
    test: int
    seed: int
    hash_version: int
    columns: str
    cells: str

    def differences(self, other: "SplitRecord") -> Iterator[str]:
        """Yields what differs between this record and another one, as nouns: "the shares (6:2:2, not 8:1:1)"."""
        shares, others = (f"{record.train}:{record.eval}:{record.test}" for record in (self, other))
        if shares != others:
            yield f"the shares ({shares}, not {others})"
        if self.seed != other.seed:
            yield f"the seed ({self.seed}, not {other.seed})"
        if self.hash_version != other.hash_version:
            yield f"the version of the hash ({self.hash_version}, not {other.hash_version})"
        if self.columns != other.columns:
            yield "the columns of numbers"
        if self.cells != other.cells:
            yield "how cells are read (such as data.missing_values)"
