"""The command `regpipe rollback`: publishes an old version again."""

import argparse
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline_def.cli.arguments import new_parser, read_config
from pipeline_def.cli.on_cluster import run_on_cluster
from pipeline_def.cli.publisher_options import add_publisher, publisher_arguments, read_publisher
from pipeline_def.cli.push_destination import read_destination, remote_usage_errors
from pipeline_def.cli.runs_location import CLUSTER_HELP, add_location, location_hint, open_runs
from pipeline_def.cli.usage_errors import UsageError, print_error, print_warnings

DESCRIPTION = """\
Publishes an old version again as the newest, because servers load the version
with the highest number. The model is checked like any other. Your name, the
time and the reason are recorded in the model card and in the metadata store.
Later runs do not publish the model that you rolled back from."""
EPILOG = f"""\
examples:
  regpipe rollback 1795177529 --reason "complaints"
  regpipe rollback 1795177529 --config pipeline.yaml --on-cluster

`regpipe versions` lists the versions.

{CLUSTER_HELP}

exit codes: 0 published; 1 it could not be published, or Kubeflow Pipelines
can't be reached or returned an error; 2 wrong arguments or configuration, no
such version, a version that is the current model already, or a metadata store
that can't be opened from this machine"""


def add_command(subparsers: Any) -> None:
    """Adds `rollback` to argparse's subparsers."""
    parser = new_parser(subparsers, "rollback", "publish an old version again", DESCRIPTION, EPILOG)
    parser.add_argument("version", type=int, metavar="VERSION", help="the version (see `regpipe versions`)")
    add_publisher(parser, reason_required=False)
    add_location(parser)
    parser.set_defaults(command=rollback)


def rollback(args: argparse.Namespace) -> int:
    """`regpipe rollback`: publishes an old version again as the newest, and records the person and the reason.

    Raises:
        UsageError: no such version, a version that is the current model already, or a folder that can't be read.
    """
    by, reason = read_publisher(args)
    if args.on_cluster:
        return run_on_cluster(args, ["rollback", str(args.version), *publisher_arguments(by, reason)])
    destination = read_destination(args)
    from components.common.errors import BadModel
    from pipeline_def.local.published_versions import CannotRollBack, NoSuchVersion
    from pipeline_def.local.published_versions import rollback as roll_back
    from pipeline_def.local.run_end import report_publication
    from pipeline_def.local.runner import CannotUseRoot
    from pipeline_def.runs.run_store import NoSuchRun
    from pipeline_def.terminal.output_capture import OutputCapture

    root = None
    with suppress(NoSuchRun):  # a root without runs, for example on another machine
        root = open_runs(args)
    try:
        # Hides what TensorFlow prints about the machine's devices.
        with remote_usage_errors(destination), OutputCapture(Path(os.devnull)):
            published = roll_back(root, destination, args.version, by=by, reason=reason)
    except NoSuchVersion as error:
        raise UsageError(f"{error}{location_hint(args)}") from None
    except (CannotUseRoot, CannotRollBack) as error:
        raise UsageError(str(error)) from None
    except (OSError, BadModel) as error:
        return print_error(f"the model could not be published: {error}", 1)
    print(f"Version {args.version} is published again, as version {published.version} in {published.path}.")
    path = root.path if root else str(args.root.resolve())
    print_warnings(report_publication(path, published.version, published.path, read_config(args)))
    return 0
