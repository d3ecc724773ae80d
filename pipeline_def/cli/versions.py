"""The command `regpipe versions`: lists the published versions."""

import argparse
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from components.common.formatting import aligned_columns, metric_label, number
from components.tasks.known_tasks import TASKS
from pipeline_def.cli.arguments import add_json, new_parser
from pipeline_def.cli.on_cluster import run_on_cluster
from pipeline_def.cli.push_destination import read_destination, remote_usage_errors
from pipeline_def.cli.runs_location import CLUSTER_HELP, add_location, location_hint

if TYPE_CHECKING:
    from pipeline_def.runs.summary import VersionRecord

_SHORT = 12  # digits of a digest that the table shows

DESCRIPTION = """\
Lists the published versions, newest first: time of publication, run, AUC and
log loss (of a regression R2 and RMSE) on the test split, and the digest of the
model. `current` marks the version that is served.

Each version was measured on the test split of its own run. On another table the
values are not comparable: the report of a run compares its model with the one
that was served, on the same rows."""
EPILOG = f"""\
examples:
  regpipe versions
  regpipe versions --config pipeline.yaml --json
  regpipe versions --config pipeline.yaml --on-cluster

{CLUSTER_HELP}

exit codes: 0 listed, also if there is no version; 1 Kubeflow Pipelines can't be
reached or returned an error; 2 wrong arguments or configuration"""


def add_command(subparsers: Any) -> None:
    """Adds `versions` to argparse's subparsers."""
    parser = new_parser(subparsers, "versions", "list the published versions", DESCRIPTION, EPILOG)
    add_location(parser)
    add_json(parser)
    parser.set_defaults(command=versions)


def versions(args: argparse.Namespace) -> int:
    """`regpipe versions`: prints the published versions, newest first. An empty list is not an error.

    Raises:
        UsageError: the folder of the versions can't be read.
    """
    if args.on_cluster:
        return run_on_cluster(args, ["versions", *(["--json"] if args.json else [])])
    destination = read_destination(args)
    from pipeline_def.local.published_versions import list_versions

    with remote_usage_errors(destination):
        records = list_versions(destination)
    if args.json:
        print(json.dumps([record.model_dump(mode="json") for record in records], indent=2))
    elif records:
        print(aligned_columns(list(_table(records))))
    else:
        empty = f"No version in {destination.directory} yet; `regpipe run` publishes a model that is blessed."
        print(f"{empty}{location_hint(args)}")
    return 0


def _table(records: Sequence["VersionRecord"]) -> Iterator[tuple[str, ...]]:
    """Yields the headers and the rows, with the metrics of the tasks of these versions."""
    measured = [
        task for task in TASKS if any(getattr(record, task.loss) is not None for record in records)
    ] or TASKS[:1]
    names = [name for task in measured for name in (task.score, task.loss)]
    yield "version", "published", "run", *map(metric_label, names), "digest", ""
    for record in records:
        yield _row(record, names)


def _row(record: "VersionRecord", metrics: Sequence[str]) -> tuple[str, ...]:
    notes = ["current"] if record.current else []
    if record.blessed_by:
        notes.append(f"blessed by {record.blessed_by}")
    if record.rollback:
        notes.append(f"{record.rollback.to_version} again, by {record.rollback.by}")
    return (
        str(record.version),
        record.published or "",
        record.run or "",
        *(_number(getattr(record, name)) for name in metrics),
        (record.digest or "")[:_SHORT],
        ", ".join(notes),
    )


def _number(value: float | None) -> str:
    return "" if value is None else number(value)
