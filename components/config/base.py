"""What the groups of keys are made of.

A validator's message reads "expected ..., got ..."; one that looks at several keys begins with one of them.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """A frozen group of keys. Unknown keys are errors; no number is made from text, no text from a number."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def key(default: Any, sentence: str, *, unit: str = "", expects: str = "", **bounds: Any) -> Any:
    """One configuration key.

    Args:
        default: the value of the recommended run.
        sentence: what the key means.
        unit: what the number counts, if it is one.
        expects: what is accepted, in words, where type and bounds alone do not say it ("one character").
        bounds: pydantic's own (ge, lt, max_length, pattern, ...).
    """
    return Field(
        default=default, description=sentence, json_schema_extra={"unit": unit, "expects": expects}, **bounds
    )
