"""Values that `regpipe predict` takes from its options and the environment."""

import argparse
import os
from pathlib import Path

from pipeline_def.cli.usage_errors import UsageError

TOKEN_VARIABLE = "SERVING_TOKEN"


def bearer_token() -> str:
    """What a server is shown, from the environment; empty where there is none."""
    return os.environ.get(TOKEN_VARIABLE, "").strip()


def output_format(args: argparse.Namespace) -> str:
    """What to write: csv, jsonl or parquet.

    Raises:
        UsageError: the name of the file does not say.
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


def typed_row(words: list[str]) -> dict[str, str]:
    """One row from its words, `name=value`.

    Raises:
        UsageError: a word is not of that form, or names a column again.
    """
    row: dict[str, str] = {}
    for word in words:
        name, equals, value = word.rpartition("=")  # a name may contain =, a number does not
        if not equals or not name:
            raise UsageError(f"--row: expected NAME=VALUE, got {word!r}")
        if name in row:
            raise UsageError(f"--row: expected each name once, got {name!r} twice")
        row[name] = value
    return row
