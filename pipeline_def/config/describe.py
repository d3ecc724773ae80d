"""Describes the configuration's keys: their paths, the values they accept in English, and suggestions for typos."""

import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from components.common.suggestions import closest
from components.config.base import Settings

# The values that a key accepts, in the singular and the plural.
_NOUNS = {
    str: ("text", "texts"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    bool: ("true or false", "true or false"),
}
_BOUNDS = (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<="))


@dataclass(frozen=True)
class Key:
    """One configuration key, such as `model.l1`."""

    path: str
    field: FieldInfo

    @property
    def is_list(self) -> bool:
        """Whether its value is a list."""
        return get_origin(self.field.annotation) is tuple

    @property
    def is_text(self) -> bool:
        """Whether it, or each item of its list, is text; an unquoted yes or 1 is then text, too."""
        annotation = get_args(self.field.annotation)[0] if self.is_list else self.field.annotation
        return annotation is str or (_is_union(annotation) and str in get_args(annotation))

    @property
    def sentence(self) -> str:
        """Its description."""
        return self.field.description or ""

    @property
    def unit(self) -> str:
        """Its unit; empty if it is not a number or has no unit."""
        return self._extra("unit")

    @property
    def expects(self) -> str:
        """The values it accepts, in English, such as "a number >= 0"; follows the word "expected"."""
        return self._extra("expects") or _english(self.field.annotation, self.field.metadata)

    def _extra(self, name: str) -> str:
        extra = self.field.json_schema_extra
        return str(extra.get(name, "")) if isinstance(extra, dict) else ""


def group(field: FieldInfo) -> type[Settings] | None:
    """Returns the model of a key that is a group of keys; None for a key with a value."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Settings) else None


def groups(model: type[Settings], path: str = "") -> Iterator[tuple[str, type[Settings]]]:
    """Yields `model` itself, at `path`, and every group under it, depth first."""
    yield path, model
    for name, field in model.model_fields.items():
        inner = group(field)
        if inner:
            yield from groups(inner, join(path, name))


def keys(model: type[Settings]) -> dict[str, Key]:
    """Returns every key with a value by its dotted path, in the order of the models."""
    return {
        join(path, name): Key(join(path, name), field)
        for path, inner in groups(model)
        for name, field in inner.model_fields.items()
        if not group(field)
    }


def join(path: str, name: str) -> str:
    """Joins a path and a name: `model` and `l1` become `model.l1`."""
    return f"{path}.{name}" if path else name


def hint(model: type[Settings], path: str) -> str:
    """Returns the hint for the unknown key `path`: "did you mean model.l1?", or the list of possible keys."""
    known = [*keys(model), *(inner for inner, _ in groups(model) if inner)]
    place, _, leaf = path.rpartition(".")
    nearest = _nearest(path, leaf, place, known)
    if nearest:
        return f"did you mean {nearest}?"
    by_path = dict(groups(model))
    where, fields = (place, by_path[place]) if place in by_path else ("", model)
    return f"{where or 'there'} {'has' if where else 'are'} {', '.join(fields.model_fields)}"


def _nearest(path: str, leaf: str, place: str, known: list[str]) -> str | None:
    """Returns the key of the same name in any group, else of a similar name in the same group, else in another."""
    same = [key for key in known if key.rpartition(".")[2] == leaf]
    if same:
        return closest(path, same, cutoff=0.0)
    beside = [key for key in known if key.rpartition(".")[0] == place]
    for candidates in (beside, known):
        leaves = {key.rpartition(".")[2]: key for key in reversed(candidates)}
        match = closest(leaf, leaves, cutoff=0.7)
        if match:
            return leaves[match]
    return None


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def _english(annotation: Any, metadata: Iterable[Any] = (), *, plural: bool = False) -> str:
    bounds = list(metadata)
    if get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        for item in more:
            bounds += item.metadata if isinstance(item, FieldInfo) else [item]
    if _is_union(annotation):
        return _alternatives(
            word
            for option in get_args(annotation)
            for word in (_literals(option) or ["null" if option is type(None) else _english(option, bounds)])
        )
    if get_origin(annotation) is Literal:
        return _alternatives(_literals(annotation))
    if get_origin(annotation) is tuple:
        most = _bound(bounds, "max_length")
        return (
            f"a list of {f'at most {most} ' if most else ''}{_english(get_args(annotation)[0], plural=True)}"
        )
    noun = _NOUNS[annotation][plural]
    limits = " and ".join(
        f"{sign} {limit}" for name, sign in _BOUNDS if (limit := _bound(bounds, name)) is not None
    )
    if _bound(bounds, "min_length"):
        noun += " that is not empty"
    return f"{noun} {limits}".rstrip()


def _literals(annotation: Any) -> list[str]:
    return list(map(str, get_args(annotation))) if get_origin(annotation) is Literal else []


def _alternatives(words: Iterable[str]) -> str:
    """Joins the words to a list in English: `a`, `a or b`, or `a, b or c`."""
    *front, last = words
    return f"{', '.join(front)} or {last}" if front else last


def _bound(metadata: list[Any], name: str) -> Any:
    return next((getattr(item, name) for item in metadata if getattr(item, name, None) is not None), None)
