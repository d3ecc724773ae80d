"""`regpipe` in a process that dies by SIGKILL around the rename with which its Pusher publishes.

Arguments: `before` or `after`, then those of regpipe.
"""

import os
import signal
import sys
from pathlib import Path


class Fuse:
    """Kills this process at that rename, or at what it does to a file next."""

    def __init__(self, when: str) -> None:
        self._when = when
        self._renamed = False

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "os.kill":  # our own
            return
        publishes = event == "os.rename" and Path(str(arguments[1])).name.isdecimal()
        if self._renamed or (publishes and self._when == "before"):
            os.kill(os.getpid(), signal.SIGKILL)
        self._renamed |= publishes


if __name__ == "__main__":
    from pipeline_def.cli.main import main

    sys.addaudithook(Fuse(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
