"""Suggests the known name that is most similar to a misspelt one ("did you mean ...?")."""

import difflib
import unicodedata
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


def column_hint(name: str, columns: Iterable[str]) -> str:
    """Returns the hint for a column that a table does not have: the column that may be meant; '' if none is similar."""
    known = list(columns)
    meant = closest(name, known)
    return look_alike_hint(name, known) or (f" Did you mean {meant!r}?" if meant else "")


def look_alike_hint(name: str, columns: Iterable[str]) -> str:
    """Returns the hint for a column whose name looks like one of the table; '' if there is none."""
    same = next((other for other in columns if composed(other) == composed(name)), None)
    if same is None:
        return ""
    return (
        f" {same!r} looks the same, but consists of other Unicode characters, {same!a} and not {name!a}: use one of "
        "them in both places."
    )


def composed(name: str) -> str:
    """Returns a name in Unicode's normalization form C, in which names that look the same are equal.

    Source: Unicode Standard Annex #15. In form C, an accented letter is one character where there is one for it.
    """
    return unicodedata.normalize("NFC", name)


def unknown_features(names: Iterable[str], known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yields the names that are not in `known`, each with a hint: a similar name, or the first known names."""
    ordered = sorted(known)
    for name in names:
        if name not in known:
            near = closest(name, ordered)
            some = ", ".join(map(repr, ordered[:_MAX_NAMES]))
            yield name, f"did you mean {near!r}?" if near else f"there are {some}"
