"""read_dataset reads files of tf.Examples through a real Transform graph, into memory or onto disk."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.training import dataset
from components.training.dataset import InMemoryDataset, OnDiskDataset, read_dataset

Columns = Mapping[str, Sequence[float]]
WriteExamples = Callable[[Path, Columns], str]
Rows = list[list[float]]


def read_all(patterns: Sequence[str], transform: Any) -> InMemoryDataset:
    """Reads a dataset that fits in memory."""
    read = read_dataset(patterns, transform, "y", memory=1)
    assert isinstance(read, InMemoryDataset)
    return read


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
    """A plain and a gzipped file give the vectors computed by hand, and the labels as floats."""
    read = read_all([write_examples(tmp_path / name, table)], transformed)
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
    read = read_all([f"{tmp_path}/b/*", f"{tmp_path}/a/*"], transformed)
    np.testing.assert_allclose(read.features, table_vectors[:3], atol=1e-7)
    assert read.labels.tolist() == [[0], [1], [0]]


def test_gzipped_files_beside_plain_ones(
    tmp_path: Path, write_examples: WriteExamples, transformed: Any, table: Columns, table_vectors: Rows
) -> None:
    """The name of each file determines its compression."""
    write_examples(tmp_path / "1.gz", part(table, slice(0, 2)))
    write_examples(tmp_path / "2", part(table, slice(2, 4)))
    read = read_all([f"{tmp_path}/*"], transformed)
    np.testing.assert_allclose(read.features, table_vectors, atol=1e-7)


def test_more_rows_than_a_batch(
    tmp_path: Path,
    write_examples: WriteExamples,
    transformed: Any,
    table: Columns,
    table_vectors: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Batches are concatenated in their order, including the smaller last one."""
    monkeypatch.setattr(dataset, "READ_BATCH_SIZE", 3)
    read = read_all([write_examples(tmp_path / "examples", table)], transformed)
    np.testing.assert_allclose(read.features, table_vectors, atol=1e-7)


def test_no_rows(tmp_path: Path, write_examples: WriteExamples, transformed: Any, table: Columns) -> None:
    """An empty file, or no file, is an error that contains the patterns."""
    empty = write_examples(tmp_path / "empty.gz", part(table, slice(0, 0)))
    nothing = f"{tmp_path}/nothing-*"
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
        read_dataset([empty, nothing], transformed, "y", memory=1)
    assert str(caught.value) == f"{empty}, {nothing}: expected at least one example, found none."


def in_memory(split: Any) -> InMemoryDataset:
    """Reads all rows of a dataset on disk in batches of three."""
    assert isinstance(split, OnDiskDataset)
    parts = list(split.batches(3))
    assert [part.rows for part in parts] == [3, 1]
    return InMemoryDataset.of(map(np.concatenate, zip(*(part.arrays for part in parts), strict=True)))


@pytest.fixture(params=[0, 3], ids=["no row", "three rows"])
def little_memory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer than four rows of three features fit in memory; rows are read two at a time."""
    monkeypatch.setattr(dataset, "MIB", request.param * 4 * (3 + 1))
    monkeypatch.setattr(dataset, "READ_BATCH_SIZE", 2)


@pytest.mark.usefixtures("little_memory")
def test_more_rows_than_memory(
    tmp_path: Path, write_examples: WriteExamples, transformed: Any, table: Columns, table_vectors: Rows
) -> None:
    """All rows are stored on disk, in the order of the files, also those that fitted in memory."""
    write_examples(tmp_path / "1", part(table, slice(0, 1)))
    write_examples(tmp_path / "2.gz", part(table, slice(1, 4)))
    read = read_dataset([f"{tmp_path}/*"], transformed, "y", 1)
    assert (read.rows, read.width) == (4, 3)
    np.testing.assert_allclose(in_memory(read).features, table_vectors, atol=1e-7)
    assert in_memory(read).labels.tolist() == [[0], [1], [0], [1]]


def test_as_many_rows_as_memory(
    tmp_path: Path,
    write_examples: WriteExamples,
    transformed: Any,
    table: Columns,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Four rows stay in memory if the limit is four rows."""
    monkeypatch.setattr(dataset, "MIB", 4 * 4 * (3 + 1))
    read = read_dataset([write_examples(tmp_path / "examples", table)], transformed, "y", 1)
    assert isinstance(read, InMemoryDataset)
    assert (read.rows, read.width) == (4, 3)


@pytest.mark.parametrize("rows_in_memory", [4, 3])
def test_the_weights_of_the_rows(
    tmp_path: Path,
    write_examples: WriteExamples,
    analyze: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    rows_in_memory: int,
) -> None:
    """They are read beside the vectors, of which the weight column is no part; they count for the memory limit."""
    columns: Columns = {"a": [0.0, 1.0, 2.0, 4.0], "w": [0.5, 3.0, 1.25, 2.0], "y": [0, 1, 0, 1]}
    transform = analyze(columns, weight="w")
    monkeypatch.setattr(dataset, "MIB", rows_in_memory * 4 * (1 + 2))
    read = read_dataset([write_examples(tmp_path / "1", columns)], transform, "y", 1, weight="w")
    assert (read.rows, read.width, read.total_weight) == (4, 1, 6.75)
    assert read.class_sums.tolist() == [1.75, 5.0]
    found = in_memory(read) if rows_in_memory < 4 else read
    assert isinstance(found, InMemoryDataset)
    assert found.weights is not None
    assert found.weights.tolist() == [[0.5], [3.0], [1.25], [2.0]]
    assert found.features.tolist() == [[0.0], [0.25], [0.5], [1.0]]
    assert found.labels.tolist() == [[0], [1], [0], [1]]


def open_files(folder: Path) -> list[str]:
    """Returns the files in the folder that this process has open."""
    links = Path("/proc/self/fd").iterdir()
    return [name for link in links if (name := str(link.resolve())).startswith(f"{folder}/")]


def test_the_files_have_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The temporary folder stays empty, so that a killed process leaves no files. The object closes its files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    stored = numbered(10, max_rows=4)
    assert list(tmp_path.iterdir()) == []
    assert len(open_files(tmp_path)) == 2
    assert [row for window in stored.windows(2, [1]) for row in window.labels[:, 0]] != []
    del stored
    assert open_files(tmp_path) == []


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message contains the number of rows, the folder, and a hint."""
    stored = numbered(10, max_rows=4)
    monkeypatch.setattr(tempfile, "tempdir", "/scratch")
    full = open("/dev/full", "wb", buffering=0)  # noqa: SIM115 (closed below)
    monkeypatch.setattr(stored, "_files", (full, full))
    with full, pytest.raises(OSError) as caught:  # noqa: PT011 (the text is compared below)
        stored.append(InMemoryDataset(np.zeros((1, 2), np.float32), np.zeros((1, 1), np.float32)))
    message = "No space left on device, after 10 rows of vectors (TMPDIR can name another folder)"
    assert str(caught.value) == f"[Errno 28] {message}: '/scratch'"


def numbered(rows: int, max_rows: int) -> OnDiskDataset:
    """Returns rows on disk whose label is their number, and whose features are the number and its double."""
    stored = OnDiskDataset(2, max_rows)
    labels = np.arange(rows, dtype=np.float32).reshape(-1, 1)
    for part in InMemoryDataset(np.hstack([labels, 2 * labels]), labels).batches(7):
        stored.append(part)
    return stored


def rows_of(split: OnDiskDataset, batch: int, seed: Sequence[int]) -> list[list[int]]:
    """Returns the numbers of the rows in each window."""
    found = []
    for window in split.windows(batch, seed):
        np.testing.assert_array_equal(window.features, np.hstack([window.labels, 2 * window.labels]))
        found.append(window.labels[:, 0].astype(int).tolist())
    return found


@pytest.mark.parametrize(
    ("rows", "max_rows", "batch", "sizes"),
    [
        (100, 40, 8, [40, 40, 20]),  # not 34, because a window consists of whole batches
        (100, 45, 4, [36, 36, 28]),
        (96, 33, 16, [32, 32, 32]),
        (10, 3, 4, [4, 4, 2]),  # a window has at least one batch
        (10, 0, 16, [10]),
        (2000, 1500, 1, [1000, 1000]),  # pieces of one row; and of 2 that 1000 is no multiple of, below
        (3100, 1600, 50, [1550, 1550]),
    ],
)
def test_windows_have_each_row_once(rows: int, max_rows: int, batch: int, sizes: list[int]) -> None:
    """There are as few windows of whole batches as possible, all of one size except the last."""
    stored = numbered(rows, max_rows)
    windows = rows_of(stored, batch, [1, 1])
    assert [len(window) for window in windows] == sizes
    assert stored.window_count(batch) == len(sizes)
    assert sorted(row for window in windows for row in window) == list(range(rows))


def test_the_seed_decides_on_the_windows() -> None:
    """The same seed gives the same windows; another epoch or seed gives different ones."""
    stored = numbered(100, 40)
    first = rows_of(stored, 8, [1, 1])
    assert rows_of(stored, 8, [1, 1]) == first
    assert len({str(rows_of(stored, 8, seed)) for seed in ([1, 1], [1, 2], [2, 1])}) == 3


def test_a_window_is_of_the_whole_split() -> None:
    """Each of four windows has about a fourth of each tenth of an ordered split: 250 of 1,000 rows, within 5 sigma."""
    for window in rows_of(numbered(10_000, 2_500), 50, [3, 1]):
        counts = np.bincount(np.array(window) // 1_000, minlength=10)
        # A tenth has 250 pieces of 4 rows, drawn without replacement: sigma = 4 * sqrt(250 * 1/4 * 3/4 * 0.9).
        assert np.abs(counts - 250).max() < 5 * 26
