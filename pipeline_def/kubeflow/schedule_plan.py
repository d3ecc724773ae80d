"""Makes the schedule on Kubeflow Pipelines what the configuration says.

The API keeps a recurring run as it was created: there is no update call, and only pausing changes it. To change one
means to create another and then to remove the first. What was interrupted in between leaves two, never none, and the
next `apply` removes the one that is out of date. Whether one is still what the configuration wants is told from what
the API gives back: nothing else remembers it.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline_def.config.load import PipelineConfig
from pipeline_def.kubeflow.auth import KubeflowError
from pipeline_def.kubeflow.kfp_client import Kubeflow
from pipeline_def.kubeflow.package import Package
from pipeline_def.kubeflow.recurring_runs import RecurringRun, Schedule, create, delete, find


@dataclass(frozen=True)
class Plan:
    """What `apply` has to do.

    Attributes:
        wanted: what the configuration says.
        kept: the recurring run that is so already, if there is one.
        removed: those that have to go.
        running: whether what is there in the end starts runs.
    """

    wanted: Schedule
    kept: RecurringRun | None
    removed: Sequence[RecurringRun]
    running: bool

    @property
    def differences(self) -> list[tuple[str, Any, Any]]:
        """Name, old and new value of what changes; none where nothing does, or where there was nothing."""
        if self.kept or not self.removed:
            return []
        old, new = self.removed[-1].schedule, self.wanted
        return [
            (field.name, getattr(old, field.name), getattr(new, field.name))
            for field in dataclasses.fields(Schedule)
            if getattr(old, field.name) != getattr(new, field.name)
        ]


def wanted(config: PipelineConfig, package: Package) -> Schedule:
    """The schedule of a configuration, for a pipeline compiled from it.

    Raises:
        BadPackage: its parameters are not the pipeline's.
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


def plan(kubeflow: Kubeflow, new: Schedule) -> Plan:
    """What is to be done so that there is `new` and no other of its name; nothing is changed yet."""
    found = find(kubeflow, new.name)
    kept = next((known for known in found if known.schedule == new), None)
    if kept:
        return Plan(new, kept, [known for known in found if known is not kept], kept.running)
    running = new.enabled
    if found and found[-1].schedule.enabled == new.enabled:
        running = found[-1].running  # paused or resumed by hand: that outlives a change of something else
    return Plan(new, None, found, running)


def carry_out(kubeflow: Kubeflow, what: Plan, package: Package) -> str:
    """Does what a plan says, and gives the id of the recurring run that is there then.

    Raises:
        KubeflowError: before the new one is made: all is as it was; after: both are there.
    """
    kept = what.kept.id if what.kept else None
    if kept is None:
        kept = create(kubeflow, what.wanted, package.upload(kubeflow), running=what.running)
    for known in what.removed:
        try:
            delete(kubeflow, [known])
        except KubeflowError as error:
            raise KubeflowError(
                f"{error}\nthe schedule is in place ({kept}), but so is the one before it ({known.id}), and both start "
                "runs; `regpipe schedule apply` removes it"
            ) from None
    return kept
