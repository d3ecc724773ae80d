"""The command `regpipe report`: prints the path of a run's report."""

import argparse
from typing import Any

from pipeline_def.cli.arguments import add_root, new_parser
from pipeline_def.cli.browser import open_page
from pipeline_def.cli.usage_errors import UsageError, check_root

DESCRIPTION = """\
Prints the path of a run's report. The report is one HTML page with the verdict,
the candidate and the baseline side by side, the learning curves, the effect of
regularization on the weights, the data, the configuration and the lineage. The
page needs no network."""
EPILOG = """\
examples:
  regpipe report
  regpipe report --open
  regpipe report --run ID           # `regpipe runs` lists the IDs

exit codes: 0 printed; 2 wrong arguments, no such run, or a run without a report"""


def add_command(subparsers: Any) -> None:
    """Adds `report` to argparse's subparsers."""
    parser = new_parser(subparsers, "report", "print the path of a run's report", DESCRIPTION, EPILOG)
    add_root(parser)
    parser.add_argument(
        "--run", metavar="ID", help="the run (see `regpipe runs`; default: the last run with a report)"
    )
    parser.add_argument("--open", action="store_true", help="also open it in the browser")
    parser.set_defaults(command=report)


def report(args: argparse.Namespace) -> int:
    """`regpipe report`: prints the path of a run's report; --open also opens it in the browser.

    Raises:
        UsageError: no such run, or a run without a report.
    """
    check_root(args.root)
    from pipeline_def.runs import report_facts
    from pipeline_def.runs.run_store import NoSuchRun

    try:
        page = report_facts.report_path(args.root.resolve(), args.run)
    except NoSuchRun as error:
        raise UsageError(str(error)) from None
    print(page)
    if args.open:
        open_page(page)
    return 0
