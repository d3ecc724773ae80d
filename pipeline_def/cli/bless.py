"""The command `regpipe bless`: publishes a model that the pipeline did not bless."""

import argparse
from typing import Any

from pipeline_def.cli.arguments import add_root, new_parser
from pipeline_def.cli.publisher_options import add_publisher, read_publisher
from pipeline_def.cli.usage_errors import UsageError, check_root, print_error, print_warnings

DESCRIPTION = """\
Publishes the model of a run that the pipeline did not bless. Your name, the
time and the reason are recorded in the metadata store, with the run and the
model, and are shown in the summary and the report of the run."""
EPILOG = """\
example:
  regpipe bless --run ID --reason "recall matters more here"

`regpipe runs` lists the IDs.

exit codes: 0 published; 1 it could not be published; 2 wrong arguments, no such
run, a run without a model, or a model that was pushed already"""


def add_command(subparsers: Any) -> None:
    """Adds `bless` to argparse's subparsers."""
    parser = new_parser(subparsers, "bless", "publish a model that was not blessed", DESCRIPTION, EPILOG)
    parser.add_argument("--run", required=True, metavar="ID", help="the run (see `regpipe runs`)")
    add_publisher(parser, reason_required=True)
    add_root(parser)
    parser.set_defaults(command=bless)


def bless(args: argparse.Namespace) -> int:
    """`regpipe bless`: publishes the candidate of a run by hand, and records the person and the reason.

    Raises:
        UsageError: an empty reason, no such run, a run without a model, or a model that was pushed already.
    """
    check_root(args.root)
    by, reason = read_publisher(args)
    from components.common.errors import BadModel
    from pipeline_def.local import blessing
    from pipeline_def.local.run_end import report_publication
    from pipeline_def.local.runner import CannotUseRoot
    from pipeline_def.runs.run_store import NoSuchRun

    try:
        summary = blessing.bless(args.root, args.run, by=by, reason=reason)
    except (NoSuchRun, CannotUseRoot, blessing.CannotBless) as error:
        raise UsageError(str(error)) from None
    except (OSError, BadModel) as error:
        return print_error(f"the model could not be published: {error}", 1)
    where = f"version {summary.pushed_version} in {summary.pushed_path}"
    if summary.already_published:
        print(f"Blessed by hand; it was published already: {where}.")
    else:
        print(f"Blessed by hand and published: {where}.")
    if summary.pushed_version is not None and summary.pushed_path is not None:
        print_warnings(report_publication(args.root, summary.pushed_version, summary.pushed_path))
    return 0
