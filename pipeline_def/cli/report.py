"""The command `regpipe report`: prints the path of a run's report."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from components.common import storage
from pipeline_def.cli.arguments import local_path, new_parser, read_config
from pipeline_def.cli.browser import open_page
from pipeline_def.cli.on_cluster import run_argument, run_on_cluster
from pipeline_def.cli.runs_location import (
    CLUSTER_HELP,
    add_location,
    location_hint,
    open_runs,
    root_of,
    run_errors,
)
from pipeline_def.cli.usage_errors import UsageError, output_error
from pipeline_def.kubeflow.command_result import OUTPUT_FILE

DESCRIPTION = """\
Prints the path of a run's report. The report is one HTML page with the verdict,
what changed since the last run, the candidate and the baseline side by side,
the learning curves, the effect of regularization on the weights, the features,
the data, the configuration and the lineage. The page needs no network.

--all prints the path of the page of all runs instead: how the last one ended,
what is published, trends, and a link to each report. Each run writes this page
anew, as index.html under the root; so does this command. --open opens either.

A page that is not on this machine, because it is on gs:// or on a cluster, is
copied: to FILE, or else to the folder for temporary files."""
EPILOG = f"""\
examples:
  regpipe report
  regpipe report --open
  regpipe report --run ID           # `regpipe runs` lists the IDs
  regpipe report --all --open       # the page of all runs
  regpipe report --config pipeline.yaml --on-cluster -o report.html

{CLUSTER_HELP}

exit codes: 0 printed; 1 Kubeflow Pipelines can't be reached or returned an
error; 2 wrong arguments or configuration, no such run, a run without a report,
or a metadata store that can't be opened from this machine"""


def add_command(subparsers: Any) -> None:
    """Adds `report` to argparse's subparsers."""
    parser = new_parser(subparsers, "report", "print the path of a run's report", DESCRIPTION, EPILOG)
    add_location(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--run", metavar="ID", help="the run (see `regpipe runs`; default: the last run with a report)"
    )
    which.add_argument("--all", action="store_true", help="the page of all runs, which is written anew")
    parser.add_argument("--open", action="store_true", help="also open it in the browser")
    parser.add_argument("-o", "--output", type=local_path, metavar="FILE", help="copy the page to this file")
    parser.set_defaults(command=report)


def report(args: argparse.Namespace) -> int:
    """`regpipe report`: prints the path of a run's report, or of the page of all runs; --open also opens it.

    Raises:
        UsageError: no such run, a run without a report, or a file that can't be written; see also `open_runs`.
        ConfigError: see `load_config`.
    """
    if args.on_cluster:
        which = ["--all"] if args.all else run_argument(args)
        return run_on_cluster(
            args, ["report", *which, "-o", OUTPUT_FILE], lambda content: _show(args, _copy(args, content))
        )
    page = _all_runs(args) if args.all else _one_run(args)
    if args.output is not None or storage.is_remote(page):
        _show(args, _copy(args, storage.read(page)))
    else:
        _show(args, Path(page))
    return 0


def _show(args: argparse.Namespace, page: Path) -> None:
    print(page)
    if args.open:
        open_page(page)


def _copy(args: argparse.Namespace, content: bytes) -> Path:
    """Writes the page to a file of this machine, and returns its path."""
    file = args.output
    if file is None:
        name = "index" if args.all else f"report-{args.run or 'latest'}"
        file = Path(tempfile.mkdtemp(prefix="regpipe-report-")) / f"{name}.html"
    try:
        file.write_bytes(content)
    except OSError as error:
        raise UsageError(output_error(file, error)) from None
    return Path(file.absolute())


def _all_runs(args: argparse.Namespace) -> str:
    from pipeline_def.runs.run_index import update_index

    root = root_of(args, read_config(args))
    if not storage.exists(f"{root}/runs"):
        raise UsageError(f"{root}: no run yet; `regpipe run` makes the first one.{location_hint(args)}")
    try:
        return update_index(root)
    except OSError as error:
        raise UsageError(f"--root: the page of all runs could not be written: {error}.") from None


def _one_run(args: argparse.Namespace) -> str:
    from pipeline_def.runs.report_facts import report_path

    with run_errors(args):
        return report_path(open_runs(args), args.run)
