"""Proposes the times at which eval and test begin, for a split by time without edges."""

from collections.abc import Sequence

import numpy as np

from components.common.errors import DataRefused
from components.common.formatting import percent
from components.common.split_times import number_text, seconds_text
from components.config.data import SPLITS
from components.config.split_settings import SplitConfig
from components.example_gen.cell_parsing import CellFormat, Doubles
from components.example_gen.cell_texts import cell_texts
from components.example_gen.column_evidence import MIN_SHARE
from components.example_gen.csv_header import FileHeader
from components.example_gen.split_column import times


def missing_edges_error(headers: Sequence[FileHeader], split: SplitConfig, cells: CellFormat) -> DataRefused:
    """Reads the column of the times, and returns the error of a configuration without edges, with those that it needs.

    Args:
        headers: the files.
        split: data.split, by time and without edges.
        cells: how the cells are written.
    """
    name, path = split.column or "", headers[0].path
    values, numbers = _all_times(headers, name, cells)
    proposed = _edges(values, split)
    if proposed is None:
        return DataRefused(
            f"{path}: expected at least three different times in the column {name!r} (data.split.column), in ISO "
            f"8601 or as numbers, found {np.unique(values).size}. Use another data.split.by."
        )
    first, second = _as_texts(proposed, numbers=numbers)
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


def proposed_edges(
    headers: Sequence[FileHeader], split: SplitConfig, cells: CellFormat
) -> tuple[str, str] | None:
    """Returns the times that divide the rows best in the ratio; None with fewer than three different times.

    The arguments are those of `missing_edges_error`.
    """
    values, numbers = _all_times(headers, split.column or "", cells)
    proposed = _edges(values, split)
    return None if proposed is None else _as_texts(proposed, numbers=numbers)


def _as_texts(edges: tuple[float, float], *, numbers: bool) -> tuple[str, str]:
    first, second = (number_text(edge) if numbers else seconds_text(edge) for edge in edges)
    return first, second


def _all_times(headers: Sequence[FileHeader], name: str, cells: CellFormat) -> tuple[Doubles, bool]:
    """Returns the times that can be read, and whether they are numbers: that is so if most cells are."""
    texts = [batch[name] for header in headers for batch in cell_texts(header, [name])]
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
