"""Defers heavy imports until first use. The command line and the entry point of a Kubeflow step install it.

Importing a listed module creates the module but does not run its code. The first access to an attribute runs the code
in that same module object, so the result is the one of a normal import:

- `import a.b` and `from a import b` access no attribute of `b`; `from a.b import c` does, and so runs `b`.
- Importing a submodule of a listed package runs the package first, as usual, except for those in `BEFORE`.
- Annotations access attributes, too: the modules in `UNQUOTED` are compiled with annotations as text (PEP 563).
- Importing a listed module that is not installed raises ModuleNotFoundError, as usual.
- Only one thread at a time runs a lazy module; others wait for it.

If a library no longer has a listed module, nothing changes for a run, but
tests/pipeline_def/launcher/test_lazy_imports.py fails.
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

# By module: what imports it although most steps don't need it, and the processor time of the import in seconds.
LAZY = {
    "tensorflow": "TFX's file systems and components, also in steps that compute nothing: 2.5 s",
    "tensorflow_data_validation": "a helper of TFX's Trainer, and one function of StatisticsGen: 0.5 s",
    "tensorflow_model_analysis": "the Evaluator's settings, which are protos: 1 s, plus TensorFlow and Beam",
    "tfx.components": "imports all of TFX's components, with TFMA, KerasTuner and kubernetes: 2 s",
    "tfx.components.transform": "imports the executor along with the component: 0.2 s, plus TensorFlow",
    "keras.wrappers": "Keras models for scikit-learn: 1.0 s",
    "keras._tf_keras.keras.wrappers": "the same under another name",
    "tensorflow.python.keras.models": "a legacy base class in TensorFlow's feature columns, with scipy: 0.2 s",
    "matplotlib": "Keras's plots, if matplotlib is installed: 0.4 s",
    "matplotlib.pyplot": "the same",
    "matplotlib.patches": "the same",
    "IPython": "notebook support of Keras's file editor: 0.2 s",
    "scipy.stats": "TFMA's confidence intervals: 0.4 s",
    "nltk": "TFMA's ROUGE, a metric for text, with scikit-learn: 0.4 s",
    "rouge_score.rouge_scorer": "the same",
    "rouge_score.scoring": "the same",
    "rouge_score.tokenizers": "the same",
    "tensorflow_model_analysis.notebook.visualization": "TFMA's views in notebooks: 0.1 s",
    "tqdm.notebook": "progress bars of BigQuery's client in notebooks, with IPython: 0.3 s",
    "google.cloud.bigquery": "Beam's sources and sinks: 0.1 s",
    "google.cloud.bigquery_storage_v1": "the same: 0.05 s",
    "google.cloud.pubsub": "the same: 0.1 s",
    "google.cloud.dataflow": "Beam's Dataflow runner: 0.05 s",
    "googleapiclient.discovery": "TensorFlow's cluster resolvers for Google Cloud: 0.1 s",
    "docker": "TFX's container executors: 0.05 s",
}
# Submodules that don't need their package to run first: TFX's packages only re-export names; the others are protos,
# TFMA's sdk, which is made for this, and helpers of TFDV.
BEFORE = {
    "tfx.components": ("tfx.components.",),
    "tfx.components.transform": ("tfx.components.transform.",),
    # All modules that the protos in core import. Otherwise importing one would run TensorFlow, which needs it complete.
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
# TFX uses TensorFlow's documentation decorators, if they are installed. This module is run as if they were not.
WITHOUT = {"tfx.utils.doc_controls": "tensorflow.tools.docs"}
# Python collects garbage after 700 new objects. Imports create a million objects that stay, and tracing them takes
# 1.5 s of 5.5 s. With 10,000 instead of 700 it takes 0.3 s, and the same garbage is found a little later.
_DEFAULT_THRESHOLDS = gc.get_threshold()
_IMPORT_THRESHOLDS = (10_000, *_DEFAULT_THRESHOLDS[1:])
# Tests and tools look these up in every module; they don't need the module's code.
_LOOKED_UP_EVERYWHERE = {"__warningregistry__", "__wrapped__"}
# Beam calls this to find the notebook it runs in; as long as IPython has not run, there is none.
_KNOWN_BEFORE: dict[tuple[str, str], Any] = {("IPython", "get_ipython"): lambda: None}

_lock = threading.RLock()
_running: set[str] = set()


class LazyModule(ModuleType):
    """A module whose code runs at the first access to an attribute."""

    def __getattr__(self, name: str) -> Any:
        if name in _LOOKED_UP_EVERYWHERE:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if (self.__name__, name) in _KNOWN_BEFORE:
            return _KNOWN_BEFORE[self.__name__, name]
        # `from package import name` looks the submodule up in the package before importing it.
        submodule = f"{self.__name__}.{name}"
        if submodule.startswith(BEFORE.get(self.__name__, ())) and _exists(submodule):
            return importlib.import_module(submodule)
        run(self)
        return ModuleType.__getattribute__(self, name)

    def __dir__(self) -> list[str]:
        run(self)
        return list(ModuleType.__dir__(self))

    def __reduce__(self) -> tuple[Callable[[str], ModuleType], tuple[str]]:
        return importlib.import_module, (self.__name__,)  # as cloudpickle, used by Beam, pickles modules


def _exists(module: str) -> bool:
    return module in sys.modules or importlib.util.find_spec(module) is not None


def run(module: ModuleType) -> None:
    """Runs the code of a lazy module, unless it has run already.

    Raises:
        Exception: any error of the module's code. The module stays lazy, and runs again at the next access.
    """
    with _lock:
        # Another thread has run it, or this thread is running it now.
        if not isinstance(module, LazyModule) or module.__name__ in _running:
            return
        _running.add(module.__name__)
        try:
            module.__spec__.loader.real.exec_module(module)  # type: ignore[union-attr]
        finally:
            _running.remove(module.__name__)
        module.__class__ = ModuleType  # type: ignore[assignment]


class _LazyLoader(Loader):
    """Turns a module into a LazyModule; `real` is the loader that runs its code."""

    def __init__(self, real: Loader) -> None:
        self.real = real

    def exec_module(self, module: ModuleType) -> None:
        module.__class__ = LazyModule


class _PresentLoader(Loader):
    """Returns a submodule that its package has imported while the package was run to import that submodule."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    @classmethod
    def spec(cls, module: ModuleType) -> ModuleSpec | None:
        """Returns a temporary spec. With the module's own spec, Python would run the module a second time."""
        module.__spec__ = importlib.util.spec_from_loader(module.__name__, cls(module))
        return module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:  # noqa: ARG002 (Python's)
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec


class _UnquotedLoader(SourceFileLoader):
    """Compiles a module with annotations as text, without Python's bytecode cache, whose entries have no such flag."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        flags = __future__.annotations.compiler_flag
        code: CodeType = compile(self.get_data(path), path, "exec", flags=flags, dont_inherit=True)
        return code


class _WithoutLoader(Loader):
    """Runs a module as if another module were not installed."""

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


class _Collector:
    """Raises the thresholds of the garbage collector while modules are imported, and restores them afterwards.

    Imports are not limited to the start of a process. So each import raises the thresholds, and the first collection
    after which nothing was imported since the previous one restores Python's own.
    """

    def __init__(self) -> None:
        self._imported = False

    def importing(self) -> None:
        """Called for each module that is imported."""
        if not self._imported:
            self._imported = True
            gc.set_threshold(*_IMPORT_THRESHOLDS)

    def __call__(self, phase: str, _: dict[str, int]) -> None:
        """Called by Python at the start and at the end of each collection."""
        if phase == "stop":
            if not self._imported:
                gc.set_threshold(*_DEFAULT_THRESHOLDS)
            self._imported = False


_collector = _Collector()


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        _collector.importing()
        package = fullname.rpartition(".")[0]
        parent = sys.modules.get(package)
        if isinstance(parent, LazyModule) and not fullname.startswith(BEFORE.get(package, ())):
            run(parent)
            if fullname in sys.modules:
                return _PresentLoader.spec(sys.modules[fullname])
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
    """Makes the listed modules lazy, unless they are imported already, and garbage collection rare during imports.

    A second call changes nothing.
    """
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
        gc.callbacks.append(_collector)


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Makes garbage collection rare in the block, and excludes the objects that exist at its end from collection.

    After the block Python's own thresholds apply: TFMA leaves the rows of each batch in reference cycles, which would
    otherwise occupy hundreds of MiB until the next collection.
    """
    gc.set_threshold(*_IMPORT_THRESHOLDS)
    try:
        yield
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_DEFAULT_THRESHOLDS)
