"""The base class of the settings, and the function that declares a key.

A validator's message reads "expected ..., got ...". The message of a validator that checks several keys begins with
the name of one of them.
"""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_HOME = re.compile(r"~[\w-]*(/.*)?", re.DOTALL)


class Settings(BaseModel):
    """A frozen group of keys. Unknown keys are errors; text and numbers are not converted into each other."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def key(default: Any, description: str, *, unit: str = "", expects: str = "", **bounds: Any) -> Any:
    """Declares one configuration key.

    Args:
        default: the value of the recommended run.
        description: a sentence, which `regpipe config` prints.
        unit: the unit of a number.
        expects: a description of the accepted values ("one character"), if type and bounds do not describe them.
        bounds: pydantic's own constraints (ge, lt, max_length, pattern, ...).
    """
    return Field(
        default=default,
        description=description,
        json_schema_extra={"unit": unit, "expects": expects},
        **bounds,
    )


def without_home(path: str | None) -> str | None:
    """Returns a path as it is; for paths in the configuration and in options.

    A home folder (~) is not replaced: the same configuration may be read on other machines and in containers.

    Raises:
        ValueError: the path begins with ~ or ~NAME.
    """
    if path is not None and _HOME.fullmatch(path):
        rest = path.partition("/")[2]
        raise ValueError(
            f"expected a path without ~, which only a shell replaces, got {path!r}; write it in full, such as "
            f"/home/NAME/{rest}"
        )
    return path
