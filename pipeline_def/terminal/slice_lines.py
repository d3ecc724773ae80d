"""The table of slices on the terminal."""

import math
from collections.abc import Iterator, Sequence

from components.common.formatting import difference, number
from pipeline_def.runs.summary import SliceSummary

_NAME_WIDTH = 28
_MOST = 12


def slice_lines(slices: Sequence[SliceSummary]) -> Iterator[tuple[str, str]]:
    """Yields a line for each of the first twelve slices that have rows: both models' log loss, and the difference.

    Yields:
        Text and rich style; nothing if there is no slice with rows.
    """
    shown = [part for part in slices if part.rows]
    if not shown:
        return
    yield f"{'Slice':<{_NAME_WIDTH}}{'rows':>8}{'log loss':>12}{'baseline':>12}{'difference':>12}", "bold"
    for part in shown[:_MOST]:
        name = part.name if len(part.name) < _NAME_WIDTH else part.name[: _NAME_WIDTH - 2] + "…"
        row = f"{name:<{_NAME_WIDTH}}{part.rows:>8,}"
        if part.too_small:
            yield f"{row}  too few rows to be judged", "dim"
            continue
        candidate = nan_if_undefined(part.candidate.log_loss)
        baseline = nan_if_undefined(part.baseline.log_loss) if part.baseline else None
        change = None if baseline is None else candidate - baseline
        yield f"{row}{number(candidate):>12}{number(baseline):>12}{difference(change):>12}", ""
    if len(shown) > _MOST:
        yield f"and {len(shown) - _MOST} more, in summary.json", ""


def nan_if_undefined(value: float | None) -> float:
    """Returns NaN for a value that was measured and is undefined, which the records hold as None."""
    return math.nan if value is None else value
