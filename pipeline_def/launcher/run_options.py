"""The options of a local run that don't change what the steps compute."""

import dataclasses
from pathlib import Path

from components.common.commands import CommandOptions


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """How to run the pipeline on this machine.

    Attributes:
        root: the folder of all files of the runs.
        use_cache: whether a step whose inputs, settings and code have not changed is taken from the cache.
        from_step: the first step to run; the outputs of the steps before it are taken from the last run. None: all.
        to_step: the last step to run. None: all.
        commands: the options of the commands that are printed at the end.
    """

    root: Path = Path("runs")
    use_cache: bool = True
    from_step: str | None = None
    to_step: str | None = None
    commands: CommandOptions = dataclasses.field(default_factory=CommandOptions)
