"""A digest of the code behind a step, so that TFX's cache sees a changed line.

TFX's cache compares the inputs and the settings of a step, but not the code of a function that it is given by name.
"""

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


@functools.cache
def code_digest(module: str) -> str:
    """A digest of a module of this package and of everything of this package that it imports, in hexadecimal.

    A change elsewhere leaves it as it is: only what depends on a changed line runs again.

    Raises:
        ModuleNotFoundError: this package has no such module.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name, path in sorted(_sources(module).items()):
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources(module: str) -> dict[str, Path]:
    """The module, and what it imports from this package, by name; found by reading, so nothing is imported."""
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _source(name) if name not in found else None
        if path:
            found[name] = path
            waiting.extend(_imports(path))
    if not found:
        raise ModuleNotFoundError(f"No module named {module!r}")
    return found


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # `from package import name` may name a module or something in one: the files tell.
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def _source(name: str) -> Path | None:
    """The file of a module of this package; None for anything else. (find_spec would import the module's parents.)"""
    package, *parts = name.split(".")
    if package != PACKAGE.name:
        return None
    folder = PACKAGE.joinpath(*parts)
    candidates = (folder / "__init__.py", folder.with_name(f"{folder.name}.py"))
    return next((path for path in candidates if path.is_file()), None)
