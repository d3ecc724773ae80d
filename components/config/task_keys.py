"""Refuses keys that are set although only another task has them."""

from components.config.base import Settings
from components.tasks.known_tasks import TASKS
from components.tasks.task import Task


def keys_of_other_tasks(task: Task) -> frozenset[str]:
    """Returns the keys that other tasks have and this one has not, such as `evaluation.min_auc`."""
    return frozenset[str]().union(*(other.own_keys for other in TASKS)) - task.own_keys


def check_task_keys(group: str, settings: Settings, task: Task) -> None:
    """Raises ValueError if a key that only another task has is set.

    Args:
        group: the name of the group of keys, such as `training`.
        settings: its values.
        task: the task of the run.
    """
    for key in sorted(keys_of_other_tasks(task)):
        of_group, _, name = key.partition(".")
        default = type(settings).model_fields[name].default if of_group == group else None
        if of_group == group and getattr(settings, name) != default:
            raise ValueError(
                f"{key}: expected {default!r}, because the task is {task.name} (see data.task), got "
                f"{getattr(settings, name)!r}"
            )
