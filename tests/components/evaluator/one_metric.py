"""A task of one metric, for tests that draw thousands of resamples to look at one."""

import dataclasses

from components.evaluator.bootstrap import _COMPUTED
from components.tasks.binary import BINARY
from components.tasks.task import Task


def only(metric: str) -> Task:
    """Returns the binary task as it would be if only this metric, and those computed with it, had intervals."""
    together = next(names for names, _ in _COMPUTED if metric in names)
    metrics = (dataclasses.replace(item, has_interval=item.name in together) for item in BINARY.metrics)
    return dataclasses.replace(BINARY, metrics=tuple(metrics))
