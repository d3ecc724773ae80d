"""The ingest record comes back from its file as it was; files that are not one are named in an error."""

import json
from pathlib import Path

import pytest

from components.common.ingest_record import FileCounts, IngestRecord, PositiveCounts, RowCounts
from components.common.split_record import SplitRecord

RECORD = IngestRecord(
    rows=RowCounts(train=6, eval=2, test=1, rejected=3),
    positives=PositiveCounts(train=4, eval=2, test=0),
    features=("größe", "b"),
    label="y",
    negative_label="no",
    positive_label="yes",
    missing_values=("", "-999"),
    left_out=("name",),
    warnings=("Left out, because they contain only text: 'name'.",),
    files=(FileCounts(path="/data/t.csv", rows=9, rejected=3),),
    span=7,
    reasons=("/data/t.csv:3: column 'b': infinity",),
    split=SplitRecord(train=6, eval=2, test=2, seed=0, hash_version=1, columns="ab", cells="cd"),
    digest="0123",
)


def changed(folder: Path, **keys: object) -> None:
    """Writes the record with these keys changed; None removes a key."""
    content = json.loads(RECORD.model_dump_json()) | keys
    kept = {key: value for key, value in content.items() if value is not None}
    (folder / "ingest.json").write_text(json.dumps(kept))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """The file is UTF-8, with the keys that other programs read."""
    RECORD.write(str(tmp_path))
    assert IngestRecord.read(str(tmp_path)) == RECORD
    content = json.loads((tmp_path / "ingest.json").read_text("utf-8"))
    assert list(content) == [
        "format_version", "rows", "positives", "class_rows", "label_statistics", "features", "categorical", "label",
        "task", "task_reason", "classes", "negative_label", "positive_label", "weight", "missing_values", "decimal",
        "thousands", "booleans", "left_out", "empty", "warnings", "possible_ids", "files", "span", "reasons", "split",
        "digest",
    ]  # fmt: skip
    assert content["format_version"] == 1
    assert content["rows"] == {"train": 6, "eval": 2, "test": 1, "rejected": 3}
    assert content["files"] == [{"path": "/data/t.csv", "rows": 9, "rejected": 3}]
    assert "größe" in (tmp_path / "ingest.json").read_text("utf-8")


def test_a_record_without_a_version_has_version_1(tmp_path: Path) -> None:
    """Such records were written before the format had a version."""
    changed(tmp_path, format_version=None)
    assert IngestRecord.read(str(tmp_path)) == RECORD


def test_an_unknown_version_is_an_error(tmp_path: Path) -> None:
    """The error names the file, the version that is known, and the one that was found."""
    changed(tmp_path, format_version=2)
    with pytest.raises(ValueError, match=rf"{tmp_path}/ingest\.json: .* version 1, found 2"):
        IngestRecord.read(str(tmp_path))


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    """Cut off, or with a value of another type: the error names the file and, where it can, the key."""
    (tmp_path / "ingest.json").write_text('{"rows": {"train"')
    with pytest.raises(ValueError, match=rf"{tmp_path}/ingest\.json: .* damaged"):
        IngestRecord.read(str(tmp_path))
    changed(tmp_path, rows={"train": "many", "eval": 1, "test": 1})
    with pytest.raises(ValueError, match=rf"{tmp_path}/ingest\.json: .* rows\.train"):
        IngestRecord.read(str(tmp_path))


def test_no_file(tmp_path: Path) -> None:
    """The error is that of a missing file."""
    with pytest.raises(FileNotFoundError, match=r"ingest\.json"):
        IngestRecord.read(str(tmp_path))


def test_the_rows_of_each_class(tmp_path: Path) -> None:
    """A record of an earlier version does not have them."""
    assert RECORD.class_counts("train") == (2, 4)
    assert RECORD.class_counts("test") == (1, 0)
    changed(tmp_path, positives=None)
    assert IngestRecord.read(str(tmp_path)).class_counts("train") is None


def test_accepted_rows_are_those_of_all_splits() -> None:
    """Without the rejected ones."""
    assert RECORD.rows.accepted == 9
