"""The table of all tasks."""

from components.tasks.binary import BINARY
from components.tasks.regression import REGRESSION
from components.tasks.task import Loss, Task

TASKS = (BINARY, REGRESSION)


def task_of(name: str) -> Task:
    """Returns the task with this name.

    Raises:
        ValueError: there is none.
    """
    for task in TASKS:
        if task.name == name:
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
