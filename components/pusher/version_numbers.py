"""Parses the version numbers of published models, and chooses the next one."""

import time
from collections.abc import Iterable

from components.common import storage

LAST_VERSION_FILE = "last_version"
_HIGHEST = 2**63 - 1  # TF Serving's versions are int64


def parse_versions(names: Iterable[str]) -> list[int]:
    """Returns the names that TF Serving reads as versions (integers), as sorted numbers.

    >>> parse_versions(["10", "9", "last_version", "007"])
    [9, 10]
    """
    plain = (name for name in names if name.isascii() and name.isdecimal() and name == str(int(name)))
    return sorted(number for number in map(int, plain) if number <= _HIGHEST)


def next_version(known: Iterable[int]) -> int:
    """Returns the Unix time in seconds, or the highest known version plus 1 if that is larger.

    Raises:
        ValueError: the highest known version is the largest possible number.
    """
    version = max([int(time.time()), *(number + 1 for number in known)])
    if version > _HIGHEST:
        raise ValueError(f"expected a version below {_HIGHEST}, the largest possible number, got {_HIGHEST}.")
    return version


def read_last_version(directory: str) -> int:
    """Returns the highest version ever published to a folder, even if it was removed since; 0 if none is recorded.

    Raises:
        ValueError: the recorded text is not a number.
    """
    path = f"{directory}/{LAST_VERSION_FILE}"
    if not storage.exists(path):
        return 0
    text = storage.read(path).decode(errors="replace").strip()
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"{path}: expected the number of the last version, got {text!r}.")
    return int(text)
