"""The table of all tasks."""

from collections.abc import Mapping

from components.tasks.binary import BINARY
from components.tasks.multiclass import MULTICLASS
from components.tasks.regression import REGRESSION
from components.tasks.task import Loss, Task, TaskMetric

TASKS = (BINARY, REGRESSION, MULTICLASS)
METRICS: Mapping[str, TaskMetric] = {metric.name: metric for task in TASKS for metric in task.metrics}
# Of each metric and each loss, the name in sentences.
LABELS: Mapping[str, str] = {
    **{loss.name: loss.label for task in TASKS for loss in task.losses},
    **{metric.name: metric.label for metric in METRICS.values()},
}
# Of each task, the loss and the score: what lists of runs and versions show.
MAIN_METRICS = tuple(name for task in TASKS for name in (task.loss, task.score))


def task_with(metric: str) -> Task:
    """Returns the first task that has this metric, which is a key of METRICS."""
    return next(task for task in TASKS if any(found.name == metric for found in task.metrics))


def task_of(name: str | None) -> Task:
    """Returns the task with this name; None: that of a record of an earlier version, which only knew one task.

    Raises:
        ValueError: there is none.
    """
    for task in TASKS:
        if task.name == (name or BINARY.name):
            return task
    raise ValueError(f"expected one of {', '.join(task.name for task in TASKS)}, got the task {name!r}")


AUTO = "auto"  # as training.loss: the first loss of the task


def loss_of(name: str) -> Loss:
    """Returns the loss with this name; that of binary classification for 'auto'.

    Raises:
        ValueError: there is none.
    """
    losses = [loss for task in TASKS for loss in task.losses]
    for loss in losses:
        if name in (loss.name, AUTO):
            return loss
    raise ValueError(f"expected one of {', '.join(loss.name for loss in losses)}, got the loss {name!r}")
