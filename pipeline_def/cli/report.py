"""The command `regpipe report`: prints the path of a run's report."""

import argparse
from pathlib import Path
from typing import Any

from pipeline_def.cli.arguments import add_root, new_parser
from pipeline_def.cli.browser import open_page
from pipeline_def.cli.usage_errors import UsageError, check_root

DESCRIPTION = """\
Prints the path of a run's report. The report is one HTML page with the verdict,
what changed since the last run, the candidate and the baseline side by side,
the learning curves, the effect of regularization on the weights, the features,
the data, the configuration and the lineage. The page needs no network.

--all opens the page of all runs instead: how the last one ended, what is
published, trends, and a link to each report. Each run writes this page anew,
as index.html under the root; so does this command."""
EPILOG = """\
examples:
  regpipe report
  regpipe report --open
  regpipe report --run ID           # `regpipe runs` lists the IDs
  regpipe report --all              # the page of all runs

exit codes: 0 printed; 2 wrong arguments, no such run, or a run without a report"""


def add_command(subparsers: Any) -> None:
    """Adds `report` to argparse's subparsers."""
    parser = new_parser(subparsers, "report", "print the path of a run's report", DESCRIPTION, EPILOG)
    add_root(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--run", metavar="ID", help="the run (see `regpipe runs`; default: the last run with a report)"
    )
    which.add_argument(
        "--all", action="store_true", help="write the page of all runs, print its path and open it"
    )
    parser.add_argument("--open", action="store_true", help="also open it in the browser")
    parser.set_defaults(command=report)


def report(args: argparse.Namespace) -> int:
    """`regpipe report`: prints the path of a run's report, or of the page of all runs; --open also opens it.

    Raises:
        UsageError: no such run, or a run without a report.
    """
    check_root(args.root)
    page = _all_runs(args.root.resolve()) if args.all else _one_run(args)
    print(page)
    if args.open or args.all:
        open_page(page)
    return 0


def _all_runs(root: Path) -> Path:
    from pipeline_def.runs.run_index import update_index

    if not (root / "runs").is_dir():
        raise UsageError(f"{root}: no run yet; `regpipe run` makes the first one.")
    try:
        return Path(update_index(str(root)))
    except OSError as error:
        raise UsageError(f"--root: the page of all runs could not be written: {error}.") from None


def _one_run(args: argparse.Namespace) -> Path:
    from pipeline_def.runs import report_facts
    from pipeline_def.runs.run_store import NoSuchRun

    try:
        return report_facts.report_path(args.root.resolve(), args.run)
    except NoSuchRun as error:
        raise UsageError(str(error)) from None
