"""Stub modules in place of the executors' modules, so that compiling the graph needs no TensorFlow, TFMA or TFDV.

TFX's components import their executors only to write the names of the executor classes into the compiled pipeline. A
stub module returns an empty class for any name, which is enough for that. A test compiles with and without stubs, and
compares the results.
"""

import contextlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from pipeline_def.steps import STEPS

EXECUTORS = tuple(dict.fromkeys(name for step in STEPS for name in step.executors))


class _StubModule(ModuleType):
    """A module that has an empty class for each public name that is looked up in it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        stub = type(name, (), {"__module__": self.__name__, "__doc__": "A stub of the class of this name."})
        setattr(self, name, stub)
        return stub


_STUBS = {name: _StubModule(name) for name in EXECUTORS}


@contextlib.contextmanager
def stub_executors() -> Iterator[None]:
    """Replaces those modules that are not imported yet; after the block, importing one loads the real one."""
    missing = {name: module for name, module in _STUBS.items() if name not in sys.modules}
    sys.modules.update(missing)
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]
