"""Has libraries run what is not always needed when it is first used, and not before; both entry points begin with it.

A listed module is entered under its name without being run. The first look at anything in it runs it, as the import
would have done: it is the module itself, no stand-in. What makes that hold:

- `import a.b` and `from a import b` don't look into `b`; `from a.b import c` does, and runs it.
- A submodule of a listed package is imported after the package was run, as always, but for those in `BEFORE`.
- An annotation looks into a module, too: those in `UNQUOTED` are compiled with annotations as text (PEP 563).
- A listed module that is not installed is not found at the import, as always.
- One thread runs lazy modules at a time; others wait for it.

A listed name that a library no longer has changes nothing for a run;
tests/pipeline_def/launcher/test_lazy_imports.py tells.
"""

import __future__

import contextlib
import gc
import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

# For whom, and the seconds of processor time that it takes where nothing else has imported it.
LAZY = {
    "tensorflow": "TFX's file systems, whose local one does without; and the steps that don't compute: 2.5 s",
    "tensorflow_data_validation": "a helper of TFX's Trainer, and one function for our statistics: 0.5 s",
    "tensorflow_model_analysis": "the Evaluator's settings, which are protos: 1 s, TensorFlow and Beam",
    "tfx.components": "all of TFX's components, for who wants one; with TFMA, KerasTuner, kubernetes: 2 s",
    "tfx.components.transform": "its executor, for who wants the component: 0.2 s, and TensorFlow",
    "keras.wrappers": "Keras models for scikit-learn: 1.0 s",
    "keras._tf_keras.keras.wrappers": "the same by another name",
    "tensorflow.python.keras.models": "TensorFlow's feature columns, for a base class of old; with scipy: 0.2 s",
    "matplotlib": "Keras's pictures, where it is installed: 0.4 s",
    "matplotlib.pyplot": "the same",
    "matplotlib.patches": "the same",
    "IPython": "notebooks, for Keras's file editor: 0.2 s",
    "scipy.stats": "the confidence intervals of TFMA's: 0.4 s",
    "nltk": "TFMA's ROUGE, a metric of texts; with scikit-learn: 0.4 s",
    "rouge_score.rouge_scorer": "the same",
    "rouge_score.scoring": "the same",
    "rouge_score.tokenizers": "the same",
    "tensorflow_model_analysis.notebook.visualization": "notebooks: 0.1 s",
    "tqdm.notebook": "the progress bars of BigQuery's client in notebooks; with IPython: 0.3 s",
    "google.cloud.bigquery": "sources and sinks of Beam's: 0.1 s",
    "google.cloud.bigquery_storage_v1": "the same: 0.05 s",
    "google.cloud.pubsub": "the same: 0.1 s",
    "google.cloud.dataflow": "Beam's Dataflow runner: 0.05 s",
    "googleapiclient.discovery": "TensorFlow on several of Google's machines: 0.1 s",
    "docker": "TFX's executors in containers: 0.05 s",
}
# Submodules that need nothing of what their package does: TFX's packages only collect names, the others are protos,
# what TFMA offers for this, its sdk, and helpers of TFDV.
BEFORE = {
    "tfx.components": ("tfx.components.",),
    "tfx.components.transform": ("tfx.components.transform.",),
    # All that the protos in core import: TensorFlow, run while one of them is on its way in, would find it half made.
    "tensorflow": ("tensorflow.core", "tensorflow.compiler", "tensorflow.tsl"),
    "tensorflow_data_validation": ("tensorflow_data_validation.utils",),
    "matplotlib": ("matplotlib.pyplot", "matplotlib.patches"),
    "tensorflow_model_analysis": tuple(
        f"tensorflow_model_analysis.{name}" for name in ("sdk", "proto", "constants", "version")
    ),
}
UNQUOTED = (
    "tensorflow_model_analysis.metrics.rouge",
    "tensorflow_model_analysis.view.widget_view",
    "tfx.components.statistics_gen.stats_artifact_utils",
)
# TFX marks classes for its documentation by decorators of TensorFlow's, and does without where that is not installed.
WITHOUT = {"tfx.utils.doc_controls": "tensorflow.tools.docs"}
# Python looks for garbage after 700 new objects. Imports make a million, to stay, and looking through them takes 1.5 s
# of 5.5 s. With 10,000, it takes 0.3 s and finds the same garbage a moment later.
_PYTHONS_OWN = gc.get_threshold()
_WHILE_IMPORTING = (10_000, *_PYTHONS_OWN[1:])
# Tests and tools ask every module for these, and want nothing of it.
_ASKED_OF_ALL = {"__warningregistry__", "__wrapped__"}
# Beam asks in which notebook it runs: in none, as long as nobody has run IPython.
_KNOWN_BEFORE: dict[tuple[str, str], Any] = {("IPython", "get_ipython"): lambda: None}

_lock = threading.RLock()
_running: set[str] = set()


class LazyModule(ModuleType):
    """A module that runs when something in it is first looked for."""

    def __getattr__(self, name: str) -> Any:
        if name in _ASKED_OF_ALL:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if (self.__name__, name) in _KNOWN_BEFORE:
            return _KNOWN_BEFORE[self.__name__, name]
        # `from package import name` asks the package for a submodule, before it imports it.
        submodule = f"{self.__name__}.{name}"
        if submodule.startswith(BEFORE.get(self.__name__, ())) and _exists(submodule):
            return importlib.import_module(submodule)
        run(self)
        return ModuleType.__getattribute__(self, name)

    def __dir__(self) -> list[str]:
        run(self)
        return list(ModuleType.__dir__(self))

    def __reduce__(self) -> tuple[Callable[[str], ModuleType], tuple[str]]:
        return importlib.import_module, (self.__name__,)  # as cloudpickle, which Beam uses, pickles modules


def _exists(module: str) -> bool:
    return module in sys.modules or importlib.util.find_spec(module) is not None


def run(module: ModuleType) -> None:
    """Runs a lazy module, unless it was run before.

    Raises:
        Exception: whatever the module raises. It stays lazy, and is run again when it is next looked into.
    """
    with _lock:
        # Another thread has run it, or this one is at it.
        if not isinstance(module, LazyModule) or module.__name__ in _running:
            return
        _running.add(module.__name__)
        try:
            module.__spec__.loader.real.exec_module(module)  # type: ignore[union-attr]
        finally:
            _running.remove(module.__name__)
        module.__class__ = ModuleType  # type: ignore[assignment]


class _LazyLoader(Loader):
    """Leaves a module as LazyModule; `real` runs it."""

    def __init__(self, real: Loader) -> None:
        self.real = real

    def exec_module(self, module: ModuleType) -> None:
        module.__class__ = LazyModule


class _Found(Loader):
    """Of a submodule that is there already: its package imported it while that was run on its behalf."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    @classmethod
    def spec(cls, module: ModuleType) -> ModuleSpec | None:
        """Leads here for the moment; Python takes the module's own, and would run it a second time."""
        module.__spec__ = importlib.util.spec_from_loader(module.__name__, cls(module))
        return module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:  # noqa: ARG002 (Python's)
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec


class _UnquotedLoader(SourceFileLoader):
    """Compiles with annotations as text, past Python's cache of compiled modules, which knows nothing of that."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        flags = __future__.annotations.compiler_flag
        code: CodeType = compile(self.get_data(path), path, "exec", flags=flags, dont_inherit=True)
        return code


class _WithoutLoader(Loader):
    """Runs a module as it runs where another one is not installed."""

    def __init__(self, real: Loader, absent: str) -> None:
        self._real, self._absent = real, absent

    def exec_module(self, module: ModuleType) -> None:
        if self._absent in sys.modules:
            self._real.exec_module(module)
            return
        sys.modules[self._absent] = None  # type: ignore[assignment]
        try:
            self._real.exec_module(module)
        finally:
            del sys.modules[self._absent]


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package = fullname.rpartition(".")[0]
        parent = sys.modules.get(package)
        if isinstance(parent, LazyModule) and not fullname.startswith(BEFORE.get(package, ())):
            run(parent)
            if fullname in sys.modules:
                return _Found.spec(sys.modules[fullname])
            path = parent.__path__
        if not any(fullname in names for names in (LAZY, UNQUOTED, WITHOUT)):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return None
        if fullname in LAZY:
            spec.loader = _LazyLoader(spec.loader)
        elif fullname in UNQUOTED:
            spec.loader = _UnquotedLoader(fullname, str(spec.origin))
        else:
            spec.loader = _WithoutLoader(spec.loader, WITHOUT[fullname])
        return spec


def install() -> None:
    """From now on the listed modules are lazy, unless they are there already. A second call changes nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
        gc.set_threshold(*_WHILE_IMPORTING)


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Within it Python seldom looks for garbage, and never again at what has come by its end.

    From then on it looks as often as it does by itself: TFMA leaves the rows of each batch in cycles, which take
    hundreds of MiB until somebody looks.
    """
    gc.set_threshold(*_WHILE_IMPORTING)
    try:
        yield
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_PYTHONS_OWN)
