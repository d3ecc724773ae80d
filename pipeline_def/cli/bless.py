"""The command `regpipe bless`: publishes a model that the pipeline did not bless."""

import argparse
from typing import Any

from pipeline_def.cli.arguments import new_parser, read_config
from pipeline_def.cli.on_cluster import run_on_cluster
from pipeline_def.cli.publisher_options import add_publisher, publisher_arguments, read_publisher
from pipeline_def.cli.runs_location import CLUSTER_HELP, add_location, open_runs, run_errors
from pipeline_def.cli.usage_errors import UsageError, print_error, print_warnings

DESCRIPTION = """\
Publishes the model of a run that the pipeline did not bless. Your name, the
time and the reason are recorded in the metadata store, with the run and the
model, and are shown in the summary and the report of the run."""
EPILOG = f"""\
examples:
  regpipe bless --run ID --reason "recall matters more here"
  regpipe bless --run ID --reason "..." --config pipeline.yaml --on-cluster

`regpipe runs` lists the IDs.

{CLUSTER_HELP} Whoever may submit runs may
bless; the name is recorded as given, or as the login name on this machine.

exit codes: 0 published; 1 it could not be published, or Kubeflow Pipelines
can't be reached or returned an error; 2 wrong arguments or configuration, no
such run, a run without a model, a model that was pushed already, or a metadata
store that can't be opened from this machine"""


def add_command(subparsers: Any) -> None:
    """Adds `bless` to argparse's subparsers."""
    parser = new_parser(subparsers, "bless", "publish a model that was not blessed", DESCRIPTION, EPILOG)
    parser.add_argument("--run", required=True, metavar="ID", help="the run (see `regpipe runs`)")
    add_publisher(parser, reason_required=True)
    add_location(parser)
    parser.set_defaults(command=bless)


def bless(args: argparse.Namespace) -> int:
    """`regpipe bless`: publishes the candidate of a run by hand, and records the person and the reason.

    Raises:
        UsageError: an empty reason, no such run, a run without a model, or a model that was pushed already; see also
            `open_runs`.
        ConfigError: see `load_config`.
    """
    by, reason = read_publisher(args)
    if args.on_cluster:
        return run_on_cluster(args, ["bless", "--run", args.run, *publisher_arguments(by, reason)])
    config = read_config(args)
    from components.common.errors import BadModel
    from pipeline_def.local import blessing
    from pipeline_def.local.run_end import report_publication
    from pipeline_def.local.runner import CannotUseRoot

    try:
        with run_errors(args):
            root = open_runs(args)
            summary = blessing.bless(root, args.run, by=by, reason=reason)
    except (CannotUseRoot, blessing.CannotBless) as error:
        raise UsageError(str(error)) from None
    except (OSError, BadModel) as error:
        return print_error(f"the model could not be published: {error}", 1)
    where = f"version {summary.pushed_version} in {summary.pushed_path}"
    if summary.already_published:
        print(f"Blessed by hand; it was published already: {where}.")
    else:
        print(f"Blessed by hand and published: {where}.")
    if summary.pushed_version is not None and summary.pushed_path is not None:
        print_warnings(report_publication(root.path, summary.pushed_version, summary.pushed_path, config))
    return 0
