"""Lazy modules are the modules themselves, run later, and a step loads only what it needs."""

import importlib.util
import json
import pickle
import subprocess
import sys
import threading
import typing
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline_def.launcher import lazy_imports
from pipeline_def.launcher.stub_executors import EXECUTORS

ROOT = Path(__file__).parents[3]
HEAVY = (
    "tensorflow", "keras", "tensorflow_data_validation", "tensorflow_model_analysis", "tensorflow_transform",
    "keras_tuner", "sklearn", "nltk", "scipy.stats", "IPython", "kubernetes",
)  # fmt: skip
LOADED = f"""
print(*(
    name for name in {HEAVY}
    if name in sys.modules and not isinstance(sys.modules[name], lazy_imports.LazyModule)
), ".")
"""
COMPILED = """
import hashlib
from pathlib import Path
from google.protobuf import json_format
from pipeline_def.launcher.compiled_pipeline import compile_local
from pipeline_def.config.load import load_config
from pipeline_def.launcher.run_options import RunOptions
pipeline = compile_local(load_config(None), RunOptions(root=Path("/runs")), "a-run")
print(hashlib.sha256(json_format.MessageToJson(pipeline, sort_keys=True).encode()).hexdigest(), end=" ")
"""


EXECUTORS_COMPILED = (
    f"import importlib\nfor name in {EXECUTORS}: importlib.import_module(name)\n{COMPILED}print()"
)
# What a step imports, and what it may load.
STEPS: dict[str, set[str]] = {
    "components.example_gen.executor, components.statistics.executor, components.data_gate.component,"
    " components.pusher.component, components.report.component": set(),
    "components.trainer.run_fn, tfx.components.trainer.executor": {
        "tensorflow", "keras", "tensorflow_transform",
    },
    "components.evaluator.executor": {"tensorflow", "keras", "tensorflow_model_analysis"},
}  # fmt: skip
FORKED = """
import os, pipeline_def.launcher.node
for code in {codes}:
    sys.stdout.flush()
    child = os.fork()
    if not child:
        exec(code)
        sys.stdout.flush()
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(1)
"""


def printed(code: str) -> list[str]:
    """Runs code in a new process, and returns the lines that it prints."""
    start = "import sys; from pipeline_def.launcher import lazy_imports; lazy_imports.install()\n"
    done = subprocess.run(
        [sys.executable, "-c", start + code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return done.stdout.splitlines()


def answer(code: str) -> list[str]:
    """Runs code in a new process, and returns the words of the last line that it prints."""
    return printed(code)[-1].split()


@pytest.fixture(scope="module")
def after_launcher() -> dict[str, list[str]]:
    """What these codes print in a fork of a process that has imported the launcher, which takes seconds."""
    codes = {
        "compiled": f"import pipeline_def.runs.collect\n{COMPILED}{LOADED}",
        "compiled with executors": EXECUTORS_COMPILED,
        **{step: f"import {step}\n{LOADED}" for step in STEPS},
    }
    lines = printed(FORKED.format(codes=list(codes.values())))
    return {name: line.split() for name, line in zip(codes, lines, strict=True)}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """`write(name="text")` creates importable modules, of which `lazypkg` and `lazymod` are lazy."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [lazy_imports._Finder(), *sys.meta_path])
    monkeypatch.setattr(lazy_imports, "LAZY", {"lazypkg": "", "lazymod": "", "lazypkg.absent": ""})
    monkeypatch.setattr(lazy_imports, "BEFORE", {"lazypkg": ("lazypkg.early",)})

    def write(**modules: str) -> None:
        for name, text in modules.items():
            path = tmp_path.joinpath(*name.split("__")).with_suffix(".py")
            if name == "lazypkg":
                path = tmp_path / "lazypkg" / "__init__.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text("import sys\nsys.ran = [*getattr(sys, 'ran', []), __name__]\n" + text)
        importlib.invalidate_caches()

    yield write
    for name in [
        name for name in sys.modules if name.startswith(("lazypkg", "lazymod", "unquoted", "without"))
    ]:
        del sys.modules[name]
    sys.__dict__.pop("ran", None)


def ran() -> list[str]:
    return list(getattr(sys, "ran", []))


def test_a_lazy_module_runs_once_at_the_first_access(write: Callable[..., None]) -> None:
    write(lazymod="x = 1")
    module = importlib.import_module("lazymod")
    assert ran() == []
    assert (module.x, module.x) == (1, 1)
    assert ran() == ["lazymod"]
    assert type(module) is type(sys)
    assert sys.modules["lazymod"] is module


def test_a_name_imported_from_it_runs_it(write: Callable[..., None]) -> None:
    write(lazymod="x = 1")
    exec("from lazymod import x")
    assert ran() == ["lazymod"]


def test_a_package_runs_before_its_submodule_and_each_once(write: Callable[..., None]) -> None:
    """Even if the package itself imports the submodule."""
    write(lazypkg="from lazypkg import sub\nx = 1", lazypkg__sub="y = 2")
    importlib.import_module("lazypkg")
    sub = importlib.import_module("lazypkg.sub")
    assert ran() == ["lazypkg", "lazypkg.sub"]
    assert sub is sys.modules["lazypkg"].sub
    assert sub.__spec__.loader.get_filename("lazypkg.sub").endswith("sub.py")


def test_a_listed_submodule_does_not_run_its_package(write: Callable[..., None]) -> None:
    write(lazypkg="x = 1", lazypkg__early="y = 2")
    exec("from lazypkg import early; assert early.y == 2")
    assert ran() == ["lazypkg.early"]
    assert sys.modules["lazypkg"].x == 1
    assert ran() == ["lazypkg.early", "lazypkg"]


def test_a_missing_module_raises_at_the_import(write: Callable[..., None]) -> None:
    write(lazypkg="")
    with pytest.raises(ModuleNotFoundError, match="No module named 'lazymod'"):
        importlib.import_module("lazymod")
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'lazypkg\.absent'"):
        importlib.import_module("lazypkg.absent")
    with pytest.raises(AttributeError, match="module 'lazypkg' has no attribute 'absent'"):
        sys.modules["lazypkg"].absent  # noqa: B018


def test_an_error_in_a_lazy_module_is_raised_at_each_access(write: Callable[..., None]) -> None:
    write(lazymod="raise OSError('no disk')")
    module = importlib.import_module("lazymod")
    for _ in range(2):
        with pytest.raises(OSError, match="no disk"):
            module.x  # noqa: B018
    assert ran() == ["lazymod", "lazymod"]


def test_concurrent_threads_run_a_lazy_module_once(write: Callable[..., None]) -> None:
    write(lazymod="import time\ntime.sleep(0.1)\nx = 1")
    module = importlib.import_module("lazymod")
    seen: list[int] = []
    threads = [threading.Thread(target=lambda: seen.append(module.x)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1] * 8
    assert ran() == ["lazymod"]


def test_a_lazy_module_is_pickled_by_name_and_lists_its_names(write: Callable[..., None]) -> None:
    """cloudpickle, with which Beam sends functions to workers, pickles modules in the same way."""
    write(lazymod="x = 1")
    module = importlib.import_module("lazymod")
    assert pickle.loads(pickle.dumps(module)) is module
    assert not hasattr(module, "__warningregistry__")
    assert ran() == []
    assert "x" in dir(module)


def test_an_annotation_does_not_run_a_lazy_module(
    write: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The annotations are compiled as text, and get_type_hints() still resolves them."""
    monkeypatch.setattr(lazy_imports, "UNQUOTED", ("unquoted",))
    write(lazymod="class T: ...", unquoted="import lazymod\ndef f(x: lazymod.T): ...")
    module = importlib.import_module("unquoted")
    assert ran() == ["unquoted"]
    assert typing.get_type_hints(module.f) == {"x": sys.modules["lazymod"].T}


def test_a_module_runs_as_if_another_were_not_installed(
    write: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other modules can still import it."""
    monkeypatch.setattr(lazy_imports, "WITHOUT", {"without": "lazymod"})
    write(lazymod="", without="try:\n  import lazymod\n  x = 1\nexcept ModuleNotFoundError:\n  x = 2")
    assert importlib.import_module("without").x == 2
    assert importlib.import_module("lazymod").__name__ == "lazymod"


def test_each_listed_module_exists_and_is_the_real_one() -> None:
    """Fails after an update of a library that removes a listed module or imports it differently."""
    code = """
import importlib, importlib.util, json, tfx
names = {}
for name in lazy_imports.LAZY:
    known = name in sys.modules
    module = importlib.import_module(name)
    lazy = known or isinstance(module, lazy_imports.LazyModule)
    lazy_imports.run(module)
    names[name] = bool(lazy and vars(module).get("__file__") and sys.modules[name] is module)
for name in (*lazy_imports.UNQUOTED, *lazy_imports.WITHOUT, *lazy_imports.WITHOUT.values()):
    names[name] = importlib.util.find_spec(name) is not None
print(json.dumps(names, separators=(",", ":")))
"""
    (line,) = answer(code)
    assert {name for name, good in json.loads(line).items() if not good} == set()


def test_the_protos_of_tensorflow_do_not_run_it() -> None:
    """A proto that did would run TensorFlow in the middle of its own import."""
    folder = Path(importlib.util.find_spec("tensorflow").origin).parent  # type: ignore[union-attr, arg-type]
    protos = list((folder / "core").rglob("*_pb2.py"))
    imports = {
        line.split()[1]
        for path in protos
        for line in path.read_text().splitlines()
        if line.startswith("from tensorflow.")
    }
    assert len(protos) > 50
    assert {name for name in imports if not name.startswith(lazy_imports.BEFORE["tensorflow"])} == set()


def test_tensorflow_runs_after_its_protos() -> None:
    """As in the Pusher, which imports TF Serving's requests before it loads the model."""
    code = """
from tensorflow_serving.apis import prediction_log_pb2
lazy = isinstance(sys.modules["tensorflow"], lazy_imports.LazyModule)
import tensorflow as tf
print(lazy, int(tf.constant(7)))
"""
    assert answer(code) == ["True", "7"]


def test_the_launcher_and_the_graph_load_no_executor(after_launcher: dict[str, list[str]]) -> None:
    """So a fully cached run loads none either, and the compiled graph is the same as with real executors."""
    digest, *loaded = after_launcher["compiled"]
    assert loaded == ["."]
    assert after_launcher["compiled with executors"] == [digest]


COLLECTED = """
import gc
default = gc.get_threshold()
import importlib.util, json.tool
during = gc.get_threshold()
kept = [[] for _ in range(30_000)]
after = gc.get_threshold()
import xml.dom.minidom
print(default[0], during[0], after == default, gc.get_threshold()[0])
"""


def test_collection_is_rare_only_while_modules_are_imported() -> None:
    """Imports raise the thresholds of the garbage collector; the first collection without imports restores them."""
    assert answer(COLLECTED) == ["700", "10000", "True", "10000"]


def test_collection_is_as_usual_after_the_executor_is_imported() -> None:
    """The objects that exist by then are excluded from later collections."""
    code = """
import gc
default = gc.get_threshold()
with lazy_imports.importing():
    during = gc.get_threshold()
print(during[0], gc.get_threshold() == default, gc.get_freeze_count() > 0)
"""
    assert answer(code) == ["10000", "True", "True"]


@pytest.mark.parametrize("step", STEPS)
def test_a_step_loads_no_more_than_it_needs(step: str, after_launcher: dict[str, list[str]]) -> None:
    assert set(after_launcher[step]) <= {".", *STEPS[step]}
