"""Schedules as lines for a person, and as JSON."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from components.common.formatting import aligned_columns
from pipeline_def.kubeflow.recurring_runs import RecurringRun, Schedule
from pipeline_def.kubeflow.schedule_plan import Plan


def told(plan: Plan, made: str) -> str:
    """What was done to a schedule, or, where `made` (the id of what is there now) is empty, would be."""
    name, is_, by_id = plan.wanted.name, "is" if made else "would be", f" ({made})" if made else ""
    rows: list[tuple[str, ...]] = []
    if plan.kept:
        lines = [f"The schedule {name} is unchanged ({plan.kept.id})."]
        lines += [f"Left over from a change, {one.id} {is_} removed." for one in plan.removed]
    elif plan.removed:
        lines = [f"The schedule {name} {is_} replaced{by_id}."]
        rows = [(field, _shown(old), "->", _shown(new)) for field, old, new in plan.differences]
    else:
        lines = [f"The schedule {name} {is_} created{by_id}."]
        rows = list(_fields(plan.wanted).items())
    paused = [] if plan.running else [f"It {is_} paused; `regpipe schedule resume` lets it start runs."]
    return "\n".join([*lines, *([aligned_columns(rows)] if rows else []), *paused])


def table(found: Sequence[RecurringRun]) -> str:
    """A line for each."""
    rows = [("schedule", "state", "when", "version", "experiment", "id")]
    for known in found:
        one = known.schedule
        when = one.cron or f"every {one.interval} s"
        rows.append((one.name, _state(known), when, one.version, one.experiment, known.id))
    return aligned_columns(rows)


def details(known: RecurringRun) -> str:
    """A line for each thing that is known about one."""
    record = {"state": _state(known), **_fields(known.schedule), "id": known.id, "created": _created(known)}
    return aligned_columns(list(record.items()))


def as_json(found: Sequence[RecurringRun]) -> str:
    """A list of objects: id, created, running, and the fields of Schedule."""
    records = [
        {"id": known.id, "created": _created(known), "running": known.running}
        | dataclasses.asdict(known.schedule)
        for known in found
    ]
    return json.dumps(records, indent=2)


def _state(known: RecurringRun) -> str:
    return "running" if known.running else "paused"


def _created(known: RecurringRun) -> str:
    return known.created.isoformat(timespec="seconds")


def _fields(schedule: Schedule) -> dict[str, str]:
    shown = {name: _shown(value) for name, value in dataclasses.asdict(schedule).items() if value is not None}
    if schedule.cron:
        shown["cron"] += "  (UTC, unless the cluster's cronScheduleTimezone is another)"
    return shown


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{name}={json.dumps(given)}" for name, given in value.items()) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
