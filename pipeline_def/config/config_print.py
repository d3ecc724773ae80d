"""The configuration printed as the YAML file one would like to be given: every key under its sentence."""

import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from components.config.base import Settings
from pipeline_def.config import describe, yaml_text
from pipeline_def.config.describe import Key

_WIDTH = 100


def config_yaml(config: Settings, notes: Mapping[str, str] | None = None) -> str:
    """The whole configuration as YAML, each key under its sentence, what it takes, its unit and its default.

    Reading the text back with `load_config` gives an equal object.

    Args:
        config: a PipelineConfig.
        notes: by dotted key, a remark to add to the comment above it.
    """
    known = describe.keys(type(config))
    head = "# Any key may be left out; its default then holds. `regpipe config` prints what is in effect."
    return "\n".join([head, *_group_lines(config, "", known, notes or {})]) + "\n"


def _group_lines(
    settings: Settings, place: str, known: Mapping[str, Key], notes: Mapping[str, str]
) -> Iterator[str]:
    indent = "  " * (place.count(".") + 1) if place else ""
    for name in type(settings).model_fields:
        path = describe.join(place, name)
        value = getattr(settings, name)
        if isinstance(value, Settings):
            yield ""
            yield from _comment((type(value).__doc__ or "").strip(), indent)
            yield f"{indent}{name}:"
            yield from _group_lines(value, path, known, notes)
        else:
            if not place:
                yield ""
            yield from _key_lines(known[path], value, indent, notes.get(path, ""))


def _key_lines(wanted: Key, value: Any, indent: str, note: str) -> Iterator[str]:
    unit = f"; unit: {wanted.unit}" if wanted.unit else ""
    yield from _comment(wanted.sentence, indent)
    default = wanted.field.get_default()
    yield from _comment(f"Takes {wanted.expects}{unit}; default: {_inline(default)}", indent)
    yield from _comment(note, indent)
    name = wanted.path.rpartition(".")[2]
    inline = f"{indent}{name}: {_inline(value)}"
    if wanted.several and len(inline) > _WIDTH:
        yield f"{indent}{name}:"
        yield from (f"{indent}  - {_inline(item)}" for item in value)
    else:
        yield inline


def _inline(value: Any) -> str:
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
