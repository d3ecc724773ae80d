"""The options of `regpipe predict`, and what they may be."""

import argparse
import os
from pathlib import Path

from pipeline_def.cli.options import seconds
from pipeline_def.cli.usage import UsageError, check_root

TOKEN_VARIABLE = "SERVING_TOKEN"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds all but those that other commands have, too: --config, --set and --root."""
    rows = parser.add_argument_group("rows")
    rows.add_argument(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="a file, a folder or a pattern; CSV, JSON lines (also .gz) or Parquet; - is standard input",
    )
    rows.add_argument(
        "--row", nargs="+", action="append", metavar="NAME=VALUE", help="one row; may be repeated"
    )
    rows.add_argument(
        "--allow-missing", action="store_true", help="take a feature without a column as missing in all rows"
    )
    model = parser.add_argument_group("model")
    which = model.add_mutually_exclusive_group()
    which.add_argument(
        "--model",
        metavar="PATH",
        help="a SavedModel, or a folder of versions, of which the newest is taken (default: where runs publish to)",
    )
    which.add_argument(
        "--endpoint", metavar="URL", help="a server instead: http://HOST:8501 (REST), grpc://HOST:8500 (gRPC)"
    )
    model.add_argument(
        "--model-name", metavar="NAME", help="as the server knows it (default: the key `name`)"
    )
    model.add_argument(
        "--card",
        type=Path,
        metavar="FILE",
        help="its model_card.json, which knows the features' own names and the missing values",
    )
    model.add_argument(
        "--ca-file",
        type=Path,
        metavar="FILE",
        help="certificates (PEM) of who vouches for the server (default: whom the system trusts)",
    )
    asking = parser.add_argument_group("asking")
    asking.add_argument(
        "--batch-size", type=int, metavar="N", help="rows in a request (default: 1024, without a server 8192)"
    )
    asking.add_argument(
        "--timeout", type=seconds, default=10.0, metavar="S", help="seconds for an answer (default: 10)"
    )
    asking.add_argument(
        "--retries", type=int, default=4, metavar="N", help="how often to ask again (default: 4)"
    )
    asking.add_argument(
        "--beam",
        action="store_true",
        help="with Apache Beam, where the keys under beam say; -o is then a new folder for many files",
    )
    output = parser.add_argument_group("output")
    output.add_argument("-o", "--output", metavar="FILE", help="(default: standard output)")
    output.add_argument("--force", action="store_true", help="overwrite the file if it exists")
    output.add_argument(
        "--format", choices=("csv", "jsonl", "parquet"), help="(default: what the file's name says, or csv)"
    )
    output.add_argument(
        "--column", default="probability", metavar="NAME", help="the column to add (default: probability)"
    )


def check(args: argparse.Namespace) -> None:
    """Refuses arguments that don't go together, before anything is imported.

    Raises:
        UsageError: see there.
    """
    check_root(args.root)
    if bool(args.inputs) == bool(args.row):
        got = "both" if args.row else "neither"
        raise UsageError(f"expected either INPUT or --row, got {got}; - is standard input")
    if args.inputs.count("-") > 1:
        raise UsageError("INPUT: expected - once, got it twice")
    for option, least in (("batch_size", 1), ("retries", 0)):
        value = getattr(args, option)
        if value is not None and value < least:
            raise UsageError(f"--{option.replace('_', '-')}: expected a number >= {least}, got {value}")
    if not args.column.strip():
        raise UsageError(f"--column: expected a name, got {args.column!r}")
    if args.output is None and args.format == "parquet" and not args.beam:
        raise UsageError("--format: expected csv or jsonl for standard output, got parquet; -o names a file")
    _check_encrypted(args)
    if args.beam:
        _check_beam(args)
    elif args.output is not None:
        _check_output(args)


def bearer_token() -> str:
    """What a server is shown, from the environment; empty where there is none."""
    return os.environ.get(TOKEN_VARIABLE, "").strip()


def _check_encrypted(args: argparse.Namespace) -> None:
    """Refuses what is of no use without TLS, and a token that anyone on the way could read."""
    endpoint = args.endpoint or ""
    if endpoint.startswith(("https://", "grpcs://")):
        return
    if args.ca_file is not None:
        got = repr(endpoint) if endpoint else "none"
        raise UsageError(f"--ca-file: expected an https or grpcs --endpoint, got {got}")
    if endpoint and bearer_token():
        raise UsageError(
            f"--endpoint: expected https or grpcs for the token in {TOKEN_VARIABLE}, got {endpoint!r}"
        )


def _check_beam(args: argparse.Namespace) -> None:
    if args.output is None:
        raise UsageError("--beam: expected -o with a folder for the files, got none")
    if args.endpoint:
        raise UsageError("--beam: expected a model that every worker loads, got --endpoint")
    if args.row or "-" in args.inputs:
        raise UsageError("--beam: expected files, got " + ("--row" if args.row else "standard input"))


def _check_output(args: argparse.Namespace) -> None:
    path = Path(args.output)
    if path.is_dir():
        raise UsageError(f"-o: expected a file, got the folder {str(path)!r}")
    if path.exists() and not args.force:
        raise UsageError(f"-o: {path} exists; --force overwrites it")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"-o: {path} can't be written: there is no folder {str(path.parent)!r}")
    output_format(args)


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
