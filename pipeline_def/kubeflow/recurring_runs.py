"""The recurring runs of Kubeflow Pipelines that are ours: found, made, paused, resumed, deleted.

Ours are recognised by the first line of their description, in whatever experiment they are: the API keeps it, and their
name need not be unique. The second line holds the two settings that the API gives back otherwise than it was given.
"""

import contextlib
import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline_def.kubeflow.kfp_client import Kubeflow, NotFound
from pipeline_def.kubeflow.package import Version, experiment, named

_MARK = "Made by `regpipe schedule apply`, which replaces it when the configuration changes."
_REMEMBERED = ("enabled", "service_account")
_GONE = "(deleted)"


@dataclass(frozen=True)
class Schedule:
    """When which pipeline runs with what; equal ones need no change.

    Attributes:
        version: the name of the pipeline's version, made of its digest.
        cron: six fields, or None where there is an interval (seconds).
        start: a moment in UTC such as 2027-01-01T00:00:00Z, or None; as is `end`.
        enabled: what kubeflow.schedule.enabled said when it was made, whether or not it is paused now.
    """

    name: str
    experiment: str
    version: str
    cron: str | None
    interval: int | None
    start: str | None
    end: str | None
    concurrency: int
    catch_up: bool
    parameters: Mapping[str, Any]
    service_account: str | None
    enabled: bool


@dataclass(frozen=True)
class RecurringRun:
    """A schedule as Kubeflow Pipelines has it; `running` unless it is paused."""

    id: str
    created: datetime.datetime
    running: bool
    schedule: Schedule


def find(kubeflow: Kubeflow, name: str) -> list[RecurringRun]:
    """The schedules of this name that `apply` made, the oldest first: one, unless a change was interrupted."""
    return _listed(kubeflow, filter=named("display_name", name))


def find_all(kubeflow: Kubeflow) -> list[RecurringRun]:
    """All schedules that `apply` made, by name, the oldest first."""
    return sorted(_listed(kubeflow), key=lambda known: known.schedule.name)


def create(kubeflow: Kubeflow, new: Schedule, version: Version, *, running: bool) -> str:
    """Makes one, in an experiment that is made where it is missing.

    Args:
        kubeflow: where.
        new: its settings.
        version: the ids of the pipeline's version.
        running: whether it starts runs from now on.

    Returns:
        Its id.
    """
    models = kubeflow.client.api_models
    span = {"start_time": new.start, "end_time": new.end}
    if new.cron:
        trigger = models.V2beta1Trigger(cron_schedule=models.V2beta1CronSchedule(cron=new.cron, **span))
    else:
        periodic = models.V2beta1PeriodicSchedule(interval_second=str(new.interval), **span)
        trigger = models.V2beta1Trigger(periodic_schedule=periodic)
    body = models.V2beta1RecurringRun(
        display_name=new.name,
        description=_description(new),
        experiment_id=experiment(kubeflow, new.experiment),
        pipeline_version_reference=models.V2beta1PipelineVersionReference(
            pipeline_id=version.pipeline_id, pipeline_version_id=version.version_id
        ),
        runtime_config=models.V2beta1RuntimeConfig(parameters=dict(new.parameters)),
        trigger=trigger,
        max_concurrency=str(new.concurrency),
        no_catchup=not new.catch_up,
        service_account=new.service_account,
        mode="ENABLE" if running else "DISABLE",
    )
    call = kubeflow.client.recurring_runs.recurring_run_service_create_recurring_run
    return str(kubeflow.ask(call, recurring_run=body).recurring_run_id)


def pause(kubeflow: Kubeflow, known: Sequence[RecurringRun]) -> None:
    """Lets them start no more runs; those under way go on."""
    for one in known:
        kubeflow.ask(
            kubeflow.client.recurring_runs.recurring_run_service_disable_recurring_run,
            recurring_run_id=one.id,
        )


def resume(kubeflow: Kubeflow, known: Sequence[RecurringRun]) -> None:
    """Lets them start runs again."""
    for one in known:
        kubeflow.ask(
            kubeflow.client.recurring_runs.recurring_run_service_enable_recurring_run, recurring_run_id=one.id
        )


def delete(kubeflow: Kubeflow, known: Sequence[RecurringRun]) -> None:
    """Removes them; their runs stay, also those under way. One that is gone already is fine."""
    remove = kubeflow.client.recurring_runs.recurring_run_service_delete_recurring_run
    for one in known:
        with contextlib.suppress(NotFound):  # someone else did, or an answer was lost
            # The workflows of its runs are owned by it (resource_manager.go): by default they would go with it.
            kubeflow.ask(remove, recurring_run_id=one.id, propagation_policy="ORPHAN")


def _listed(kubeflow: Kubeflow, **arguments: str) -> list[RecurringRun]:
    call = kubeflow.client.recurring_runs.recurring_run_service_list_recurring_runs
    if kubeflow.namespace:
        arguments["namespace"] = kubeflow.namespace
    ours = [
        found
        for found in kubeflow.pages(call, "recurring_runs", **arguments)
        if _remembered(found.description) is not None
    ]
    return sorted((_read(kubeflow, found) for found in ours), key=lambda known: (known.created, known.id))


def _read(kubeflow: Kubeflow, found: Any) -> RecurringRun:
    cron, periodic = found.trigger.cron_schedule, found.trigger.periodic_schedule
    trigger = cron or periodic
    return RecurringRun(
        id=found.recurring_run_id,
        created=found.created_at,
        running=found.status == "ENABLED",
        schedule=Schedule(
            name=found.display_name,
            experiment=_experiment_name(kubeflow, found.experiment_id),
            version=_version_name(kubeflow, found.pipeline_version_reference),
            cron=cron.cron if cron else None,
            interval=int(periodic.interval_second) if periodic else None,
            start=_moment(trigger.start_time),
            end=_moment(trigger.end_time),
            concurrency=int(found.max_concurrency),
            catch_up=not found.no_catchup,
            parameters=(found.runtime_config and found.runtime_config.parameters) or {},
            **(_remembered(found.description) or {}),
        ),
    )


def _description(new: Schedule) -> str:
    # The server puts its default in the place of no service account, and a pause changes the mode (api_converter.go).
    return f"{_MARK}\n{json.dumps({name: getattr(new, name) for name in _REMEMBERED})}"


def _remembered(description: str | None) -> dict[str, Any] | None:
    """What the second line holds; None if this is not a description of ours."""
    mark, _, line = (description or "").partition("\n")
    try:
        found = json.loads(line) if mark == _MARK else None
    except ValueError:
        return None
    return found if isinstance(found, dict) and set(found) == set(_REMEMBERED) else None


def _experiment_name(kubeflow: Kubeflow, experiment_id: str) -> str:
    call = kubeflow.client.experiments.experiment_service_get_experiment
    try:
        return str(kubeflow.ask(call, experiment_id=experiment_id).display_name)
    except NotFound:
        return _GONE


def _version_name(kubeflow: Kubeflow, reference: Any) -> str:
    call = kubeflow.client.pipelines.pipeline_service_get_pipeline_version
    if not (reference and reference.pipeline_version_id):  # a copy made by hand may follow the newest one
        return "(none)"
    try:
        version = kubeflow.ask(
            call, pipeline_id=reference.pipeline_id, pipeline_version_id=reference.pipeline_version_id
        )
    except NotFound:
        return _GONE
    return str(version.display_name)


def _moment(time: datetime.datetime | None) -> str | None:
    if time is None:
        return None
    return time.astimezone(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
