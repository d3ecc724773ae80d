"""Gives the functions in a SavedModel names that do not depend on what else the process traced before the export.

TensorFlow ends the name of a function, and of a tensor that a function captures, with a number from a counter of the
process (`uid` in tensorflow/python/framework/ops.py). Each further trace moves the counter, for example one for a
checkpoint that is written every few minutes. The same weights would then give another saved_model.pb.
"""

import copy
import itertools
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

_NUMBERED = re.compile(r"(.+)_(\d+)")
_GIVEN_NAME = (
    "_user_specified_name"  # the attribute of an argument that is not captured; a number if it is captured
)


def stabilize_names(meta_graph: Any) -> None:
    """Replaces TensorFlow's counter in the names of functions, and of their captured arguments, by numbers from 0.

    The functions are numbered in the order in which they were traced, separately for each name, and sorted by name.
    What the graph computes, its signatures and its inputs don't change.

    Args:
        meta_graph: a tensorflow.MetaGraphDef of `tf.saved_model.save`; changed in place.
    """
    functions = meta_graph.graph_def.library.function
    for function in functions:
        _stabilize_arguments(function)
    _replace(meta_graph, _renumbered([function.signature.name for function in functions], set()))
    functions.sort(key=lambda function: str(function.signature.name))


def _renumbered(names: Iterable[str], taken: set[str]) -> dict[str, str]:
    """Returns new names for those names that end in a number; none of the new names is in `taken`."""
    numbered = defaultdict(list)
    for name in names:
        if parts := _NUMBERED.fullmatch(name):
            numbered[parts[1]].append((int(parts[2]), name))
    new: dict[str, str] = {}
    for base, found in numbered.items():
        free = (name for name in (f"{base}_{count}" for count in itertools.count()) if name not in taken)
        new |= {name: next(free) for _, name in sorted(found)}
    return new


def _stabilize_arguments(function: Any) -> None:
    arguments = [argument.name for argument in function.signature.input_arg]
    given = {
        at: values.attr[_GIVEN_NAME] for at, values in function.arg_attr.items() if _GIVEN_NAME in values.attr
    }
    for at, value in given.items():
        if value.s.isdigit():
            value.s = str(at).encode()
    captured = [name for at, name in enumerate(arguments) if at not in given]
    taken = {node.name for node in function.node_def} | (set(arguments) - set(captured))
    new = _renumbered(captured, taken)
    for argument in function.signature.input_arg:
        argument.name = new.get(argument.name, argument.name)
    for node in function.node_def:
        node.input[:] = [new.get(name, name) for name in node.input]
    for output, name in list(function.ret.items()):
        function.ret[output] = new.get(name, name)


def _replace(message: Any, new: dict[str, str]) -> None:
    """Replaces names wherever a text of a message is one of them: a field, or a key or a value of a map."""
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            _replace_in_map(value, new)
        elif field.message_type is not None:
            for one in value if field.is_repeated else [value]:
                _replace(one, new)
        elif field.type == field.TYPE_STRING and field.is_repeated:
            value[:] = [new.get(text, text) for text in value]
        elif field.type == field.TYPE_STRING and value in new:
            setattr(message, field.name, new[value])


def _replace_in_map(entries: Any, new: dict[str, str]) -> None:
    for key, value in list(entries.items()):
        if isinstance(value, str):
            entries[key] = new.get(value, value)
        elif hasattr(value, "ListFields"):
            _replace(value, new)
    moved = {key: copy.deepcopy(value) for key, value in entries.items() if key in new}
    for key in moved:
        del entries[key]
    for key, value in moved.items():
        if isinstance(value, str):
            entries[new[key]] = value
        else:
            entries[new[key]].CopyFrom(value)
