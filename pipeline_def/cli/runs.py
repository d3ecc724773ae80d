"""The command `regpipe runs`: lists the runs under a root."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from components.common.formatting import aligned_columns
from pipeline_def.cli.arguments import add_json, add_root, new_parser
from pipeline_def.cli.usage_errors import check_root

if TYPE_CHECKING:
    from pipeline_def.runs.summary import RunRecord

DESCRIPTION = """\
Lists the runs under a root, newest first."""
EPILOG = """\
examples:
  regpipe runs
  regpipe runs --root /data/runs --json

exit codes: 0 listed, also if there is no run; 2 wrong arguments"""


def add_command(subparsers: Any) -> None:
    """Adds `runs` to argparse's subparsers."""
    parser = new_parser(subparsers, "runs", "list the runs under a root", DESCRIPTION, EPILOG)
    add_root(parser)
    add_json(parser)
    parser.set_defaults(command=runs)


def runs(args: argparse.Namespace) -> int:
    """`regpipe runs`: prints the runs under a root, newest first. An empty list is not an error."""
    check_root(args.root)
    from pipeline_def.runs import run_store

    try:
        records = run_store.list_runs(args.root)
    except run_store.NoSuchRun:
        records = []
    if args.json:
        print(json.dumps([record.model_dump(mode="json") for record in records], indent=2))
    elif records:
        print(_table(records))
    else:
        print(f"No runs under {args.root} yet; `regpipe run` makes the first one.")
    return 0


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
