"""Runs `regpipe` in a process that kills itself with SIGKILL before or after the rename by which its Pusher publishes.

Arguments: `before` or `after`, then those of regpipe.
"""

import os
import signal
import sys
from pathlib import Path


class KillAtRename:
    """An audit hook that kills this process at the rename, or at its next operation on a file."""

    def __init__(self, when: str) -> None:
        self._when = when
        self._renamed = False

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "os.kill":  # raised by the call below
            return
        publishes = event == "os.rename" and Path(str(arguments[1])).name.isdecimal()
        if self._renamed or (publishes and self._when == "before"):
            os.kill(os.getpid(), signal.SIGKILL)
        self._renamed |= publishes


if __name__ == "__main__":
    from pipeline_def.cli.main import main

    sys.addaudithook(KillAtRename(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
