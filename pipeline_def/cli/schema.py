"""`regpipe schema freeze`."""

import argparse
from typing import Any

from pipeline_def.cli.arguments import add_output, add_root, new_parser
from pipeline_def.cli.usage_errors import UsageError, check_output, check_root, unwritable

DESCRIPTION = """\
A schema says which columns there are and what their values may be. Without one
of your own, each run infers it from its own data."""
EPILOG = """\
example:
  regpipe schema freeze             # keeps the last run's"""

FREEZE_DESCRIPTION = """\
Writes the schema of a run to a file. Edit it and name it in data.schema_file:
later runs then hold their data to it, instead of to a schema inferred from the
data itself."""
FREEZE_EPILOG = """\
examples:
  regpipe schema freeze
  regpipe schema freeze --run ID -o churn.pbtxt    # IDs: regpipe runs
  regpipe run --set data.schema_file=schema.pbtxt

exit codes: 0 written; 2 wrong arguments, no such run, or the file exists"""


def add_command(subparsers: Any) -> None:
    """Adds `schema` and its action to argparse's subparsers."""
    parser = new_parser(subparsers, "schema", "keep the schema of a run", DESCRIPTION, EPILOG)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    parser = new_parser(actions, "freeze", "write it to a file", FREEZE_DESCRIPTION, FREEZE_EPILOG)
    add_root(parser)
    parser.add_argument("--run", metavar="ID", help="the run, see `regpipe runs` (default: the last one)")
    add_output(parser, "schema.pbtxt")
    parser.set_defaults(command=freeze)


def freeze(args: argparse.Namespace) -> int:
    """`regpipe schema freeze`: the schema of a run in a file.

    Raises:
        UsageError: no such run, or the file exists.
    """
    check_root(args.root)
    check_output(args)
    from pipeline_def.runs import run_store as stored

    try:
        path = stored.freeze_schema(args.root, args.run, args.output)
    except stored.NoSuchRun as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(unwritable(args.output, error)) from None
    print(f"Wrote {path}. Read it, correct it, then: regpipe run --set data.schema_file={path}")
    return 0
