"""Reads and writes YAML, keeps line numbers, and follows the core schema of YAML 1.2.

PyYAML follows YAML 1.1, where `1e-3` is text, `yes` is a boolean, `010` is eight and `1:30` is ninety. In YAML 1.2
`1e-3` is a number, and only `true` and `false` are booleans.
"""

import re
from dataclasses import dataclass
from typing import Any

import yaml

_TAG = "tag:yaml.org,2002:"
_SPECIAL = tuple("?-#*&!%@|>`{")
_QUOTES = ("'", '"')


class _CoreLoader(yaml.SafeLoader):
    """A safe loader with the scalars of the YAML 1.2 core schema."""


_CoreLoader.yaml_implicit_resolvers = {}
_CoreLoader.add_implicit_resolver(
    _TAG + "bool", re.compile(r"^(true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_CoreLoader.add_implicit_resolver(_TAG + "null", re.compile(r"^(~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_CoreLoader.add_implicit_resolver(
    _TAG + "int", re.compile(r"^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$"), list("-+0123456789")
)
_CoreLoader.add_implicit_resolver(
    _TAG + "float",
    re.compile(
        r"^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"
    ),
    list("-+.0123456789"),
)


class NotYamlError(ValueError):
    """The text is not YAML. `line` counts from 1."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.line = line


@dataclass(frozen=True)
class Value:
    """A value, its text for messages, and for a list the line and the text of each item."""

    data: Any
    shown: str
    item_lines: tuple[int, ...] = ()
    items_shown: tuple[str, ...] = ()


class Unreadable:
    """Marks a value that no key accepts, such as a list of lists; validation always rejects it."""


def compose(text: str) -> yaml.Node | None:
    """Parses one YAML document into a tree of nodes; None if it is empty.

    Raises:
        NotYamlError: the syntax is wrong, a character is not allowed, or there is more than one document.
    """
    try:
        return yaml.compose(text, Loader=_CoreLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = (error.problem or error.context or "broken").removeprefix("but ")
        quotes = "; a text with special characters is written in quotes" if _is_special(text, mark) else ""
        raise NotYamlError(f"{problem} (column {column}){quotes}", line) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        raise NotYamlError(f"the character U+{int(error.character):04X} is not allowed", line) from None
    except RecursionError:
        raise NotYamlError("nested too deeply", 1) from None


def _is_special(text: str, mark: yaml.Mark | None) -> bool:
    """Whether the parser failed at a character that can't begin a text without quotes, such as ? or %."""
    return mark is not None and mark.column > 0 and text[mark.index : mark.index + 1] in _SPECIAL


def line_of(node: yaml.Node) -> int:
    """Returns the line, counted from 1, on which `node` begins."""
    return int(node.start_mark.line) + 1


def is_null(node: yaml.Node) -> bool:
    """Whether the node is null: a key with nothing after its colon, or `null`, or `~`."""
    return isinstance(node, yaml.ScalarNode) and node.tag == _TAG + "null"


def value_of(node: yaml.Node, *, text: bool) -> Value:
    """Returns the value of a scalar, or of a list of scalars or of groups such as {feature: age, edges: [30, 50]}.

    Args:
        node: the node after a key.
        text: whether the key, or each item of its list, is text: unquoted `yes`, `1`, `2024-01-01` stay as written.
    """
    if isinstance(node, yaml.MappingNode):
        return Value(Unreadable(), "a group of keys")
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, text)
    items = [_item(item, text) for item in node.value]
    shown = "[" + ", ".join(item.shown for item in items) + "]"
    return Value(
        [item.data for item in items],
        shown if len(shown) <= 60 else f"a list of {len(items)}",
        tuple(line_of(item) for item in node.value),
        tuple(item.shown for item in items),
    )


def _item(node: yaml.Node, text: bool) -> Value:
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, text, in_list=True)
    if text or not isinstance(node, yaml.MappingNode) or not _is_flat(node):
        return Value(Unreadable(), "a list or group")
    values = {str(key.value): value_of(value, text=False) for key, value in node.value}
    shown = "{" + ", ".join(f"{name}: {value.shown}" for name, value in values.items()) + "}"
    return Value(
        {name: value.data for name, value in values.items()},
        shown if len(shown) <= 60 else "a group of keys",
    )


def _is_flat(node: yaml.MappingNode) -> bool:
    """Whether the group contains only scalars and lists of scalars, under different names."""

    def scalar(node: yaml.Node) -> bool:
        return isinstance(node, yaml.ScalarNode)

    names = [key.value for key, _ in node.value if scalar(key)]
    return len(set(names)) == len(node.value) and all(
        scalar(value) or (isinstance(value, yaml.SequenceNode) and all(map(scalar, value.value)))
        for _, value in node.value
    )


def _scalar(node: yaml.ScalarNode, text: bool, in_list: bool = False) -> Value:
    raw = str(node.value)
    kind = node.tag.removeprefix(_TAG)
    if kind == "null" and not (text and in_list and raw):  # in a list of texts, null is a text
        return Value(None, "nothing")
    if kind == "str" or (text and node.style is None):
        return Value(raw, repr(raw))
    try:
        if kind == "bool":
            return Value({"true": True, "false": False}[raw.lower()], raw)
        if kind == "int":
            return Value(int(raw, 0 if raw[:2] in ("0x", "0o") else 10), raw)
        if kind == "float":
            return Value(float(raw.lower().replace(".inf", "inf").replace(".nan", "nan")), raw)
    except (ValueError, KeyError):  # a wrong explicit tag (!!int abc), or a number of 5,000 digits
        pass
    return Value(Unreadable(), repr(raw))


def argument(raw: str, *, text: bool, is_list: bool) -> Value:
    """Returns the value of `--set key=raw`.

    For a text key, an unquoted `raw` is used literally, because YAML would parse `C:\\table #2.csv` and `[x]`
    differently. For a list of texts without brackets, too: `?` and `#b` are not a text to YAML. For any other key, it
    is a scalar or a list in YAML.

    Args:
        raw: the text after the equals sign.
        text: whether the key, or each item of its list, is text.
        is_list: whether the key is a list.
    """
    quoted = len(raw) > 1 and raw[0] in _QUOTES and raw[-1] == raw[0]
    in_yaml = quoted or (is_list and raw.lstrip().startswith("["))
    if text and not in_yaml and raw not in ("", "~", "null"):
        return Value(raw, repr(raw))
    try:
        node = compose(raw)
    except NotYamlError:
        return Value(raw if text and not is_list else Unreadable(), repr(raw))
    return Value(None, "nothing") if node is None else value_of(node, text=text)


def scalar_text(value: Any) -> str:
    """Formats None, a bool, a number or a text so that YAML 1.1 and 1.2 read the same value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        number = repr(value)  # 1e-05 is text to YAML 1.1, 1.0e-05 is not
        return number.replace("e", ".0e") if "e" in number and "." not in number else number
    if isinstance(value, int):
        return str(value)
    return _quoted(str(value))


_SAFE = re.compile(r"^(\.{0,2}/)?[A-Za-z_][A-Za-z0-9_./-]*$")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"}


def _quoted(text: str) -> str:
    if _SAFE.match(text) and text.lower() not in _WORDS:
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
