"""The versions of Python and of the libraries that the steps compute with."""

import contextlib
import functools
import platform
from collections.abc import Mapping
from importlib import metadata

_LIBRARIES = (
    "tfx", "tensorflow", "keras", "keras-tuner", "tensorflow-transform", "tensorflow-model-analysis",
    "tensorflow-data-validation", "tensorflow-metadata", "apache-beam", "tfx-bsl", "pyarrow", "numpy", "protobuf",
)  # fmt: skip
# Packages that contain the same module.
_OTHER_NAMES = {"tensorflow": ("tensorflow-cpu",)}


@functools.cache
def library_versions() -> Mapping[str, str]:
    """Returns the version of Python and of each library that is installed, by name.

    They belong into the key of every cache of results, because another version may compute other results.
    """
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        for package in (name, *_OTHER_NAMES.get(name, ())):
            with contextlib.suppress(metadata.PackageNotFoundError):
                found.setdefault(name, metadata.version(package))
    return found


def versions_text() -> str:
    """Returns all versions as one text, for a digest: "python 3.11.2, tfx 1.21.0, ..."."""
    return ", ".join(f"{name} {version}" for name, version in library_versions().items())
