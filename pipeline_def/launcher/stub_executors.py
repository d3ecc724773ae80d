"""Has the graph written down without loading what its steps run: a cached run then needs no TensorFlow, TFMA or TFDV.

TFX's components import their executors to write the names of their classes into the compiled pipeline. While that
happens, the modules below answer with classes of those names. A test compiles with and without, and compares.
"""

import contextlib
import sys
from collections.abc import Iterator
from types import ModuleType

from pipeline_def.steps import STEPS

EXECUTORS = tuple(dict.fromkeys(name for step in STEPS for name in step.executors))


class _Names(ModuleType):
    """A module of which only the names of its classes are known: any that is asked for."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("_"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        named = type(name, (), {"__module__": self.__name__, "__doc__": "See the module."})
        setattr(self, name, named)
        return named


_NAMES = {name: _Names(name) for name in EXECUTORS}


@contextlib.contextmanager
def only_names() -> Iterator[None]:
    """Within the context, an executor that was not imported before is a name; behind it, its import is the real one."""
    absent = {name: module for name, module in _NAMES.items() if name not in sys.modules}
    sys.modules.update(absent)
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
