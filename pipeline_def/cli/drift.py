"""The command `regpipe drift`: its help, its options and its output. `scored_table` makes the comparison."""

import argparse
from typing import Any

from pipeline_def.cli.arguments import add_config, add_root, new_parser, path_text, read_config
from pipeline_def.cli.usage_errors import UsageError, check_root

DESCRIPTION = """\
Compares rows that are to be predicted, or were, with the training data of the
served model: the distribution of each feature, missing and unseen values, and
the share of label 1 if every row has a label. The measures and limits are those
of the step DriftGate of a run: see docs/drift.md. All checks of one call share
an error probability of 0.001, so one call in 1,000 on data that has not moved
ends with code 3.

Run it before a run on the same rows, or name an older version with --model: a
model that was trained on the rows that moved has no drift from them.

The statistics of the training data are part of a published model. No model is
run, so this is fast, and memory does not grow with the rows.

A table is read as in `regpipe predict`: it needs a column for each feature of
the model, and its output is a valid input. Other columns are ignored. If the
model was trained with weights and the table has that column, rows are weighted.

--request-log reads TFRecords of TF Serving's PredictionLog, plain, gzip or
zlib, with requests for any of the model's signatures. Requests to other models
are skipped and counted. The published binary of TF Serving can't write such a
log: see docs/serving.md."""
EPILOG = """\
examples:
  regpipe drift today.csv
  regpipe drift 'scored/*.parquet' --config pipeline.yaml
  regpipe drift today.csv --model runs/serving/1795177529
  regpipe drift today.csv --json > drift.json
  regpipe drift 'logs/*.tfrecord.gz' --request-log --model-name regpipe
  0 7 * * * regpipe drift /data/today.csv --root /data/runs || mail -s drift me

exit codes: 0 no drift; 1 an unexpected error; 2 wrong arguments, no model, or a
model without readable statistics; 3 drift, or the rows can't be used: the data
is not what the model was trained on (with --json, standard output then has the
record if it was compared, and nothing if it can't be used); 130 interrupted"""


def add_command(subparsers: Any) -> None:
    """Adds `drift` to argparse's subparsers."""
    parser = new_parser(
        subparsers, "drift", "compare rows with the served model's training data", DESCRIPTION, EPILOG
    )
    parser.add_argument(
        "inputs",
        type=path_text,
        nargs="+",
        metavar="TABLE",
        help="a file, a folder or a glob: CSV, JSON lines (also .gz), Parquet, Avro or TFRecord; - is standard input",
    )
    parser.add_argument(
        "--request-log", action="store_true", help="the files are TFRecords of TF Serving's PredictionLog"
    )
    parser.add_argument(
        "--allow-missing", action="store_true", help="treat a feature without a column as missing in all rows"
    )
    parser.add_argument(
        "--model",
        type=path_text,
        metavar="PATH",
        help="a published model, or a folder of versions, of which the newest is used (default: where runs publish)",
    )
    parser.add_argument(
        "--model-name",
        metavar="NAME",
        help="the name of the model in the log (default: `name` in the configuration)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the record, in the form of drift.json (see docs/records.md), instead of a table",
    )
    add_config(parser)
    add_root(parser)
    parser.set_defaults(command=drift)


def drift(args: argparse.Namespace) -> int:
    """`regpipe drift`: prints what moved; returns 3 if something did.

    Raises:
        UsageError: the arguments can't be combined, there is no model, or its statistics can't be read.
        DataRefused: the rows can't be used.
    """
    check_root(args.root)
    if args.request_log and "-" in args.inputs:
        raise UsageError("--request-log: expected files, got - (standard input)")
    if args.inputs.count("-") > 1:
        raise UsageError("TABLE: expected - once, got it twice")
    if args.model_name is not None and not args.request_log:
        raise UsageError("--model-name: expected --request-log with it, got a table, which names no model")
    from pipeline_def.cli.scored_table import compare_rows
    from pipeline_def.terminal.drift_table import drift_text

    config = read_config(args)
    record = compare_rows(args, config)
    notes = (*record.notes, _in_a_run(config.data.drift))
    print(record.to_json() if args.json else drift_text(record.comparisons[0], notes))
    return 3 if record.has_findings else 0


def _in_a_run(mode: str) -> str:
    """Returns how a run on the same rows differs from this command."""
    consequence = {
        "refuse": "stops if something moved",
        "warn": "goes on if something moved (data.drift is warn)",
        "off": "compares nothing (data.drift is off)",
    }[mode]
    wider = "These limits are for all rows. A run compares its training split, so its limits are wider"
    return f"{wider}, and {consequence}."
