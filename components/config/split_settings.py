"""The configuration keys under `data.split`: how rows are assigned to splits."""

from typing import Literal

from pydantic import field_validator, model_validator

from components.common.split_times import number_of, seconds_of
from components.config.base import Settings, key

ROW, COLUMN, TIME, GROUP = "row", "column", "time", "group"


class SplitConfig(Settings):
    """How rows are assigned to splits: by a hash of their values or of their group, by time, or as a column says."""

    by: Literal["row", "column", "time", "group"] = key(
        "row",
        "What selects the split of a row. row: a hash of its numeric columns without the label and the weight. column: "
        "data.split.column, whose values are train, eval (also validation, valid, val or dev) and test. time: the "
        "newest rows are test rows, by data.split.column, data.split.eval_from and data.split.test_from. group: a hash "
        "of data.split.column, so that rows with the same value, such as those of one patient, are in one split.",
    )
    column: str | None = key(
        None,
        "The column that data.split.by reads: the time, the group, or the name of the split. It is not a feature.",
        min_length=1,
    )
    eval_from: str | None = key(
        None,
        "With data.split.by: time, the time of the first eval rows, and the end of the training rows: a date or a time "
        "in ISO 8601 (UTC if it has no offset), or a number. Without it, a run proposes edges and stops.",
        expects="a date or a time in ISO 8601, or a number",
    )
    test_from: str | None = key(
        None,
        "With data.split.by: time, the time of the first test rows. A later run may move it forward, but not backward: "
        "training rows would become test rows.",
        expects="a date or a time in ISO 8601, or a number",
    )
    train: int = key(6, "The share of the training split, relative to the other splits.", unit="parts", ge=1)
    eval: int = key(
        2, "The share of the validation split, which is scored after each epoch.", unit="parts", ge=1
    )
    test: int = key(
        2,
        "The share of the test split, on which the Evaluator decides whether the model is blessed.",
        unit="parts",
        ge=1,
    )
    seed: int = key(
        0,
        "Seed of the hash that selects the split of a row. Another seed gives other splits.",
        ge=0,
        lt=2**31,
    )

    @field_validator("eval_from", "test_from")
    @classmethod
    def _check_edge(cls, value: str | None) -> str | None:
        if value is not None and number_of(value) is None and seconds_of(value) is None:
            raise ValueError(
                f"expected a date or a time in ISO 8601, such as 2024-01-31, or a number, got {value!r}"
            )
        return value

    @model_validator(mode="after")
    def _check_column(self) -> "SplitConfig":
        if (self.by == ROW) != (self.column is None):
            expected = "null" if self.by == ROW else "the name of a column"
            raise ValueError(
                f"data.split.column: expected {expected} with data.split.by: {self.by}, got {self.column or 'null'}"
            )
        return self

    @model_validator(mode="after")
    def _check_edges(self) -> "SplitConfig":
        edges = {"eval_from": self.eval_from, "test_from": self.test_from}
        given = [name for name, value in edges.items() if value is not None]
        if given and self.by != TIME:
            raise ValueError(
                f"data.split.{given[0]}: expected null with data.split.by: {self.by}, got {edges[given[0]]}"
            )
        if len(given) == 1:
            lacking = next(name for name in edges if name not in given)
            raise ValueError(
                f"data.split.{lacking}: expected a value, as data.split.{given[0]} has, got null"
            )
        if self.eval_from is not None and self.test_from is not None:
            first, second = (self._read_edge(edge) for edge in (self.eval_from, self.test_from))
            if first is None or second is None or first >= second:
                kind = "a number" if self.has_number_edges else "a date or a time"
                raise ValueError(
                    f"data.split.test_from: expected {kind} after data.split.eval_from, {self.eval_from}, got "
                    f"{self.test_from}"
                )
        return self

    @property
    def has_number_edges(self) -> bool:
        """Whether the edges, and so the times of the rows, are numbers; otherwise they are dates and times."""
        return self.eval_from is not None and number_of(self.eval_from) is not None

    def _read_edge(self, text: str) -> float | None:
        return (number_of if self.has_number_edges else seconds_of)(text)

    def edges(self) -> tuple[float, float] | None:
        """Returns the edges as numbers, or as seconds since 1970; None without edges."""
        first, second = (
            None if edge is None else self._read_edge(edge) for edge in (self.eval_from, self.test_from)
        )
        return None if first is None or second is None else (first, second)
