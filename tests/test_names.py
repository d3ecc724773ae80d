"""No two modules and no two public classes have the same name, so that a name leads to one place."""

import ast
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(
    path for name in ("components", "pipeline_def", "serving") for path in (ROOT / name).rglob("*.py")
)
# Python's own names, and the names that TFX gives to the parts of a component.
SHARED = {"__init__", "__main__", "component", "driver", "executor"}


def duplicates(named: Iterable[tuple[str, Path]]) -> dict[str, list[str]]:
    """The names that occur more than once, with their files."""
    files: dict[str, list[str]] = defaultdict(list)
    for name, path in named:
        files[name].append(str(path.relative_to(ROOT)))
    return {name: paths for name, paths in files.items() if len(paths) > 1}


def public_classes(path: Path) -> list[str]:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return [node.name for node in body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]


def test_module_names_are_unique() -> None:
    assert duplicates((path.stem, path) for path in FILES if path.stem not in SHARED) == {}


def test_class_names_are_unique() -> None:
    assert duplicates((name, path) for path in FILES for name in public_classes(path)) == {}


def test_duplicates_are_found() -> None:
    first, second = FILES[:2]
    found = duplicates([("a", first), ("b", first), ("a", second)])
    assert found == {"a": [str(first.relative_to(ROOT)), str(second.relative_to(ROOT))]}


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if path.name == "__init__.py"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_an_init_file_holds_only_a_docstring(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert len(tree.body) == 1
    assert ast.get_docstring(tree)
