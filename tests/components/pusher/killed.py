"""Pushes over and over, killed by SIGKILL one file operation later each time, and looks at what is left.

Arguments: a folder to work in, the models that were published before, the model to push. Prints a JSON object: how
many points there were, at how many of them the new version was there, and a copy of the first such version, by a push
that was killed right after its rename. An AssertionError says what was wrong.

A process of its own without TensorFlow: it forks for each push.
"""

import json
import os
import shutil
import signal
import sys
import types
from pathlib import Path

# Every change to the disk is one of these (what is written to a file counts as it is opened, and as it is flushed).
OPERATIONS = {
    "open",
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.listdir",
    "os.scandir",
    "fcntl.flock",
}
CARD = "assets.extra/model_card.json"


class Fuse:
    """Kills this process at the operation with the given number."""

    def __init__(self, number: int) -> None:
        self.left = number
        os.fsync = lambda fd: self.burn()  # which is no audit event
        sys.addaudithook(self.event)

    def event(self, name: str, arguments: tuple[object, ...]) -> None:
        if name in OPERATIONS:
            self.burn()

    def burn(self) -> None:
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)


def push(model: str, directory: Path) -> bool:
    """Publishes a model; returns whether it was already published."""
    from components.pusher.publication import Destination, publish

    return publish(
        model, Destination(directory=str(directory), keep_versions=2, model_name="m"), {}
    ).already_published


def push_and_die(model: str, directory: Path, number: int) -> bool:
    """Returns whether the push was killed; a push with fewer operations succeeds."""
    child = os.fork()
    if not child:
        Fuse(number)
        push(model, directory)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), status
    return status == signal.SIGKILL


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def versions(directory: Path) -> dict[int, dict[str, bytes]]:
    """Returns the content of each integer-named folder without its card, which must have that version."""
    found = {}
    for path in directory.iterdir() if directory.is_dir() else ():
        if path.name.isdecimal():
            files = content(path)
            assert json.loads(files.pop(CARD))["version"] == int(path.name), path
            found[int(path.name)] = files
    return found


def main(work: Path, olds: list[str], new: str) -> None:
    warmup = types.ModuleType("components.saved_model.warmup")  # which imports TensorFlow
    vars(warmup).update(replay=lambda folder: 1)
    sys.modules[warmup.__name__] = warmup
    os.fsync = lambda fd: (
        None
    )  # a killed process loses nothing that it wrote, and this takes most of the time
    expected = [content(Path(model)) for model in (*olds, new)]
    number = there = 0
    while True:
        number += 1
        directory = work / str(number)
        for old in olds:
            assert not push(old, directory)
        last = max(versions(directory), default=0)
        if not push_and_die(new, directory, number):
            break
        left = versions(directory)
        assert all(files in expected for files in left.values()), f"half a version at {number}"
        assert max(left, default=0) >= last, f"an older version at {number}"
        activated = max(left, default=0) > last
        assert left.get(max(left, default=0)) == (
            expected[-1] if activated else expected[-2] if olds else None
        )
        if activated and not there:
            shutil.copytree(directory / str(max(left)), work / "first")
        there += activated
        assert push(new, directory) == activated, f"not recognized at {number}"
        after = versions(directory)
        assert list(dict(sorted(after.items())).values()) == expected[-2:], f"wrong versions at {number}"
        assert {path.name for path in directory.iterdir()} == {".lock", "last_version", *map(str, after)}, (
            number
        )
        shutil.rmtree(directory)
    print(json.dumps({"points": number - 1, "there": there, "first": str(work / "first")}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:-1], sys.argv[-1])
