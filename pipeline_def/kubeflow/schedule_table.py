"""Formats the schedules on Kubeflow Pipelines as text and as JSON."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from components.common.formatting import aligned_columns
from pipeline_def.kubeflow.recurring_runs import RecurringRun, Schedule
from pipeline_def.kubeflow.schedule_plan import SchedulePlan

# Kubeflow Pipelines does not tell these apart.
_BY_HAND = "by hand or because its experiment was archived"


def describe_plan(plan: SchedulePlan, applied_id: str) -> str:
    """Returns what was changed or, if `applied_id` (the id of the resulting recurring run) is empty, would be."""
    name = plan.target.name
    is_, with_id = ("is", f" ({applied_id})") if applied_id else ("would be", "")
    rows: list[tuple[str, ...]] = []
    if plan.unchanged:
        lines = [f"The schedule {name} is unchanged ({plan.unchanged.id})."]
        lines += [f"{one.id}, left over from an interrupted change, {is_} deleted." for one in plan.obsolete]
    elif plan.obsolete:
        lines = [f"The schedule {name} {is_} replaced{with_id}."]
        rows = [(field, _text(old), "->", _text(new)) for field, old, new in plan.differences]
    else:
        lines = [f"The schedule {name} {is_} created{with_id}."]
        rows = list(_fields(plan.target).items())
    reason = f", {_BY_HAND}" if plan.target.enabled else ""
    paused = [] if plan.running else [f"It {is_} paused{reason}; `regpipe schedule resume` starts it again."]
    return "\n".join([*lines, *([aligned_columns(rows)] if rows else []), *paused])


def table(found: Sequence[RecurringRun]) -> str:
    """Returns a table with one line for each schedule."""
    rows = [("schedule", "state", "when", "version", "experiment", "id")]
    for known in found:
        one = known.schedule
        when = one.cron or f"every {one.interval} s"
        rows.append((one.name, _state(known), when, one.version, one.experiment, known.id))
    return aligned_columns(rows)


def details(known: RecurringRun) -> str:
    """Returns one line for each field of a schedule."""
    record = {
        "state": _state(known) + _reason(known),
        **_fields(known.schedule),
        "id": known.id,
        "created": _created(known),
    }
    return aligned_columns(list(record.items()))


def as_json(found: Sequence[RecurringRun]) -> str:
    """Returns a JSON list of objects with id, created, running, experiment_archived, and the fields of Schedule."""
    records = [
        {
            "id": known.id,
            "created": _created(known),
            "running": known.running,
            "experiment_archived": known.archived,
        }
        | dataclasses.asdict(known.schedule)
        for known in found
    ]
    return json.dumps(records, indent=2)


def _state(known: RecurringRun) -> str:
    return "running" if known.running else "paused"


def _reason(known: RecurringRun) -> str:
    """Returns why a schedule is paused, or that its runs are not visible."""
    if known.archived:
        return ", its experiment is archived" if known.running else ", because its experiment is archived"
    return f", {_BY_HAND}" if known.schedule.enabled and not known.running else ""


def _created(known: RecurringRun) -> str:
    return known.created.isoformat(timespec="seconds")


def _fields(schedule: Schedule) -> dict[str, str]:
    fields = {name: _text(value) for name, value in dataclasses.asdict(schedule).items() if value is not None}
    if schedule.cron:
        fields["cron"] += "  (UTC, unless the cluster's cronScheduleTimezone differs)"
    return fields


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{name}={json.dumps(given)}" for name, given in value.items()) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
