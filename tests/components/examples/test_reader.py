"""The first rows of an examples artifact, and its ingest record."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
import tensorflow as tf

from components.common.ingest_record import IngestRecord, RowCounts
from components.examples.reader import first_rows, read_ingest

Columns = Mapping[str, Sequence[float]]
WriteExamples = Callable[[Path, Columns], str]


@pytest.fixture
def split(tmp_path: Path, write_examples: WriteExamples) -> str:
    """The pattern of a split of three rows in two files; the second file was written first."""
    write_examples(tmp_path / "Split-train" / "data-1.gz", {"a": [3.0]})
    write_examples(tmp_path / "Split-train" / "data-0.gz", {"a": [1.0, 2.0]})
    return f"{tmp_path}/Split-train/*"


@pytest.mark.parametrize(("rows", "expected"), [(1, [1.0]), (3, [1.0, 2.0, 3.0]), (9, [1.0, 2.0, 3.0])])
def test_the_first_rows(split: str, rows: int, expected: list[float]) -> None:
    """In the order of the names of the files; fewer if there are no more."""
    examples = [tf.train.Example.FromString(row) for row in first_rows([split], rows)]
    assert [example.features.feature["a"].float_list.value[0] for example in examples] == expected


def test_no_files(tmp_path: Path) -> None:
    """Without a file there are no rows."""
    assert first_rows([f"{tmp_path}/Split-train/*"], 3) == []


def test_the_record_beside_the_splits(split: str, tmp_path: Path) -> None:
    """It is found by the pattern of any split; if it is missing, the error names the file."""
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}/ingest.json"):
        read_ingest(split)
    record = IngestRecord(
        rows=RowCounts(train=3, eval=0, test=0),
        features=("a",),
        label="été",
        negative_label="no",
        positive_label="yes",
        digest="0123",
    )
    record.write(str(tmp_path))
    assert read_ingest(split) == record
