"""The configuration keys under `data`: the input table and how it is read."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from components.config.base import Settings, key, without_home
from components.config.split_settings import SplitConfig
from components.tasks.known_tasks import task_of

MAX_FEATURES = 2_000
SPLITS = ("train", "eval", "test")


def _refuse_duplicates(names: tuple[str, ...]) -> tuple[str, ...]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"expected distinct values, got {name!r} twice")
        seen.add(name)
    return names


# YAML has lists, not tuples: this type accepts both.
ColumnNames = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_refuse_duplicates)]


class DataConfig(Settings):
    """The input table and how it is read."""

    input: str = key(
        "data/sample.csv",
        "A file, a folder, a glob, or a span pattern such as days/span-{SPAN}/*.csv; CSV or JSON lines (also "
        ".gz), Parquet, Avro, or TFRecord of tf.Examples. A relative path is relative to the working directory.",
        min_length=1,
    )
    span: Literal["latest"] | Annotated[int, Field(ge=0)] = key(
        "latest",
        "With {SPAN} in data.input: the number of the newest span to read, such as 20240131 for 2024-01-31, or "
        "'latest' for the newest one that exists.",
        unit="span number",
    )
    last_spans: int = key(
        1,
        "With {SPAN} in data.input: the number of spans to read, counted back from data.span.",
        unit="spans",
        ge=1,
    )
    delimiter: str = key(
        "auto",
        "The CSV delimiter; auto detects it from the first lines.",
        expects="one character, or auto",
        pattern=r"^(auto|[^\r\n\"])$",
    )
    encoding: str = key(
        "auto",
        "The encoding of text files, a name that Python knows, such as latin-1, cp1252 or shift_jis. auto: UTF-8, or "
        "UTF-16 with a byte order mark.",
        min_length=1,
    )
    comment: str = key(
        "", "Lines of text files that begin with this text, such as '#', are skipped; '' for none."
    )
    header: bool = key(
        True,
        "Whether the first line of a CSV file has the names of the columns. false: the columns are column_1, "
        "column_2 and so on.",
    )
    decimal: Literal["auto", ".", ","] = key(
        "auto",
        "The decimal mark of numbers in text. auto: a comma if the numbers of the table leave no doubt, else a point.",
    )
    thousands: Literal["auto", "", ",", ".", "'", " "] = key(
        "auto",
        "The separator between groups of three digits; '' for none. auto: a comma or a point if the numbers of the "
        "table leave no doubt, else none.",
    )
    label: str = key("label", "The name of the column to predict.", min_length=1)
    task: Literal["auto", "binary", "regression", "multiclass"] = key(
        "auto",
        "What is predicted. binary: which of two values the label has. multiclass: which of 3 to 100 values it has. "
        "regression: the number that the label is. auto: binary if the label has two values; multiclass if it has more "
        "texts, or the numbers 0, 1, 2, ... or 1, 2, 3, ... of at most 20 classes; regression if it has fractions, or "
        "more than 20 different whole numbers.",
    )
    positive_label: str | None = key(
        None, "The value of the label that counts as 1. Required unless the label is 0/1 or true/false."
    )
    weight: str | None = key(
        None,
        "The column with the weight of each row, a number > 0; null: all rows weigh the same. An integer weight counts "
        "as that many equal rows. The column is not a feature, and it does not change the split of a row.",
        min_length=1,
    )
    features: ColumnNames = key(
        (),
        "The columns to train on. Empty: every column of numbers or categories, except the label, data.weight and "
        "data.ignore. A "
        "column is one of numbers if at least 80% of its cells that are not missing are numbers, or words such as true "
        "and false, in the first 10,000 rows.",
        max_length=MAX_FEATURES,
    )
    ignore: ColumnNames = key(
        (),
        "Columns to leave out of the features. Neither this key nor data.features changes the split of a row.",
    )
    categorical: ColumnNames = key(
        (),
        "Columns whose cells are names of categories, such as colors or codes, whatever they contain. A column of text "
        "is categorical without being listed, if it has 2 to data.max_categories different texts, each twice on "
        "average, in the first 10,000 rows.",
        max_length=MAX_FEATURES,
    )
    max_categories: int = key(
        50,
        "The largest number of categories of a feature: those with the most training rows. All other texts are one "
        "further category.",
        unit="categories",
        ge=2,
        le=500,
    )
    min_category_count: int = key(
        5,
        "A text in fewer training rows is not a category of its own.",
        unit="rows",
        ge=1,
    )
    missing_values: ColumnNames = key(
        ("", "nan", "na", "n/a", "#n/a", "<na>", "null", "none", "\\n", "?", "-"),
        "Cell texts that mean a missing value. Case and surrounding blanks are ignored.",
    )
    scaling: Literal["clipped_min_max", "min_max"] = key(
        "clipped_min_max",
        "How Transform scales the features to 0-1. clipped_min_max: by the minimum and the maximum of the training "
        "split, but values far from the others are clipped first. min_max: by the minimum and the maximum as they are, "
        "so that one extreme value can make all others of its column nearly equal.",
    )
    missing_indicator: Literal["auto", "none"] = key(
        "auto",
        "Whether the networks also read which values are missing. auto: an indicator (1 missing, 0 present) for each "
        "feature with more than 1% missing values in the training split. none: no indicators.",
    )
    max_bad_fraction: float = key(
        0.01,
        "The largest fraction of rows that row validation may reject. The run stops if it rejects more; otherwise it "
        "writes them to a separate file.",
        unit="fraction of all rows",
        ge=0,
        le=1,
    )
    split: SplitConfig = key(SplitConfig(), "What selects the split of a row, and the ratio of the splits.")
    min_rows: int = key(20, "The run stops if a split has fewer rows than this.", unit="rows", ge=2)
    schema_file: str | None = key(
        None,
        "A curated schema (schema.pbtxt, see `regpipe schema freeze`); null: the schema is inferred in each run, and "
        "the columns must be those of the served model.",
    )
    drift: Literal["warn", "refuse", "off"] = key(
        "warn",
        "What happens if the data has moved since the served model was trained, or since the span before. warn: the "
        "summary and the report say what moved. refuse: the run stops (exit code 3). off: nothing is compared.",
    )

    _paths = field_validator("input", "schema_file")(without_home)

    @field_validator("positive_label", mode="before")
    @classmethod
    def _convert_to_text(cls, value: object) -> object:
        # YAML reads an unquoted yes as a boolean and 2 as a number, but the cells of the table are text.
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value) if isinstance(value, int | float) else value

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, value: str) -> str:
        if value != "auto":
            try:
                "".encode(value)
            except (LookupError, ValueError):
                raise ValueError(
                    f"expected the name of a text encoding, such as latin-1, got {value!r}"
                ) from None
        return value

    @model_validator(mode="after")
    def _check_column_roles(self) -> "DataConfig":
        if self.task != "auto" and not task_of(self.task).has_positive and self.positive_label is not None:
            raise ValueError(
                f"data.positive_label: expected null, because data.task is {self.task}, got {self.positive_label!r}"
            )
        if self.weight == self.label:
            raise ValueError(f"data.weight: expected a column other than the label, got {self.weight!r}")
        split = self.split.column
        if split is not None and split in (self.label, self.weight):
            role = "label" if split == self.label else "weight"
            raise ValueError(f"data.split.column: expected a column other than the {role}, got {split!r}")
        for role, name in (("label", self.label), ("weight", self.weight), ("column of the split", split)):
            if name in self.features:
                raise ValueError(f"data.features: expected columns other than the {role}, got {name!r}")
            if name in self.ignore:
                raise ValueError(f"data.ignore: expected columns other than the {role}, got {name!r}")
            if name in self.categorical:
                raise ValueError(f"data.categorical: expected columns other than the {role}, got {name!r}")
        both = sorted(set(self.features) & set(self.ignore))
        if both:
            raise ValueError(f"data.ignore: expected columns that are not in data.features, got {both[0]!r}")
        if self.decimal == self.thousands != "auto":
            raise ValueError(
                f"data.thousands: expected another character than data.decimal, got {self.decimal!r}"
            )
        return self
