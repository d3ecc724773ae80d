"""Values that `regpipe predict` reads from its options and from the environment."""

import argparse
import os
from pathlib import Path

from pipeline_def.cli.usage_errors import UsageError

TOKEN_VARIABLE = "SERVING_TOKEN"


def bearer_token() -> str:
    """Returns the token for the server from the environment; empty if there is none."""
    return os.environ.get(TOKEN_VARIABLE, "").strip()


def output_format(args: argparse.Namespace) -> str:
    """Returns the format of the output: csv, jsonl or parquet.

    Raises:
        UsageError: --format is not given, and the file's extension is unknown.
    """
    if args.format is not None:
        return str(args.format)
    if args.output is None:
        return "csv"
    from serving.predict.output import FORMATS

    path = Path(args.output)
    if path.suffix.lower() not in FORMATS:
        raise UsageError(
            f"-o: expected a name that ends in {', '.join(FORMATS)}, or --format; got {path.name!r}"
        )
    return FORMATS[path.suffix.lower()]


def parse_row(cells: list[str]) -> dict[str, str]:
    """Returns the row of a --row option: the text of each cell, by column.

    Raises:
        UsageError: a cell is not of the form NAME=VALUE, or a column is given twice.
    """
    row: dict[str, str] = {}
    for cell in cells:
        name, equals, value = cell.rpartition("=")  # a name may contain =, a number can't
        if not equals or not name:
            raise UsageError(f"--row: expected NAME=VALUE, got {cell!r}")
        if name in row:
            raise UsageError(f"--row: expected each name once, got {name!r} twice")
        row[name] = value
    return row
