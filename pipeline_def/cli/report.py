"""`regpipe report`."""

import argparse
from typing import Any

from pipeline_def.cli.arguments import add_root, new_parser
from pipeline_def.cli.browser import open_page
from pipeline_def.cli.usage_errors import UsageError, check_root

DESCRIPTION = """\
Prints where the report of a run is: one HTML page with the verdict, the two
models side by side, the learning curves, what regularization did to the
weights, the data, the configuration and the lineage. It needs no network."""
EPILOG = """\
examples:
  regpipe report
  regpipe report --open
  regpipe report --run ID           # IDs: regpipe runs

exit codes: 0 printed; 2 wrong arguments, no such run, or one without a report"""


def add_command(subparsers: Any) -> None:
    """Adds `report` to argparse's subparsers."""
    parser = new_parser(subparsers, "report", "where the report of a run is", DESCRIPTION, EPILOG)
    add_root(parser)
    parser.add_argument(
        "--run", metavar="ID", help="the run, see `regpipe runs` (default: the last with a report)"
    )
    parser.add_argument("--open", action="store_true", help="open it in the browser, too")
    parser.set_defaults(command=report)


def report(args: argparse.Namespace) -> int:
    """`regpipe report`: where the page of a run is; with --open, also in the browser.

    Raises:
        UsageError: no such run, or one without a report.
    """
    check_root(args.root)
    from pipeline_def.runs import report_facts as reports
    from pipeline_def.runs.run_store import NoSuchRun

    try:
        page = reports.report_path(args.root.resolve(), args.run)
    except NoSuchRun as error:
        raise UsageError(str(error)) from None
    print(page)
    if args.open:
        open_page(page)
    return 0
