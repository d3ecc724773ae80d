"""The table of all tasks."""

from components.tasks.binary import BINARY
from components.tasks.task import Task

TASKS = (BINARY,)


def task_of(name: str) -> Task:
    """Returns the task with this name.

    Raises:
        ValueError: there is none.
    """
    for task in TASKS:
        if task.name == name:
            return task
    raise ValueError(f"expected one of {', '.join(task.name for task in TASKS)}, got the task {name!r}")
