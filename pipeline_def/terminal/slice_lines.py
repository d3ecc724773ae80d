"""The slices in short, for the terminal's verdict."""

from collections.abc import Iterator, Sequence

from components.common.formatting import difference, number
from pipeline_def.runs.summary import Slice

_NAME_WIDTH = 28
_MOST = 12


def slice_lines(slices: Sequence[Slice]) -> Iterator[tuple[str, str]]:
    """A line for each of the first slices that have rows: both models' log loss, and by how much it differs.

    Returns:
        Text and rich style; nothing where there is no slice.
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
        ours, theirs = part.candidate.log_loss, part.baseline.log_loss if part.baseline else None
        change = None if ours is None or theirs is None else ours - theirs
        yield f"{row}{number(ours):>12}{number(theirs):>12}{difference(change):>12}", ""
    if len(shown) > _MOST:
        yield f"and {len(shown) - _MOST} more, in summary.json", ""
