"""Which changes of code change a step's digest, for a package written for the test and for this project."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from components.common import code_digest as code_digest_module
from components.common.code_digest import code_digest

# Importing any of these fails: a digest reads only.
FILES = {
    "__init__.py": "",
    "main.py": "import os, json\nimport shop.tools\nfrom shop.deep import leaf\nfrom other import shop\n1 / 0\n",
    "tools.py": "from shop.constants import SIZE\n1 / 0\n",
    "constants.py": "SIZE = 1\n1 / 0\n",
    "deep/__init__.py": "",
    "deep/leaf.py": "def f():\n    import shop.late\n1 / 0\n",
    "deep/sibling.py": "1 / 0\n",
    "late.py": "from shop import main  # a circle\n1 / 0\n",
    "unrelated.py": "import shop.main\n1 / 0\n",
    "os.py": "1 / 0\n",
}
Shop = Callable[[dict[str, str]], str]


@pytest.fixture(autouse=True)
def no_memory() -> Iterator[None]:
    code_digest.cache_clear()
    yield
    code_digest.cache_clear()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Writes the package `shop` with the given changes; returns the digest of shop.main."""
    monkeypatch.setattr(code_digest_module, "PACKAGE", tmp_path / "shop")

    def of_main(changed: dict[str, str]) -> str:
        for name, content in (FILES | changed).items():
            path = tmp_path / "shop" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        code_digest.cache_clear()
        return code_digest("shop.main")

    return of_main


@pytest.mark.parametrize(
    "name", ["main.py", "tools.py", "constants.py", "deep/__init__.py", "deep/leaf.py", "late.py"]
)
def test_a_changed_byte_in_what_is_imported(shop: Shop, name: str) -> None:
    """Imports count directly, through modules, from a package and in a function; the old byte restores the digest."""
    before = shop({})
    assert shop({name: FILES[name] + "#"}) != before
    assert shop({}) == before


@pytest.mark.parametrize("name", ["unrelated.py", "deep/sibling.py", "os.py"])
def test_a_changed_byte_elsewhere(shop: Shop, name: str) -> None:
    """Modules that import the module, unrelated modules, and modules with the name of another package's module."""
    before = shop({})
    assert shop({name: FILES[name] + "#"}) == before


def test_code_that_moves_between_modules(shop: Shop) -> None:
    """The same bytes under other names give another digest."""
    swapped = {"tools.py": FILES["constants.py"], "constants.py": FILES["tools.py"]}
    assert shop(swapped) != shop({})


def test_a_module_that_is_not_there(shop: Shop) -> None:
    """A misspelt name is an error, because its digest would never change."""
    shop({})
    for name in ("shop.mian", "other", "shop.main.function"):
        with pytest.raises(ModuleNotFoundError) as caught:
            code_digest(name)
        assert str(caught.value) == f"No module named {name!r}"


def test_our_own_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed line reruns the steps that import it: the trainers import transform/vector.py, the Tuner does not."""
    copy = tmp_path / "components"
    shutil.copytree(code_digest_module.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code_digest_module, "PACKAGE", copy)
    modules = (
        "transform.executor",
        "tuner.executor",
        "trainer.executor",
        "evaluator.component",
        "pusher.component",
        "data_gate.component",
    )

    def changed_by(name: str) -> set[str]:
        def digests() -> dict[str, str]:
            code_digest.cache_clear()
            return {module: code_digest(f"components.{module}") for module in modules}

        before, content = digests(), (copy / name).read_text()
        (copy / name).write_text(content + "# one more line\n")
        after = digests()
        (copy / name).write_text(content)
        return {module for module in modules if before[module] != after[module]}

    assert changed_by("pusher/publication.py") == {"pusher.component"}
    assert changed_by("transform/preprocessing.py") == {"transform.executor"}
    assert changed_by("transform/vector.py") == {"transform.executor", "trainer.executor"}
    assert changed_by("transform/rows_record.py") == {
        "transform.executor",
        "tuner.executor",
        "trainer.executor",
    }
    assert changed_by("training/loop.py") == {"trainer.executor"}
    assert changed_by("training/epoch_runner.py") == {"tuner.executor", "trainer.executor"}
    assert changed_by("tuner/tuner_fn.py") == {"tuner.executor"}
    assert changed_by("saved_model/export.py") == {"trainer.executor"}
    assert changed_by("saved_model/warmup.py") == {"trainer.executor", "pusher.component"}
    assert changed_by("evaluator/metrics.py") == {"evaluator.component"}
    assert changed_by("evaluator/bootstrap.py") == {"evaluator.component"}
    assert changed_by("common/errors.py") == set(modules) - {"transform.executor"}
    assert changed_by("config/base.py") == set(modules) - {"transform.executor"}
    assert changed_by("config/training.py") == {"tuner.executor", "trainer.executor"}
    assert changed_by("config/tuning.py") == {"tuner.executor"}
