"""The keys under `data`."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from components.config.base import Settings, key

MAX_FEATURES = 2_000
SPLITS = ("train", "eval", "test")


def _no_repeats(names: tuple[str, ...]) -> tuple[str, ...]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"expected texts that differ, got {name!r} twice")
        seen.add(name)
    return names


# YAML has lists, not tuples: this type takes either, and nothing else.
ColumnNames = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_no_repeats)]


class SplitRatio(Settings):
    """How many of every `train + eval + test` rows go where; a hash of the row's content decides."""

    train: int = key(6, "Parts of the rows to train on.", unit="parts", ge=1)
    eval: int = key(2, "Parts of the rows to validate on after each epoch.", unit="parts", ge=1)
    test: int = key(2, "Parts of the rows that decide whether the model is blessed.", unit="parts", ge=1)


class DataConfig(Settings):
    """Where the table is and how it is read."""

    input: str = key(
        "data/sample.csv",
        "A file, a folder, a glob, or a span pattern such as days/span-{SPAN}/*.csv; CSV (also .gz) or "
        "Parquet. A relative path starts at the working directory.",
        min_length=1,
    )
    span: Literal["latest"] | Annotated[int, Field(ge=0)] = key(
        "latest",
        "With {SPAN} in data.input: the number of the newest span to read, or 'latest'.",
        unit="span number",
    )
    last_spans: int = key(
        1,
        "With {SPAN} in data.input: how many spans, counted back from data.span, are read.",
        unit="spans",
        ge=1,
    )
    delimiter: str = key(
        "auto",
        "The CSV delimiter; auto finds it from the first lines.",
        expects="one character, or auto",
        pattern=r"^(auto|[^\r\n\"])$",
    )
    label: str = key("label", "The name of the column to predict.", min_length=1)
    positive_label: str | None = key(
        None, "The label's value that counts as 1. Needed unless the label is 0/1 or true/false."
    )
    features: ColumnNames = key(
        (),
        "The columns to learn from. None listed: every other column whose cells are numbers.",
        max_length=MAX_FEATURES,
    )
    ignore: ColumnNames = key((), "Columns to leave out.")
    missing_values: ColumnNames = key(
        ("", "nan", "na", "n/a", "null"),
        "Cells that mean a missing value, in any case; blanks around are ignored.",
    )
    max_bad_fraction: float = key(
        0.01,
        "The share of unreadable rows above which the run stops; up to it they are set aside.",
        unit="fraction of all rows",
        ge=0,
        le=1,
    )
    split: SplitRatio = key(SplitRatio(), "How the rows are divided.")
    min_rows: int = key(20, "The run stops when a split has fewer rows than this.", unit="rows", ge=2)
    schema_file: str | None = key(
        None, "A curated schema (schema.pbtxt, see `regpipe schema freeze`); none: inferred anew in each run."
    )

    @field_validator("positive_label", mode="before")
    @classmethod
    def _label_as_text(cls, value: object) -> object:
        # YAML reads an unquoted yes as a boolean and 2 as a number; the table has only text.
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value) if isinstance(value, int | float) else value

    @model_validator(mode="after")
    def _columns_have_one_role(self) -> "DataConfig":
        if self.label in self.features:
            raise ValueError(f"data.features: expected columns other than the label, got {self.label!r}")
        if self.label in self.ignore:
            raise ValueError(f"data.ignore: expected columns other than the label, got {self.label!r}")
        both = sorted(set(self.features) & set(self.ignore))
        if both:
            raise ValueError(
                f"data.ignore: expected columns that data.features does not list, got {both[0]!r}"
            )
        return self
