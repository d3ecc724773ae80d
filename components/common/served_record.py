"""The record of the served model: the version that a candidate is compared with, or why there is no comparison.

ServedModel writes it as `served.json` into its artifact; the Evaluator reads it, and the verdict contains it.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from components.common.file_names import SERVED_FILE
from components.common.stored_record import StoredRecord

PublishedBy = Literal["pipeline", "override", "rollback", "unknown"]

Outcome = Literal[
    "compared",
    "other_split",
    "none",
    "unrecorded",
    "removed",
    "damaged",
    "incompatible",
    "unloadable",
    "undefined",
]
"""What became of the comparison: see ServedReference."""
WARNINGS: frozenset[Outcome] = frozenset(
    {"other_split", "damaged", "incompatible", "unloadable", "undefined"}
)
"""The outcomes that somebody should look into."""


class ServedReference(BaseModel):
    """The served model that a candidate is compared with.

    If the candidate itself is served, this is the model that it replaced. So a repeated run has the same reference.

    Attributes:
        outcome: `compared`: it is compared, and decides. `other_split`: it is compared, but does not decide, because
            test rows may be among the rows that it was trained on. In all other cases it is not compared, and does not
            decide. `none`: nothing was served. `unrecorded`: the candidate is served, and its card does not say what it
            replaced. `removed`: it is no longer at the destination. `damaged`: its card or its files are not those that
            were published. `incompatible`: its features, its label or its task are not those of the examples.
            `unloadable`: it can't be loaded or run. `undefined`: it predicts NaN.
        version: its number; None if there is none.
        digest: its `model_digest`.
        published_by: `pipeline`, `override` (a person, with `regpipe bless`), `rollback` or `unknown`.
        by: the person who blessed it or rolled back to it; None if the pipeline published it.
        at: when, ISO 8601.
        reason: why; may be empty.
        problems: why it is not compared, or does not decide: clauses in lower case, without a full stop.
        loss: its log loss on the test split of the run that published it, in nats, as in its card; None if unknown.
        loss_interval: the interval of that.
    """

    model_config = ConfigDict(frozen=True)

    outcome: Outcome
    version: int | None = None
    digest: str | None = None
    published_by: PublishedBy = "unknown"
    by: str | None = None
    at: str | None = None
    reason: str | None = None
    problems: tuple[str, ...] = ()
    loss: float | None = None
    loss_interval: tuple[float, float] | None = None

    @property
    def is_scored(self) -> bool:
        """Whether it is scored beside the candidate."""
        return self.outcome in ("compared", "other_split")


class ServedRecord(StoredRecord):
    """The file in ServedModel's artifact.

    Attributes:
        format_version: the version of the format.
        reference: the served model.
    """

    file_name = SERVED_FILE
    description = "a record of the served model"

    format_version: Literal[1] = 1
    reference: ServedReference
