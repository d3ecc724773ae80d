"""A digest of the code behind a step, so that TFX's cache sees a changed line.

TFX's cache compares the inputs and the settings of a step, but not the code of a function that it is given by name.
"""

import ast
import functools
import hashlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

PACKAGE = __name__.partition(".")[0]


@functools.cache
def code_digest(module: str) -> str:
    """A digest of a module of this package and of everything of this package that it imports, in hexadecimal.

    A change elsewhere leaves it as it is: only what depends on a changed line runs again.
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
        spec = find_spec(name) if name not in found else None
        if spec is None or spec.origin is None:
            continue
        found[name] = Path(spec.origin)
        waiting.extend(_imports(found[name]))
    return found


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # `from package import name` may name a module or something in one: find_spec tells.
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (name for name in names if name.partition(".")[0] == PACKAGE and _is_module(name))


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # a name inside a module that is no package
        return False
