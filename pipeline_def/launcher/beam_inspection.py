"""Keeps what Beam finds out about its own options and functions, which it otherwise finds out thousands of times.

For a table of any size, a step that builds a pipeline asks for views of the options about 1,000 times, and for the
parameters of methods 25,000 times. Each time Beam builds a parser of all options of the view, and reads the signature
of the method again. Neither answer can change.
"""

import weakref
from types import FunctionType, MethodType
from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms import core

_find_parameters, _find_view = core.get_function_args_defaults, PipelineOptions.view_as
_parameters: weakref.WeakKeyDictionary[FunctionType, tuple[list[str], list[Any]]] = (
    weakref.WeakKeyDictionary()
)
_views: weakref.WeakKeyDictionary[PipelineOptions, dict[type, Any]] = weakref.WeakKeyDictionary()


def install() -> None:
    """Replaces two functions of Beam in this process; a second call changes nothing."""
    core.get_function_args_defaults = parameters
    PipelineOptions.view_as = view_as


def parameters(function: Any) -> tuple[list[str], list[Any]]:
    """Does what Beam's `get_function_args_defaults` does: returns names and defaults, in new lists."""
    if type(function) is not MethodType or type(function.__func__) is not FunctionType:
        names, defaults = _find_parameters(function)
        return names, defaults
    found = _parameters.get(function.__func__)
    if found is None:
        found = _parameters[function.__func__] = _find_parameters(function)
    return list(found[0]), list(found[1])


def view_as(options: Any, kind: type) -> Any:
    """Does what Beam's `PipelineOptions.view_as` does. Views of the same options share their values in any case."""
    views = _views.setdefault(options, {})
    found = views.get(kind)
    if found is None or found._flags is not options._flags or found._all_options is not options._all_options:
        found = views[kind] = _find_view(options, kind)
    return found
