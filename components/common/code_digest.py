"""Computes a digest of the code of a step, so that a changed line invalidates the step's entry in TFX's cache.

TFX's cache key contains the inputs and the parameters of a step, but not the code of a function passed by name.
"""

import ast
import functools
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


@functools.cache
def code_digest(module: str) -> str:
    """Returns a hexadecimal digest of a module of this package and of all modules of this package that it imports.

    A change in any other module leaves the digest unchanged, so only the steps that import a changed module run again.

    Raises:
        ModuleNotFoundError: this package does not contain the module.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name, source in sorted(_sources(module).items()):
        digest.update(name.encode() + b"\0" + source + b"\0")
    return digest.hexdigest()


def _sources(module: str) -> dict[str, bytes]:
    """Returns the source of the module and of each module that it imports from this package; imports none of them."""
    found: dict[str, bytes] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _source(name) if name not in found else None
        if path:
            found[name] = path.read_bytes()
            waiting.extend(_imports(found[name]))
    if not found:
        raise ModuleNotFoundError(f"No module named {module!r}")
    return found


@functools.cache  # the steps import many modules in common
def _imports(source: bytes) -> frozenset[str]:
    found: set[str] = set()
    for node in _statements(ast.parse(source).body):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # `from package import name` may name a module or an object in one; `_source` checks the files.
            found.update((node.module, *(f"{node.module}.{alias.name}" for alias in node.names)))
    return frozenset(found)


def _statements(nodes: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Yields all statements at any depth. Expressions, which `ast.walk` visits too, are most of a tree."""
    for node in nodes:
        yield node
        for part in ("body", "handlers", "orelse", "finalbody", "cases"):
            yield from _statements(getattr(node, part, ()))


def _source(name: str) -> Path | None:
    """Returns the file of a module of this package, else None. (find_spec would import the module's parents.)"""
    package, *parts = name.split(".")
    if package != PACKAGE.name:
        return None
    folder = PACKAGE.joinpath(*parts)
    candidates = (folder / "__init__.py", folder.with_name(f"{folder.name}.py"))
    return next((path for path in candidates if path.is_file()), None)
