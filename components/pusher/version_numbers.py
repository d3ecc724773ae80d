"""The numbers of the versions: what counts as one, and which comes next."""

import time
from collections.abc import Iterable

from components.common import storage

LAST_VERSION_FILE = "last_version"
_HIGHEST = 2**63 - 1  # TF Serving's versions are int64


def parse_versions(names: Iterable[str]) -> list[int]:
    """Those of the names that are versions, in rising order: the integers, as TF Serving reads them."""
    plain = (name for name in names if name.isascii() and name.isdecimal() and name == str(int(name)))
    return sorted(number for number in map(int, plain) if number <= _HIGHEST)


def next_version(known: Iterable[int]) -> int:
    """The Unix time in seconds, or one more than the highest of those known where that is not in the past.

    Raises:
        ValueError: there is no higher number.
    """
    version = max([int(time.time()), *(number + 1 for number in known)])
    if version > _HIGHEST:
        raise ValueError(f"expected a version below {_HIGHEST}, the highest there can be, got that one.")
    return version


def read_last_version(directory: str) -> int:
    """The highest version that was ever given in a folder, also where its own folder is gone; 0: none was noted.

    Raises:
        ValueError: what was noted is no number.
    """
    path = f"{directory}/{LAST_VERSION_FILE}"
    if not storage.exists(path):
        return 0
    text = storage.read(path).decode(errors="replace").strip()
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"{path}: expected the number of the last version, got {text!r}.")
    return int(text)
