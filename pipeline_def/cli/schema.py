"""The command `regpipe schema freeze`: saves the schema of a run to a file."""

import argparse
from typing import Any

from pipeline_def.cli.arguments import add_output, new_parser
from pipeline_def.cli.on_cluster import run_argument, run_on_cluster
from pipeline_def.cli.runs_location import CLUSTER_HELP, add_location, open_runs, run_errors
from pipeline_def.cli.usage_errors import check_output, write_output
from pipeline_def.kubeflow.command_result import OUTPUT_FILE

DESCRIPTION = """\
A schema describes the columns of a table and their valid values. If no schema
is configured, each run infers one from its own data."""
EPILOG = """\
example:
  regpipe schema freeze             # saves the schema of the last run"""

FREEZE_DESCRIPTION = """\
Writes the schema of a run to a file. Edit the file and set data.schema_file to
its path: later runs then validate their data with it, instead of with a schema
that is inferred from that data."""
FREEZE_EPILOG = f"""\
examples:
  regpipe schema freeze
  regpipe schema freeze --run ID -o churn.pbtxt   # `regpipe runs` lists the IDs
  regpipe schema freeze --config pipeline.yaml --on-cluster
  regpipe run --set data.schema_file=schema.pbtxt

{CLUSTER_HELP} The file is written on
this machine.

exit codes: 0 written; 1 Kubeflow Pipelines can't be reached or returned an
error; 2 wrong arguments or configuration, no such run, the file exists, or a
metadata store that can't be opened from this machine"""


def add_command(subparsers: Any) -> None:
    """Adds `schema` and its action to argparse's subparsers."""
    parser = new_parser(subparsers, "schema", "save the schema of a run", DESCRIPTION, EPILOG)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    parser = new_parser(
        actions, "freeze", "write the schema of a run to a file", FREEZE_DESCRIPTION, FREEZE_EPILOG
    )
    add_location(parser)
    parser.add_argument("--run", metavar="ID", help="the run (see `regpipe runs`; default: the last)")
    add_output(parser, "schema.pbtxt")
    parser.set_defaults(command=freeze)


def freeze(args: argparse.Namespace) -> int:
    """`regpipe schema freeze`: writes the schema of a run to a file.

    Raises:
        UsageError: no such run, or the file exists or can't be written; see also `open_runs`.
        ConfigError: see `load_config`.
    """
    check_output(args)

    def save(schema: bytes) -> None:
        write_output(args.output, schema.decode())
        print(
            f"Wrote {args.output}. Check and correct it. Next: regpipe run --set data.schema_file={args.output}"
        )

    if args.on_cluster:
        return run_on_cluster(args, ["schema", "freeze", *run_argument(args), "-o", OUTPUT_FILE], save)
    from pipeline_def.runs.schema_file import read_schema

    with run_errors(args):
        schema = read_schema(open_runs(args), args.run)
    save(schema)
    return 0
