"""Makes the commands of regpipe that are printed: each works as it stands, on the root of the run that printed it."""

import shlex
from dataclasses import dataclass

BLANK = '"..."'
"""Stands for a text that the reader fills in."""


@dataclass(frozen=True)
class CommandOptions:
    """The options by which later commands find a run and its configuration.

    Attributes:
        runs: for a command that reads or changes runs or versions, such as `bless`: --root, --config, --set.
        training: for a command that trains, such as `study`; it also takes --data and --label.
    """

    runs: tuple[str, ...] = ()
    training: tuple[str, ...] = ()

    def on_runs(self, *command: str) -> str:
        """Returns a command that reads or changes runs or versions, in backticks.

        >>> CommandOptions(runs=("--root", "my runs")).on_runs("bless", "--run", "r1")
        "`regpipe bless --run r1 --root 'my runs'`"
        """
        return _quoted(*command, *self.runs)

    def on_table(self, *command: str) -> str:
        """Returns a command that trains, in backticks."""
        return _quoted(*command, *self.training)


def _quoted(*command: str) -> str:
    return f"`{' '.join(('regpipe', *(BLANK if part == BLANK else shlex.quote(part) for part in command)))}`"


ON_CLUSTER = CommandOptions(runs=("--config", "FILE", "--on-cluster"), training=("--config", "FILE"))
"""Those of a run on a cluster, which does not know the name that its configuration has where it was submitted."""
