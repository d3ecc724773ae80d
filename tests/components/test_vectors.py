"""From files of tf.Examples to arrays, through a real Transform graph."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components import vectors
from components.vectors import read_vectors

Columns = Mapping[str, Sequence[float]]
WriteExamples = Callable[[Path, Columns], str]
Rows = list[list[float]]


def part(table: Columns, rows: slice) -> Columns:
    return {name: column[rows] for name, column in table.items()}


@pytest.mark.parametrize("name", ["examples", "examples.gz"])
def test_features_and_labels(
    name: str,
    tmp_path: Path,
    write_examples: WriteExamples,
    transformed: Any,
    table: Columns,
    table_vectors: Rows,
) -> None:
    """The vectors worked by hand and the labels as floats, from a plain file and from a gzipped one."""
    read = read_vectors([write_examples(tmp_path / name, table)], transformed, "y")
    assert {read.features.dtype.name, read.labels.dtype.name} == {"float32"}
    np.testing.assert_allclose(read.features, table_vectors, atol=1e-7)
    assert read.labels.tolist() == [[0], [1], [0], [1]]


def test_files_by_name(
    tmp_path: Path, write_examples: WriteExamples, transformed: Any, table: Columns, table_vectors: Rows
) -> None:
    """All files of all patterns in the order of their names, whatever the order of the patterns."""
    write_examples(tmp_path / "b" / "part-2.gz", part(table, slice(2, 3)))
    write_examples(tmp_path / "b" / "part-1.gz", part(table, slice(1, 2)))
    write_examples(tmp_path / "a" / "part-9.gz", part(table, slice(0, 1)))
    read = read_vectors([f"{tmp_path}/b/*", f"{tmp_path}/a/*"], transformed, "y")
    np.testing.assert_allclose(read.features, table_vectors[:3], atol=1e-7)
    assert read.labels.tolist() == [[0], [1], [0]]


def test_gzipped_files_beside_plain_ones(
    tmp_path: Path, write_examples: WriteExamples, transformed: Any, table: Columns, table_vectors: Rows
) -> None:
    """Each file is read as its own name says."""
    write_examples(tmp_path / "1.gz", part(table, slice(0, 2)))
    write_examples(tmp_path / "2", part(table, slice(2, 4)))
    read = read_vectors([f"{tmp_path}/*"], transformed, "y")
    np.testing.assert_allclose(read.features, table_vectors, atol=1e-7)


def test_more_rows_than_a_batch(
    tmp_path: Path,
    write_examples: WriteExamples,
    transformed: Any,
    table: Columns,
    table_vectors: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Batches are put together in their order, the smaller last one too."""
    monkeypatch.setattr(vectors, "READ_BATCH", 3)
    read = read_vectors([write_examples(tmp_path / "examples", table)], transformed, "y")
    np.testing.assert_allclose(read.features, table_vectors, atol=1e-7)


def test_no_rows(tmp_path: Path, write_examples: WriteExamples, transformed: Any, table: Columns) -> None:
    """An empty file, or no file, is an error that names the patterns."""
    empty = write_examples(tmp_path / "empty.gz", part(table, slice(0, 0)))
    nothing = f"{tmp_path}/nothing-*"
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
        read_vectors([empty, nothing], transformed, "y")
    assert str(caught.value) == f"{empty}, {nothing}: expected at least one example, found none."
