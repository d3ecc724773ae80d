"""Updates the schedule on Kubeflow Pipelines to match the configuration.

The API has no update method for recurring runs; only pausing changes one. A change therefore creates a new recurring
run and then deletes the old one. An interruption in between leaves two, never none, and the next `apply` deletes the
old one. The current settings are read from the API, which is the only place where they are stored.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline_def.config.load import PipelineConfig
from pipeline_def.kubeflow.auth import KubeflowError
from pipeline_def.kubeflow.kfp_client import KubeflowApi
from pipeline_def.kubeflow.package import ArchivedExperiment, Package
from pipeline_def.kubeflow.recurring_runs import RecurringRun, Schedule, create, delete, find


@dataclass(frozen=True)
class SchedulePlan:
    """The changes that `apply` has to make.

    Attributes:
        target: the schedule of the configuration.
        unchanged: the recurring run that has these settings already, if there is one.
        obsolete: the recurring runs to delete.
        running: whether the resulting recurring run starts runs; otherwise it is paused.
    """

    target: Schedule
    unchanged: RecurringRun | None
    obsolete: Sequence[RecurringRun]
    running: bool

    @property
    def differences(self) -> list[tuple[str, Any, Any]]:
        """Name, old and new value of each changed setting; empty if there is no change or no earlier schedule."""
        if self.unchanged or not self.obsolete:
            return []
        old, new = self.obsolete[-1].schedule, self.target
        return [
            (field.name, getattr(old, field.name), getattr(new, field.name))
            for field in dataclasses.fields(Schedule)
            if getattr(old, field.name) != getattr(new, field.name)
        ]


def configured_schedule(config: PipelineConfig, package: Package) -> Schedule:
    """Returns the schedule of a configuration, for a pipeline compiled from it.

    Raises:
        BadPackage: kubeflow.schedule.parameters don't match the parameters of the pipeline.
    """
    keys = config.kubeflow.schedule
    return Schedule(
        name=config.name,
        experiment=config.kubeflow.experiment or config.name,
        version=package.version,
        cron=keys.cron,
        interval=keys.interval,
        start=keys.start,
        end=keys.end,
        concurrency=keys.concurrency,
        catch_up=keys.catch_up,
        parameters=package.arguments(keys.parameters),
        service_account=config.kubeflow.service_account,
        enabled=keys.enabled,
    )


def plan(kubeflow: KubeflowApi, target: Schedule) -> SchedulePlan:
    """Returns the changes after which `target` is the only schedule of its name; changes nothing itself.

    Raises:
        ArchivedExperiment: there is a schedule in the experiment of `target`, which is archived.
        KubeflowError: a request failed.
    """
    found = find(kubeflow, target.name)
    if any(known.archived and known.schedule.experiment == target.experiment for known in found):
        raise ArchivedExperiment(target.experiment)
    unchanged = next((known for known in found if known.schedule == target), None)
    if unchanged:
        return SchedulePlan(
            target, unchanged, [known for known in found if known is not unchanged], unchanged.running
        )
    running = target.enabled
    if found and found[-1].schedule.enabled == target.enabled:
        running = found[-1].running  # a manual pause or resume is kept when other settings change
    return SchedulePlan(target, None, found, running)


def apply_plan(kubeflow: KubeflowApi, changes: SchedulePlan, package: Package) -> str:
    """Makes the changes of a plan, and returns the id of the resulting recurring run.

    Raises:
        KubeflowError: creating the new one failed (nothing has changed), or deleting an old one failed (both exist).
    """
    current = changes.unchanged.id if changes.unchanged else None
    if current is None:
        current = create(kubeflow, changes.target, package.upload(kubeflow), running=changes.running)
    for known in changes.obsolete:
        try:
            delete(kubeflow, [known])
        except KubeflowError as error:
            raise KubeflowError(
                f"{error}\nthe new schedule exists ({current}), but the old one ({known.id}) could not be deleted, "
                "and both start runs; `regpipe schedule apply` deletes the old one"
            ) from None
    return current
