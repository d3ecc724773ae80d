"""The command `regpipe schema freeze`: saves the schema of a run to a file."""

import argparse
from typing import Any

from pipeline_def.cli.arguments import add_output, add_root, new_parser
from pipeline_def.cli.usage_errors import UsageError, check_output, check_root, output_error

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
FREEZE_EPILOG = """\
examples:
  regpipe schema freeze
  regpipe schema freeze --run ID -o churn.pbtxt   # `regpipe runs` lists the IDs
  regpipe run --set data.schema_file=schema.pbtxt

exit codes: 0 written; 2 wrong arguments, no such run, or the file exists"""


def add_command(subparsers: Any) -> None:
    """Adds `schema` and its action to argparse's subparsers."""
    parser = new_parser(subparsers, "schema", "save the schema of a run", DESCRIPTION, EPILOG)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    parser = new_parser(
        actions, "freeze", "write the schema of a run to a file", FREEZE_DESCRIPTION, FREEZE_EPILOG
    )
    add_root(parser)
    parser.add_argument("--run", metavar="ID", help="the run (see `regpipe runs`; default: the last)")
    add_output(parser, "schema.pbtxt")
    parser.set_defaults(command=freeze)


def freeze(args: argparse.Namespace) -> int:
    """`regpipe schema freeze`: writes the schema of a run to a file.

    Raises:
        UsageError: no such run, or the file exists or can't be written.
    """
    check_root(args.root)
    check_output(args)
    from pipeline_def.runs import run_store

    try:
        path = run_store.freeze_schema(args.root, args.run, args.output)
    except run_store.NoSuchRun as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(output_error(args.output, error)) from None
    print(f"Wrote {path}. Check and correct it. Next: regpipe run --set data.schema_file={path}")
    return 0
