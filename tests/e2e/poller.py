"""Polls a folder as TF Serving does, and "loads" the highest version: reads all its files and compares the digest.

Arguments: the folder, and a file with the number of a published version. Prints one JSON line for each version loaded,
with its digest, and for each `error`.
"""

import json
import sys
from pathlib import Path

from components.common.model_files import model_digest


def poll(directory: Path, published: Path, loaded: int) -> int:
    """Polls once and returns the version that is loaded then; 0 if there is none yet."""
    at_least = int(published.read_text() or 0)
    highest = max((int(name.name) for name in directory.glob("*") if name.name.isdecimal()), default=0)
    if highest < max(at_least, loaded):
        write_line(error=f"{at_least} was published and {loaded} loaded, but the highest is {highest}")
    if highest > loaded:
        folder = directory / str(highest)
        card = json.loads((folder / "assets.extra" / "model_card.json").read_text())
        digest = model_digest(str(folder))
        if (card["version"], card["digest"]) != (highest, digest):
            write_line(error=f"{highest} does not match its card")
        write_line(version=highest, digest=digest)
    return highest


def write_line(**values: object) -> None:
    """Writes a line with one system call, so that it is complete even if this process is killed."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    loaded = 0
    while True:
        try:
            loaded = poll(Path(sys.argv[1]), Path(sys.argv[2]), loaded)
        except (OSError, ValueError, KeyError) as error:
            write_line(error=f"{type(error).__name__}: {error}")
