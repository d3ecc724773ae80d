"""Proposes the times at which eval and test begin, for a split by time without edges."""

import zlib
from collections.abc import Iterator, Sequence

import numpy as np

from components.common.errors import DataRefused, reason
from components.common.formatting import percent
from components.common.split_times import number_text, seconds_text
from components.config.data import SPLITS
from components.config.split_settings import SplitConfig
from components.example_gen import parquet
from components.example_gen.cell_parsing import Array, CellFormat, Doubles
from components.example_gen.column_evidence import MIN_SHARE
from components.example_gen.csv_header import FileHeader, open_csv
from components.example_gen.row_boundaries import BLOCK_BYTES, read_blocks
from components.example_gen.split_column import times
from components.example_gen.type_inference import as_strings


def missing_edges_error(headers: Sequence[FileHeader], split: SplitConfig, cells: CellFormat) -> DataRefused:
    """Reads the column of the times, and returns the error of a configuration without edges, with those that it needs.

    Args:
        headers: the files.
        split: data.split, by time and without edges.
        cells: how the cells are written.
    """
    name, path = split.column or "", headers[0].path
    texts = [texts for header in headers for texts in _column_texts(header, name)]
    values, numbers = _all_times(texts, cells)
    proposed = _edges(values, split)
    if proposed is None:
        return DataRefused(
            f"{path}: expected at least three different times in the column {name!r} (data.split.column), in ISO "
            f"8601 or as numbers, found {np.unique(values).size}. Use another data.split.by."
        )
    first, second = (number_text(edge) if numbers else seconds_text(edge) for edge in proposed)
    counts = np.bincount(np.searchsorted(proposed, values, side="right"), minlength=len(SPLITS))
    shares = ", ".join(
        f"{name} {percent(count / len(values))}" for name, count in zip(SPLITS, counts, strict=True)
    )
    return DataRefused(
        f"{path}: data.split.by: time needs data.split.eval_from and data.split.test_from, the times of the first eval "
        f"and of the first test rows; expected them in the configuration, found none. By the column {name!r} and the "
        f"shares {split.train}:{split.eval}:{split.test}, set data.split.eval_from: {first} and data.split.test_from: "
        f"{second}. They give {shares}."
    )


def _all_times(texts: Sequence[Array], cells: CellFormat) -> tuple[Doubles, bool]:
    """Returns the times that can be read, and whether they are numbers: that is so if most cells are."""
    read = [times(part, cells, numbers=True) for part in texts]
    values = np.concatenate([part for part, _ in read])
    is_number = ~np.isnan(values)
    if is_number.sum() >= MIN_SHARE * sum(given.sum() for _, given in read):
        return values[is_number], True
    values = np.concatenate([times(part, cells, numbers=False)[0] for part in texts])
    return values[~np.isnan(values)], False


def _edges(values: Doubles, split: SplitConfig) -> tuple[float, float] | None:
    """Returns the two times that divide the rows best in the ratio; None with fewer than three different times."""
    distinct, counts = np.unique(values, return_counts=True)
    if distinct.size < len(SPLITS):
        return None
    before = np.cumsum(counts)[:-1] / values.size  # the share of rows before the second, the third, ... time
    parts = np.cumsum([split.train, split.eval]) / (split.train + split.eval + split.test)
    first = int(np.argmin(np.abs(before[:-1] - parts[0])))
    second = first + 1 + int(np.argmin(np.abs(before[first + 1 :] - parts[1])))
    return float(distinct[first + 1]), float(distinct[second + 1])


def _column_texts(header: FileHeader, name: str) -> Iterator[Array]:
    """Yields the cells of a column as strings, of all rows that have the right number of cells."""
    if not header.delimiter:
        with parquet.open_file(header.path) as file:
            groups = file.num_row_groups
        for group in range(groups):
            for batch in parquet.batches(header, group, [name]):
                yield parquet.as_text(batch.column(name))
        return
    try:
        with open_csv(header) as stream:
            stream.seek(header.offset)
            for block in read_blocks(stream, header.delimiter, BLOCK_BYTES):
                yield parquet.as_text(as_strings(block, header, [name]).column(name))
    except (EOFError, OSError, zlib.error) as error:
        raise DataRefused(f"{header.path}: can't be read to its end: {reason(error)}.") from error
