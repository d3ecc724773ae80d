"""Typed, frozen settings of the steps: every key with its default, type, unit and a sentence.

The defaults are the recommended run. `pipeline_def.config` reads these models from YAML and prints them back;
each step is handed its own model, as JSON, among its execution properties.
"""

import itertools
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


# A number for all layers, or one for each.
Penalties = (
    Annotated[float, Field(ge=0)]
    | Annotated[tuple[Annotated[float, Field(strict=True, ge=0)], ...], Field(strict=False)]
)
DropoutRates = (
    Annotated[float, Field(ge=0, lt=1)]
    | Annotated[tuple[Annotated[float, Field(strict=True, ge=0, lt=1)], ...], Field(strict=False)]
)
_PER_KERNEL = "one per hidden layer, then the output layer"
_PER_HIDDEN = "one per hidden layer"


class ModelConfig(Settings):
    """The network and what holds it back. The baseline is the same network with nothing holding it back."""

    hidden_units: LayerSizes = key(
        (128, 64), "Units of each hidden Dense layer, in order; none: logistic regression.", unit="units"
    )
    l1: Penalties = key(
        1e-4,
        "Strength of the L1 penalty: l1 times the sum of absolute weights; biases have none.",
        unit="per weight",
        expects=f"a number >= 0, or a list of them ({_PER_KERNEL})",
    )
    l2: Penalties = key(
        1e-3,
        "Strength of the L2 penalty: l2 times the sum of squared weights; biases have none.",
        unit="per weight²",
        expects=f"a number >= 0, or a list of them ({_PER_KERNEL})",
    )
    dropout: DropoutRates = key(
        0.2,
        "Share of each hidden layer's outputs that is dropped at random while training.",
        unit="fraction",
        expects=f"a number >= 0 and < 1, or a list of them ({_PER_HIDDEN})",
    )

    @model_validator(mode="after")
    def _one_value_per_layer(self) -> "ModelConfig":
        hidden = len(self.hidden_units)
        for name, length, which in (
            ("l1", hidden + 1, _PER_KERNEL),
            ("l2", hidden + 1, _PER_KERNEL),
            ("dropout", hidden, _PER_HIDDEN),
        ):
            given = getattr(self, name)
            if isinstance(given, tuple) and len(given) != length:
                raise ValueError(
                    f"model.{name}: expected a list of length {length} ({which}), got {list(given)}"
                )
        return self

    def l1_by_layer(self) -> tuple[float, ...]:
        """The L1 strength of each hidden layer's kernel, then of the output layer's."""
        return _spread(self.l1, len(self.hidden_units) + 1)

    def l2_by_layer(self) -> tuple[float, ...]:
        """The L2 strength of each hidden layer's kernel, then of the output layer's."""
        return _spread(self.l2, len(self.hidden_units) + 1)

    def dropout_by_layer(self) -> tuple[float, ...]:
        """The dropout rate after each hidden layer."""
        return _spread(self.dropout, len(self.hidden_units))

    def without_regularization(self) -> "ModelConfig":
        """The baseline's network: derived from the candidate, never written a second time."""
        return self.model_copy(update={"l1": 0.0, "l2": 0.0, "dropout": 0.0})


def _spread(value: float | tuple[float, ...], layers: int) -> tuple[float, ...]:
    return value if isinstance(value, tuple) else (value,) * layers


class TrainingConfig(Settings):
    """How the network is fitted."""

    epochs: int = key(100, "The most passes over the training split.", unit="epochs", ge=1)
    batch_size: int = key(
        32, "Rows in one step of the optimizer: the global batch, shared among all GPUs.", unit="rows", ge=1
    )
    optimizer: Literal["adam", "adamw", "sgd", "proximal_adam"] = key(
        "adam",
        "'adam'; 'adamw': Adam with training.weight_decay; 'sgd': plain gradient descent; 'proximal_adam': Adam "
        "with a proximal step for model.l1, which makes weights exactly 0.",
    )
    # Goyal et al. (2017, arXiv:1706.02677) multiply the step size by k when k GPUs make the batch k times as large.
    # Here batch_size is the global batch: more GPUs share the same batch and take the same steps, so there is
    # nothing to scale. Whoever raises batch_size for more GPUs can apply their rule by hand.
    learning_rate: float = key(
        1e-3,
        "The optimizer's step size. It needs no change for more GPUs, because training.batch_size is the global "
        "batch; who multiplies that by k may try k times the step size.",
        unit="per step",
        gt=0,
    )
    weight_decay: float = key(
        0.0,
        "Decoupled weight decay (not with 'adam'): each step first takes learning_rate * weight_decay of each "
        "weight away; biases have none.",
        unit="fraction of a weight",
        ge=0,
    )
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

    @model_validator(mode="after")
    def _adam_has_no_decay(self) -> "TrainingConfig":
        if self.optimizer == "adam" and self.weight_decay:
            raise ValueError(
                "training.weight_decay: expected 0 with training.optimizer adam (adamw and sgd have weight "
                f"decay), got {self.weight_decay}"
            )
        return self

    def without_regularization(self) -> "TrainingConfig":
        """The baseline's training: the same optimizer and epochs, no weight decay and no early stopping."""
        return self.model_copy(update={"early_stopping": 0, "weight_decay": 0.0})


def _rising(edges: tuple[float, ...]) -> tuple[float, ...]:
    for low, high in itertools.pairwise(edges):
        if not low < high:
            raise ValueError(f"expected edges that rise, got {high:g} after {low:g}")
    return edges


class SliceConfig(Settings):
    """Ranges of one feature, each with its own metrics: up to the first edge, above it up to the second, ..."""

    feature: str = Field(min_length=1)
    edges: Annotated[tuple[float, ...], Field(strict=False, min_length=1), AfterValidator(_rising)]


class EvaluationConfig(Settings):
    """What the candidate must show on the test split to be published."""

    min_auc: float = key(0.6, "The candidate's AUC must be at least this.", unit="AUC", ge=0, le=1)
    max_auc_drop: float = key(
        0.02, "The candidate's AUC may lie below the baseline's by at most this.", unit="AUC", ge=0, le=1
    )
    max_log_loss_rise: float = key(
        0.0, "The candidate's log loss may lie above the baseline's by at most this.", unit="nats", ge=0
    )
    max_gap: float | None = key(
        None,
        "The candidate's log loss on the test split may lie above that on the training split by at most this; "
        "null: by any amount.",
        unit="nats",
        expects="null or a number >= 0",
        ge=0,
    )
    mode: Literal["point", "confidence"] = key(
        "point",
        "What is held against the thresholds. 'point': the value itself; 'confidence': the end of its interval "
        "on the bad side.",
    )
    confidence: float = key(
        0.95, "The share of such intervals that hold the true value.", unit="fraction", gt=0, lt=1
    )
    resamples: int = key(
        1_000, "Samples that the bootstrap draws for the intervals.", unit="resamples", ge=100
    )
    seed: int = key(1, "Seed of the bootstrap.", ge=0, lt=2**31)
    min_rows: int = key(
        50, "On fewer rows of the test split, or of a slice, nothing is decided.", unit="rows", ge=2
    )
    slices: tuple[SliceConfig, ...] = key(
        (),
        "Parts of the test split to look at alone: ranges of a feature, each with its upper edge, and its "
        "missing values.",
        expects="a list of {feature: NAME, edges: [NUMBER, ...]} with edges that rise",
        strict=False,
    )
    slice_thresholds: bool = key(
        False, "Whether each slice of at least evaluation.min_rows rows must pass the thresholds, too."
    )


class ServingConfig(Settings):
    """Where a blessed model goes."""

    directory: str | None = key(None, "The folder TF Serving polls; none: `serving` under the root.")
