"""Polls a folder as TF Serving does, and "loads" the highest version: it reads all of it and compares the digest.

Arguments: the folder, and a file that holds the number of a version that is published. Prints each version that it
loaded, as JSON with its digest, and whatever was wrong as `error`.
"""

import json
import sys
from pathlib import Path

from components.saved_model.model_files import model_digest


def poll(directory: Path, published: Path, loaded: int) -> int:
    """What is loaded afterwards; 0: nothing yet."""
    at_least = int(published.read_text() or 0)
    highest = max((int(name.name) for name in directory.glob("*") if name.name.isdecimal()), default=0)
    if highest < max(at_least, loaded):
        say(error=f"{at_least} was published and {loaded} loaded, and the highest is {highest}")
    if highest > loaded:
        folder = directory / str(highest)
        card = json.loads((folder / "assets.extra" / "model_card.json").read_text())
        digest = model_digest(str(folder))
        if (card["version"], card["digest"]) != (highest, digest):
            say(error=f"{highest} is not what its card says")
        say(version=highest, digest=digest)
    return highest


def say(**words: object) -> None:
    """A line of the output, whole also when this process is killed."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    loaded = 0
    while True:
        try:
            loaded = poll(Path(sys.argv[1]), Path(sys.argv[2]), loaded)
        except (OSError, ValueError, KeyError) as error:
            say(error=f"{type(error).__name__}: {error}")
