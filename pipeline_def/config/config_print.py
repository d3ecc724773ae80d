"""Prints the configuration as YAML: each key under a comment that explains it."""

import re
import textwrap
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from components.config.base import Settings
from pipeline_def.config import describe, yaml_text
from pipeline_def.config.describe import Key

_WIDTH = 100


def config_yaml(config: Settings, notes: Mapping[str, str] | None = None) -> str:
    """Returns the whole configuration as YAML. A comment above each key has its meaning, values, unit and default.

    Reading the text back with `load_config` gives an equal object.

    Args:
        config: a PipelineConfig.
        notes: by dotted key, a remark to add to the comment above it.
    """
    head = "# A key that is left out has its default. `regpipe config` prints the effective configuration."
    return keys_yaml(config, describe.keys(type(config)), head, notes)


def keys_yaml(
    config: Settings, names: Collection[str], head: str, notes: Mapping[str, str] | None = None
) -> str:
    """Returns some keys of the configuration as YAML, in the same form as `config_yaml`.

    Args:
        config: a PipelineConfig.
        names: the dotted keys to print. Their order does not matter.
        head: the comment at the top, with its `#`.
        notes: by dotted key, a remark to add to the comment above it.
    """
    shown = {name: found for name, found in describe.keys(type(config)).items() if name in names}
    return "\n".join([head, *_group_lines(config, "", shown, notes or {})]) + "\n"


def keys_under(model: type[Settings], path: str) -> list[str]:
    """Returns the dotted keys of a group and of its inner groups, or only `path` if it is a key.

    The list is empty if the path is unknown.
    """
    return [name for name in describe.keys(model) if name == path or name.startswith(f"{path}.")]


def changed_keys(config: Settings) -> list[str]:
    """Returns the dotted keys whose values differ from the defaults."""
    defaults = type(config)()
    return [name for name in describe.keys(type(config)) if _value(config, name) != _value(defaults, name)]


def _value(config: Settings, name: str) -> Any:
    value: Any = config
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _group_lines(
    settings: Settings, place: str, shown: Mapping[str, Key], notes: Mapping[str, str]
) -> Iterator[str]:
    """Yields the lines of the keys in `shown` that are in the group at `place`; a group without any is left out."""
    indent = "  " * (place.count(".") + 1) if place else ""
    for name in type(settings).model_fields:
        path = describe.join(place, name)
        value = getattr(settings, name)
        if isinstance(value, Settings):
            if not any(shown_path.startswith(f"{path}.") for shown_path in shown):
                continue
            yield ""
            yield from _comment((type(value).__doc__ or "").strip(), indent)
            yield f"{indent}{name}:"
            yield from _group_lines(value, path, shown, notes)
        elif path in shown:
            if not place:
                yield ""
            yield from _key_lines(shown[path], value, indent, notes.get(path, ""))


def _key_lines(described: Key, value: Any, indent: str, note: str) -> Iterator[str]:
    """Yields the comment of one key and its value."""
    unit = f"; unit: {described.unit}" if described.unit else ""
    yield from _comment(described.sentence, indent)
    default = described.field.get_default()
    null = " or null" if default is None and "null" not in described.expects else ""
    yield from _comment(f"Takes {described.expects}{null}{unit}; default: {_inline(default)}", indent)
    yield from _comment(note, indent)
    name = described.path.rpartition(".")[2]
    inline = f"{indent}{name}: {_inline(value)}"
    if described.is_list and len(inline) > _WIDTH:
        yield f"{indent}{name}:"
        yield from (f"{indent}  - {_inline(item)}" for item in value)
    else:
        yield inline


def _inline(value: Any) -> str:
    """Returns the value as YAML on one line."""
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, Settings):
        return (
            "{"
            + ", ".join(f"{name}: {_inline(getattr(value, name))}" for name in type(value).model_fields)
            + "}"
        )
    return yaml_text.scalar_text(value)


def _comment(text: str, indent: str) -> list[str]:
    prefix = f"{indent}# "
    flat = re.sub(r"\s+", " ", text)
    return textwrap.wrap(
        flat, _WIDTH, initial_indent=prefix, subsequent_indent=prefix, break_on_hyphens=False
    )
