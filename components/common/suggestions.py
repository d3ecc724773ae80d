"""Suggests the known name that is most similar to a misspelt one ("did you mean ...?")."""

import difflib
from collections.abc import Collection, Iterable, Iterator

_MAX_LENGTH = 256  # characters; difflib takes quadratic time
_MAX_NAMES = 20


def closest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Returns the known name that is most similar to `name`, ignoring case; None if no name is similar.

    Args:
        name: what was given.
        known: the names that exist. If two of them differ only in case, one that equals `name` is preferred.
        cutoff: the minimum similarity, from 0 (any name) to 1 (equal), as in `difflib.get_close_matches`.

    >>> closest("trainr", ["Transform", "Trainer"])
    'Trainer'
    """
    if len(name) > _MAX_LENGTH:
        return None
    by_lower: dict[str, str] = {}
    for other in known:
        if other == name or other.lower() not in by_lower:
            by_lower[other.lower()] = other
    matches = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[matches[0]] if matches else None


def unknown_features(names: Iterable[str], known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yields the names that are not in `known`, each with a hint: a similar name, or the first known names."""
    ordered = sorted(known)
    for name in names:
        if name not in known:
            near = closest(name, ordered)
            some = ", ".join(map(repr, ordered[:_MAX_NAMES]))
            yield name, f"did you mean {near!r}?" if near else f"there are {some}"
