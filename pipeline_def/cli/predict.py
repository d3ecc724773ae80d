"""`regpipe predict`: its help, its options and what they may be. What it does is in `predict_rows`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from pipeline_def.cli.arguments import add_config, add_root, new_parser, read_config, seconds
from pipeline_def.cli.predict_values import TOKEN_VARIABLE, bearer_token, output_format
from pipeline_def.cli.usage_errors import UsageError, check_root

DESCRIPTION = """\
Adds to each row of a table the probability of its label: rows in the order of
the input, with all their columns, and `probability` as the last. The model is
the newest published version, another SavedModel, or one on a server.

The table has a column for each of the model's features, by the name that it had
in training; other columns are kept and not looked at. Empty cells are missing
values, and so are those that were in training, which the model's card tells;
data.missing_values says otherwise. A cell of text among numbers, a number
beyond 32 bits or an infinity ends the command: it says where, and no file is
left. On standard output, rows appear as they are done.

A server that asks for a bearer token is shown the one in the environment
variable SERVING_TOKEN, over https and grpcs only.

CSV and JSON lines have no types: in JSON lines and Parquet made from CSV,
features are numbers and all else is text. JSON lines made from JSON lines keep
every value as it was.

--beam reads, predicts and writes in parallel, through TFX's RunInference, on
this machine or where `beam.runner` says, whose workers must find the model and
the files. It writes many files, and keeps the order of the rows only within
blocks of them."""
EPILOG = """\
examples:
  regpipe predict churn.csv                       to standard output, as CSV
  regpipe predict churn.csv -o scores.parquet
  regpipe predict 'days/*.csv.gz' -o scores.csv --config pipeline.yaml
  regpipe predict --row f0=1.2 f1=-3 --row f0=0.5 --allow-missing
  cat rows.jsonl | regpipe predict - --format jsonl
  regpipe predict churn.csv --model runs/serving/1795177529
  regpipe predict churn.csv --endpoint grpc://localhost:8500
  regpipe predict 'big/*.parquet' --beam -o scores/ --format parquet

exit codes: 0 done; 1 no answer, or no place to write; 2 wrong arguments, or no
model; 3 the rows can't be used; 130 interrupted"""


def add_command(subparsers: Any) -> None:
    """Adds `predict` to argparse's subparsers."""
    parser = new_parser(subparsers, "predict", "add probabilities to rows", DESCRIPTION, EPILOG)
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
    add_config(parser)
    add_root(parser)
    parser.set_defaults(command=predict, on_interrupt="; no file was written")


def predict(args: argparse.Namespace) -> int:
    """`regpipe predict`: rows with their probabilities, in a file or on standard output.

    Raises:
        UsageError: the arguments don't go together.
        DataRefused: the rows can't be used.
    """
    check(args)
    from pipeline_def.cli.predict_rows import predict_here, predict_with_beam
    from serving.client.exceptions import ServingError

    config = read_config(args)
    try:
        if args.beam:
            return predict_with_beam(args, config)
        return predict_here(args, config)
    except ServingError as error:
        print(f"regpipe: {error}", file=sys.stderr)
        return 1


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
