"""Finds, creates, pauses, resumes and deletes the recurring runs of Kubeflow Pipelines that regpipe manages.

They are recognised by the first line of their description, in any experiment, because names are not always unique.
The second line contains the two settings that the API does not return as they were sent.
"""

import contextlib
import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline_def.kubeflow.kfp_client import KubeflowApi, KubeflowNotFound
from pipeline_def.kubeflow.package import (
    ArchivedExperiment,
    PipelineVersion,
    equals,
    get_or_create_experiment,
)

# Servers have schedules with this text, so it must not change.
_MARK = "Made by `regpipe schedule apply`, which replaces it when the configuration changes."
_IN_DESCRIPTION = ("enabled", "service_account")
_DELETED = "(deleted)"


@dataclass(frozen=True)
class Schedule:
    """The settings of a schedule. Schedules with equal settings are interchangeable.

    Attributes:
        version: the name of the pipeline's version, which contains its digest.
        cron: six fields; None if there is an interval (seconds).
        start: a time in UTC such as 2027-01-01T00:00:00Z, or None; `end` has the same form.
        enabled: the value of kubeflow.schedule.enabled when it was created, whether or not it is paused now.
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
    """A schedule on Kubeflow Pipelines.

    Attributes:
        running: whether it starts runs; false if it is paused.
        archived: whether its experiment is archived. That pauses it, and restoring the experiment does not resume it.
    """

    id: str
    created: datetime.datetime
    running: bool
    archived: bool
    schedule: Schedule


def find(kubeflow: KubeflowApi, name: str) -> list[RecurringRun]:
    """Returns the managed schedules of a name, the oldest first: one, unless a change was interrupted."""
    return _list(kubeflow, filter=equals("display_name", name))


def find_all(kubeflow: KubeflowApi) -> list[RecurringRun]:
    """Returns all managed schedules, sorted by name and age, the oldest first."""
    return sorted(_list(kubeflow), key=lambda known: known.schedule.name)


def create(kubeflow: KubeflowApi, new: Schedule, version: PipelineVersion, *, running: bool) -> str:
    """Creates a recurring run, and its experiment if that does not exist.

    Args:
        kubeflow: the API.
        new: the settings.
        version: the ids of the pipeline's version.
        running: whether it starts runs now; otherwise it is paused.

    Returns:
        The id of the recurring run.
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
        experiment_id=get_or_create_experiment(kubeflow, new.experiment),
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
    return str(kubeflow.call(call, recurring_run=body).recurring_run_id)


def pause(kubeflow: KubeflowApi, known: Sequence[RecurringRun]) -> None:
    """Stops them from starting further runs; current runs continue."""
    for one in known:
        kubeflow.call(
            kubeflow.client.recurring_runs.recurring_run_service_disable_recurring_run,
            recurring_run_id=one.id,
        )


def resume(kubeflow: KubeflowApi, known: Sequence[RecurringRun]) -> None:
    """Makes them start runs again.

    Raises:
        ArchivedExperiment: the experiment of one is archived. None was resumed.
        KubeflowError: a request failed.
    """
    for one in known:
        if one.archived:
            raise ArchivedExperiment(one.schedule.experiment)
    for one in known:
        kubeflow.call(
            kubeflow.client.recurring_runs.recurring_run_service_enable_recurring_run, recurring_run_id=one.id
        )


def delete(kubeflow: KubeflowApi, known: Sequence[RecurringRun]) -> None:
    """Deletes them, but not their runs, including current ones. It is not an error if one does not exist."""
    method = kubeflow.client.recurring_runs.recurring_run_service_delete_recurring_run
    for one in known:
        with contextlib.suppress(KubeflowNotFound):  # deleted by another client, or the response was lost
            # It owns the workflows of its runs (resource_manager.go): by default they would be deleted, too.
            kubeflow.call(method, recurring_run_id=one.id, propagation_policy="ORPHAN")


def _list(kubeflow: KubeflowApi, **arguments: str) -> list[RecurringRun]:
    method = kubeflow.client.recurring_runs.recurring_run_service_list_recurring_runs
    if kubeflow.namespace:
        arguments["namespace"] = kubeflow.namespace
    managed = [
        found
        for found in kubeflow.list_all(method, "recurring_runs", **arguments)
        if _parse_description(found.description) is not None
    ]
    return sorted((_read(kubeflow, found) for found in managed), key=lambda known: (known.created, known.id))


def _read(kubeflow: KubeflowApi, found: Any) -> RecurringRun:
    cron, periodic = found.trigger.cron_schedule, found.trigger.periodic_schedule
    trigger = cron or periodic
    experiment, archived = _experiment(kubeflow, found.experiment_id)
    return RecurringRun(
        id=found.recurring_run_id,
        created=found.created_at,
        running=found.status == "ENABLED",
        archived=archived,
        schedule=Schedule(
            name=found.display_name,
            experiment=experiment,
            version=_version_name(kubeflow, found.pipeline_version_reference),
            cron=cron.cron if cron else None,
            interval=int(periodic.interval_second) if periodic else None,
            start=_utc(trigger.start_time),
            end=_utc(trigger.end_time),
            concurrency=int(found.max_concurrency),
            catch_up=not found.no_catchup,
            parameters=(found.runtime_config and found.runtime_config.parameters) or {},
            **(_parse_description(found.description) or {}),
        ),
    )


def _description(new: Schedule) -> str:
    # The server replaces a missing service account by its default, and a pause changes the mode (api_converter.go).
    return f"{_MARK}\n{json.dumps({name: getattr(new, name) for name in _IN_DESCRIPTION})}"


def _parse_description(description: str | None) -> dict[str, Any] | None:
    """Returns the settings in the second line; None if regpipe does not manage this recurring run."""
    mark, _, line = (description or "").partition("\n")
    try:
        found = json.loads(line) if mark == _MARK else None
    except ValueError:
        return None
    return found if isinstance(found, dict) and set(found) == set(_IN_DESCRIPTION) else None


def _experiment(kubeflow: KubeflowApi, experiment_id: str) -> tuple[str, bool]:
    """Returns the name of an experiment, and whether it is archived."""
    method = kubeflow.client.experiments.experiment_service_get_experiment
    try:
        found = kubeflow.call(method, experiment_id=experiment_id)
    except KubeflowNotFound:
        return _DELETED, False
    return str(found.display_name), found.storage_state == "ARCHIVED"


def _version_name(kubeflow: KubeflowApi, reference: Any) -> str:
    method = kubeflow.client.pipelines.pipeline_service_get_pipeline_version
    if not (reference and reference.pipeline_version_id):  # a manual copy may use the latest version
        return "(none)"
    try:
        version = kubeflow.call(
            method, pipeline_id=reference.pipeline_id, pipeline_version_id=reference.pipeline_version_id
        )
    except KubeflowNotFound:
        return _DELETED
    return str(version.display_name)


def _utc(time: datetime.datetime | None) -> str | None:
    if time is None:
        return None
    return time.astimezone(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
