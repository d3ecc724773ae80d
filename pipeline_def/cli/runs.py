"""The command `regpipe runs`: lists the runs under a root."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from components.common.formatting import aligned_columns
from pipeline_def.cli.arguments import add_json, new_parser
from pipeline_def.cli.on_cluster import run_on_cluster
from pipeline_def.cli.runs_location import CLUSTER_HELP, add_location, location_hint, open_runs

if TYPE_CHECKING:
    from pipeline_def.runs.summary import RunRecord

DESCRIPTION = """\
Lists the runs under a root, newest first; on a cluster those of the pipeline
that the configuration names."""
EPILOG = f"""\
examples:
  regpipe runs
  regpipe runs --root /data/runs --json
  regpipe runs --config pipeline.yaml --on-cluster

{CLUSTER_HELP}

exit codes: 0 listed, also if there is no run; 1 Kubeflow Pipelines can't be
reached or returned an error; 2 wrong arguments or configuration, or a metadata
store that can't be opened from this machine"""


def add_command(subparsers: Any) -> None:
    """Adds `runs` to argparse's subparsers."""
    parser = new_parser(subparsers, "runs", "list the runs under a root", DESCRIPTION, EPILOG)
    add_location(parser)
    add_json(parser)
    parser.set_defaults(command=runs)


def runs(args: argparse.Namespace) -> int:
    """`regpipe runs`: prints the runs under a root, newest first. An empty list is not an error.

    Raises:
        UsageError, ConfigError: see `open_runs`.
    """
    if args.on_cluster:
        return run_on_cluster(args, ["runs", *(["--json"] if args.json else [])])
    from pipeline_def.runs import run_store

    try:
        root = open_runs(args, files=False)
        # On a cluster nobody marks a run that was killed, and others may be in progress.
        records = run_store.list_runs(root.runs, "not ended" if root.shared else "interrupted")
    except run_store.NoSuchRun:
        records = []
    if args.json:
        print(json.dumps([record.model_dump(mode="json") for record in records], indent=2))
    elif records:
        print(_table(records))
    else:
        print(_no_runs(args))
    return 0


def _no_runs(args: argparse.Namespace) -> str:
    if args.cluster_root:
        return "No runs on the cluster yet; `regpipe submit` makes the first one."
    return f"No runs under {args.root} yet; `regpipe run` makes the first one.{location_hint(args)}"


def _table(records: "list[RunRecord]") -> str:
    rows = [("run", "started", "status", "steps", "version")]
    for record in records:
        version = "" if record.pushed_version is None else str(record.pushed_version)
        status = record.status
        if record.blessed_by is not None:
            status += ", blessed by hand"
        elif record.status == "failed" and version:
            status += ", but pushed"
        rows.append((record.run_id, record.started or "", status, str(record.steps), version))
    return aligned_columns(rows)
