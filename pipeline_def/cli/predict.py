"""The command `regpipe predict`: its help, its options and their checks. `predict_rows` makes the predictions."""

import argparse
import sys
from pathlib import Path
from typing import Any

from pipeline_def.cli.arguments import (
    add_config,
    add_root,
    local_path,
    new_parser,
    path_text,
    read_config,
    seconds,
)
from pipeline_def.cli.predict_values import TOKEN_VARIABLE, bearer_token, output_format
from pipeline_def.cli.usage_errors import UsageError, check_root

DESCRIPTION = """\
Adds a column `probability` to the rows of a table: the predicted probability
that the label is 1. If the model predicts a number, the column is `prediction`.
If it predicts one of several classes, there are the columns `prediction`, the
name of the most probable class, and `probability`, its probability; with
--probabilities also `probability_CLASS` for each class. The output has the rows
of the input in the same order, with all their columns. The model is the newest
published version, another SavedModel (--model), or a model on a server
(--endpoint).

If the model was trained with evaluation.operating_point, or with --threshold,
there is a second new column `decision`: the label's positive value if the
probability is at least the threshold, otherwise its negative value, as they are
written in the training table (1 and 0 without a model card). The card is part
of a published model; for a server, --card names its file.

The table needs a column for each feature of the model, with the same name as in
training. Other columns are copied to the output. Empty cells are missing
values, and so are the values that the model card lists; data.missing_values
overrides that list. If a feature is text, infinite or too large for a 32-bit
float, the command fails, names the row and the column, and writes no file. On
standard output, rows are written as soon as they are predicted.

If the server needs a bearer token, set the environment variable SERVING_TOKEN.
The token is sent over https and grpcs only.

CSV has no column types: if CSV is converted to JSON lines or Parquet, features
are written as numbers and all other columns as text. The same applies if JSON
lines are converted to Parquet. From JSON lines to JSON lines, no value changes.
A spreadsheet runs text that begins with =, +, -, @ or a tab as a formula, which
can send data away. For a spreadsheet, use --csv-safe if the table contains text
from others.

--beam reads, predicts and writes in parallel with TFX's RunInference, on this
machine or on the runner that `beam.runner` names, whose workers must have
access to the model and the files. It writes many files, and keeps the order of
rows only within blocks of rows."""
EPILOG = """\
examples:
  regpipe predict churn.csv                       to standard output, as CSV
  regpipe predict churn.csv -o scores.parquet
  regpipe predict 'days/*.csv.gz' -o scores.csv --config pipeline.yaml
  regpipe predict --row f0=1.2 f1=-3 --row f0=0.5 --allow-missing
  cat rows.jsonl | regpipe predict - --format jsonl
  regpipe predict churn.csv --model runs/serving/1795177529
  regpipe predict churn.csv --endpoint grpc://localhost:8500
  regpipe predict churn.csv --threshold 0.3
  regpipe predict churn.csv --csv-safe -o for_excel.csv
  regpipe predict 'big/*.parquet' --beam -o scores/ --format parquet

exit codes: 0 done; 1 the prediction failed, or the output can't be written; 2
wrong arguments, or no model; 3 the rows can't be used; 130 interrupted"""


def add_command(subparsers: Any) -> None:
    """Adds `predict` to argparse's subparsers."""
    parser = new_parser(subparsers, "predict", "add probabilities to rows", DESCRIPTION, EPILOG)
    rows = parser.add_argument_group("rows")
    rows.add_argument(
        "inputs",
        type=path_text,
        nargs="*",
        metavar="INPUT",
        help="a file, a folder or a glob: CSV, JSON lines (also .gz), Parquet, Avro or TFRecord; - is standard input",
    )
    rows.add_argument(
        "--row", nargs="+", action="append", metavar="NAME=VALUE", help="a row to predict; may be repeated"
    )
    rows.add_argument(
        "--allow-missing", action="store_true", help="treat a feature without a column as missing in all rows"
    )
    model = parser.add_argument_group("model")
    which = model.add_mutually_exclusive_group()
    which.add_argument(
        "--model",
        type=path_text,
        metavar="PATH",
        help="a SavedModel, or a folder of versions, of which the newest is used (default: where runs publish); a "
        "SavedModel is a program, so name only one that you trust",
    )
    which.add_argument(
        "--endpoint", metavar="URL", help="a server: http://HOST:8501 (REST) or grpc://HOST:8500 (gRPC)"
    )
    model.add_argument(
        "--model-name",
        metavar="NAME",
        help="the name of the model on the server (default: `name` in the configuration)",
    )
    model.add_argument(
        "--card",
        type=local_path,
        metavar="FILE",
        help="the model's model_card.json, which contains the names of the features and the missing values",
    )
    model.add_argument(
        "--ca-file",
        type=local_path,
        metavar="FILE",
        help="CA bundle (PEM) for verifying the server (default: the system's)",
    )
    requests = parser.add_argument_group("requests")
    requests.add_argument(
        "--batch-size",
        type=int,
        metavar="N",
        help="rows per request (default: 1024 with a server, 8192 without)",
    )
    requests.add_argument(
        "--timeout",
        type=seconds,
        default=10.0,
        metavar="S",
        help="time-out of a request in seconds (default: 10)",
    )
    requests.add_argument(
        "--retries",
        type=int,
        default=4,
        metavar="N",
        help="how many times a failed request is repeated (default: 4)",
    )
    requests.add_argument(
        "--beam",
        action="store_true",
        help="predict with Apache Beam (see `regpipe config beam`); -o is then a new folder for many files",
    )
    output = parser.add_argument_group("output")
    output.add_argument(
        "-o", "--output", type=path_text, metavar="FILE", help="the file to write (default: standard output)"
    )
    output.add_argument("--force", action="store_true", help="overwrite the file if it exists")
    output.add_argument(
        "--format",
        choices=("csv", "jsonl", "parquet"),
        help="the format of the output (default: from the file's extension, or csv)",
    )
    output.add_argument(
        "--column",
        metavar="NAME",
        help="the name of the added column (default: probability, or prediction of a number or of several classes; "
        "probability_2 if that is a feature)",
    )
    output.add_argument(
        "--threshold",
        type=float,
        metavar="P",
        help="decide positive if the probability is at least P, from 0 to 1 (default: the model's operating point)",
    )
    output.add_argument(
        "--decision-column",
        metavar="NAME",
        help="the name of the column with the decision (default: decision; decision_2 if that is a feature)",
    )
    output.add_argument(
        "--probabilities",
        action="store_true",
        help="with a model of several classes, add a column with the probability of each class, too",
    )
    output.add_argument(
        "--probability-column",
        metavar="NAME",
        help="with a model of several classes, the name of the column with the probability of the predicted class, "
        "which those of each class begin with (default: probability; probability_2 if that is a feature)",
    )
    output.add_argument(
        "--csv-safe",
        action="store_true",
        help="write text that a spreadsheet would take for a formula with ' before it (CSV only)",
    )
    add_config(parser)
    add_root(parser)
    parser.set_defaults(command=predict, on_interrupt="; no file was written")


def predict(args: argparse.Namespace) -> int:
    """`regpipe predict`: writes rows with their probabilities to a file or to standard output.

    Raises:
        UsageError: the arguments can't be combined, or there is no model.
        DataRefused: the rows can't be used.
    """
    check_arguments(args)
    from pipeline_def.cli.predict_rows import write_predictions, write_predictions_with_beam
    from serving.client.exceptions import ServingError

    config = read_config(args)
    try:
        if args.beam:
            return write_predictions_with_beam(args, config)
        return write_predictions(args, config)
    except ServingError as error:
        print(f"regpipe: {error}", file=sys.stderr)
        return 1


def check_arguments(args: argparse.Namespace) -> None:
    """Checks the arguments and their combination, before anything heavy is imported.

    Raises:
        UsageError: an argument is out of range, or arguments can't be combined.
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
    _check_added_columns(args)
    if args.output is None and args.format == "parquet" and not args.beam:
        raise UsageError("--format: expected csv or jsonl for standard output, got parquet; -o names a file")
    _check_encrypted(args)
    if args.beam:
        _check_beam(args)
    elif args.output is not None:
        _check_output(args)
    written = args.format or "csv" if args.beam else output_format(args)
    if args.csv_safe and written != "csv":
        raise UsageError(f"--csv-safe: expected CSV as the format of the output, got {written}")


def _check_added_columns(args: argparse.Namespace) -> None:
    for option, name in (
        ("column", args.column),
        ("decision-column", args.decision_column),
        ("probability-column", args.probability_column),
    ):
        if name is not None and not name.strip():
            raise UsageError(f"--{option}: expected a name, got {name!r}")
    if args.threshold is not None and not 0 <= args.threshold <= 1:
        raise UsageError(f"--threshold: expected a probability from 0 to 1, got {args.threshold:g}")


def _check_encrypted(args: argparse.Namespace) -> None:
    """Raises a UsageError if --ca-file is given without TLS, or if a token would be sent without TLS."""
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
