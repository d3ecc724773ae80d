"""The result of one check."""

import dataclasses
from typing import Literal

State = Literal["ok", "missing", "problem", "unused"]


@dataclasses.dataclass(frozen=True)
class CheckResult:
    """What a check found.

    Attributes:
        state: `ok`; `missing`: it is not there; `problem`: it is there and does not work; `unused`: one of these two,
            but the configuration does not use it.
        found: what was found, in a few words.
        advice: what to do, if it is not ok.
        required: whether the configuration uses it, so that runs fail without it.
    """

    state: State
    found: str
    advice: str = ""
    required: bool = True

    @property
    def fails(self) -> bool:
        """Whether something is not ok that the configuration needs."""
        return self.required and self.state != "ok"


def optional(result: CheckResult) -> CheckResult:
    """Returns the result for a configuration that does not need what was checked."""
    return dataclasses.replace(result, required=False)


def unused(result: CheckResult, purpose: str) -> CheckResult:
    """Returns the result for a configuration that does not use what was checked, with what would use it."""
    if result.state == "ok":
        return optional(result)
    found = f"{result.found}; needed only for {purpose}"
    return dataclasses.replace(result, state="unused", found=found, required=False)
