"""Typed, frozen settings of the steps: every key with its default, type, unit and a sentence.

The defaults are the recommended run. `pipeline_def.config` reads these models from YAML and prints them back;
each step is handed its own model, as JSON, among its execution properties.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

MAX_FEATURES = 2_000
SPLITS = ("train", "eval", "test")


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


# A validator's message reads "expected ..., got ..."; one that looks at several keys begins with one of them.
def _no_repeats(names: tuple[str, ...]) -> tuple[str, ...]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"expected texts that differ, got {name!r} twice")
        seen.add(name)
    return names


# YAML has lists, not tuples: these two types take either, and nothing else.
ColumnNames = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_no_repeats)]
LayerSizes = Annotated[
    tuple[Annotated[int, Field(strict=True, ge=1)], ...], Field(strict=False, max_length=32)
]


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


class ModelConfig(Settings):
    """The network and what holds it back. The baseline is the same network with nothing holding it back."""

    hidden_units: LayerSizes = key(
        (128, 64), "Units of each hidden Dense layer, in order; none: logistic regression.", unit="units"
    )
    l1: float = key(
        1e-4, "Strength of the L1 penalty: l1 times the sum of absolute weights.", unit="per weight", ge=0
    )
    l2: float = key(
        1e-3, "Strength of the L2 penalty: l2 times the sum of squared weights.", unit="per weight²", ge=0
    )
    dropout: float = key(
        0.2,
        "Share of each hidden layer's outputs that is dropped at random while training.",
        unit="fraction",
        ge=0,
        lt=1,
    )

    def without_regularization(self) -> "ModelConfig":
        """The baseline's network: derived from the candidate, never written a second time."""
        return self.model_copy(update={"l1": 0.0, "l2": 0.0, "dropout": 0.0})


class TrainingConfig(Settings):
    """How the network is fitted."""

    epochs: int = key(100, "The most passes over the training split.", unit="epochs", ge=1)
    batch_size: int = key(
        32, "Rows in one step of the optimizer: the global batch, shared among all GPUs.", unit="rows", ge=1
    )
    learning_rate: float = key(1e-3, "Adam's step size.", unit="per step", gt=0)
    early_stopping: int = key(
        10,
        "Epochs without a lower validation loss after which the candidate stops and takes its best weights "
        "back; 0: never.",
        unit="epochs",
        ge=0,
    )
    strategy: Literal["auto", "mirrored", "none"] = key(
        "auto",
        "'mirrored': MirroredStrategy over all GPUs; 'auto': that where there is a GPU; 'none': one device.",
    )
    seed: int = key(42, "Seed of the weights, the shuffling and the dropout.", ge=0, lt=2**31)

    def without_regularization(self) -> "TrainingConfig":
        """The baseline's training: the same number of epochs at the most, and no early stopping."""
        return self.model_copy(update={"early_stopping": 0})


class EvaluationConfig(Settings):
    """What the candidate must show on the test split to be published."""

    min_auc: float = key(0.6, "The candidate's AUC must be at least this.", unit="AUC", ge=0, le=1)
    max_auc_drop: float = key(
        0.02, "The candidate's AUC may lie below the baseline's by at most this.", unit="AUC", ge=0, le=1
    )
    max_log_loss_rise: float = key(
        0.0, "The candidate's log loss may lie above the baseline's by at most this.", unit="nats", ge=0
    )


class ServingConfig(Settings):
    """Where a blessed model goes."""

    directory: str | None = key(None, "The folder TF Serving polls; none: `serving` under the root.")
