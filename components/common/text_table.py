"""Tables as plain text."""

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Returns a table as lines of text, each column as wide as its widest cell.

    >>> print(aligned([("run", "steps"), ("r1", "10"), ("run-2", "3")]))
    run    steps
    r1     10
    run-2  3
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
