"""A task of one metric, for tests that draw thousands of resamples to look at one."""

import dataclasses

from components.tasks.binary import BINARY
from components.tasks.task import Task


def only(metric: str) -> Task:
    """Returns the binary task as it would be if no other metric had intervals."""
    metrics = (dataclasses.replace(item, has_interval=item.name == metric) for item in BINARY.metrics)
    return dataclasses.replace(BINARY, metrics=tuple(metrics))
