"""The command `regpipe init`: writes a configuration for a table."""

import argparse
from typing import Any

from pipeline_def.cli.arguments import add_output, new_parser
from pipeline_def.cli.usage_errors import check_output, write_output

DESCRIPTION = """\
Reads a table and writes a configuration for it: the label and which of its
values counts as 1, the numeric columns to learn from, the text columns to leave
out, and the keys of the network, the training and the evaluation that matter
first. A column of dates, of ids that repeat or of names of splits is suggested
for data.split. Every other key is at its default; `regpipe config` prints all."""
EPILOG = """\
example:
  regpipe init --data churn.csv --label churned
  regpipe run --config pipeline.yaml

exit codes: 0 written; 2 wrong arguments, or the file exists; 3 the table can't
be used"""


def add_command(subparsers: Any) -> None:
    """Adds `init` to argparse's subparsers."""
    parser = new_parser(subparsers, "init", "write a configuration for a table", DESCRIPTION, EPILOG)
    parser.add_argument("--data", required=True, metavar="PATH", help="the table: the value of data.input")
    parser.add_argument("--label", required=True, metavar="NAME", help="the column to predict")
    add_output(parser, "pipeline.yaml")
    parser.set_defaults(command=init)


def init(args: argparse.Namespace) -> int:
    """`regpipe init`: writes a configuration for a table, and prints what was found in the table.

    Raises:
        UsageError: the file exists, or can't be written.
        ConfigError: the path or the label is empty.
        DataRefused: a run would refuse the table.
    """
    check_output(args)
    from pipeline_def.config.starter_config import starter_config

    text, findings = starter_config(args.data, args.label)
    write_output(args.output, text)
    for line in findings:
        print(line)
    print(f"Wrote {args.output} with the keys that matter first; every other key is at its default.")
    print("All keys: regpipe config. The keys of one group, such as training: regpipe config training")
    print(f"Next: regpipe run --config {args.output}")
    return 0
