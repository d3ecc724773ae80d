"""What a study found, as it is kept and shown."""

import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, computed_field

from components.common.ingest_record import IngestRecord
from components.config.model import ModelConfig
from components.config.training import TrainingConfig

NONE = "none"
# JSON has no NaN: it is written as null, and read back.
Number = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True)


class SplitMetrics(_Plain):
    """The network as training left it, on all rows of a split, without dropout. `log_loss` has no penalties in it."""

    log_loss: Number
    auc: Number
    accuracy: Number


class TrainingResult(_Plain):
    """What one training came to.

    Attributes:
        zero: the share of the weights that is exactly 0; biases are no weights here.
        l1_norm: the sum of the absolute weights of all layers.
        l2_norm: the square root of the sum of their squares.
        features: how many there are.
        dropped: those of which no first-layer weight differs from 0.
        seconds: that the training took.
        training_curve: the log loss of each epoch, a mean over the epoch while the network trains.
        validation_curve: the log loss after each epoch.
        failure: why there are no scores, where the loss ran away; otherwise empty.
    """

    train: SplitMetrics
    validation: SplitMetrics
    zero: Number
    l1_norm: Number
    l2_norm: Number
    features: int
    dropped: tuple[str, ...]
    seconds: float
    training_curve: tuple[Number, ...]
    validation_curve: tuple[Number, ...]
    failure: str = ""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def gap(self) -> Number:
        """The generalization gap: validation minus training log loss, in nats."""
        return self.validation.log_loss - self.train.log_loss

    @property
    def epochs(self) -> int:
        """How many were trained."""
        return len(self.validation_curve)

    @property
    def kept(self) -> int:
        """How many features the network looks at."""
        return self.features - len(self.dropped)


def diverged_result(features: int, message: str, seconds: float) -> TrainingResult:
    """The result of a training without one: no score is a number."""
    nothing = SplitMetrics(log_loss=math.nan, auc=math.nan, accuracy=math.nan)
    return TrainingResult(
        train=nothing,
        validation=nothing,
        zero=math.nan,
        l1_norm=math.nan,
        l2_norm=math.nan,
        features=features,
        dropped=(),
        seconds=seconds,
        training_curve=(),
        validation_curve=(),
        failure=message,
    )


class StudyEntry(_Plain):
    """A variant with its result; `strength` is its place on a path."""

    name: str
    model: ModelConfig
    training: TrainingConfig
    strength: float | None = None
    result: TrainingResult

    @property
    def best_epoch(self) -> int | None:
        """With early stopping, the epoch whose weights were kept: the first with the lowest validation log loss."""
        scored = [value for value in self.result.validation_curve if not math.isnan(value)]
        if not self.training.early_stopping or not scored:
            return None
        return self.result.validation_curve.index(min(scored)) + 1


class StudyRecord(_Plain):
    """A whole study.

    Attributes:
        id: of the run that prepared the data.
        config: the whole configuration.
        ingest: what ExampleGen found in the table.
        facts: what the metadata store knows of that run, as in `report.sources.Evidence`.
        notes: see `variants.StudyPlan`.
        trained, known: how many networks were trained for this study, and how many before. Each counts once, though it
            may be of the family and on a path.
        settings: what to write behind `--set` for the best of them.
    """

    id: str
    config: dict[str, Any]
    ingest: IngestRecord
    facts: dict[str, Any]
    notes: tuple[str, ...]
    trained: int
    known: int
    family: tuple[StudyEntry, ...]
    paths: dict[str, tuple[StudyEntry, ...]]
    settings: tuple[str, ...] = ()

    @property
    def entries(self) -> tuple[StudyEntry, ...]:
        """The family, then the paths."""
        return (*self.family, *(entry for path in self.paths.values() for entry in path))

    @property
    def none(self) -> StudyEntry:
        """The network without regularization."""
        return next(entry for entry in self.family if entry.name == NONE)

    @property
    def best(self) -> StudyEntry | None:
        """The first entry with the lowest validation log loss; None where no loss is a number."""
        scored = [entry for entry in self.entries if not math.isnan(entry.result.validation.log_loss)]
        return min(scored, key=lambda entry: entry.result.validation.log_loss, default=None)

    def to_json(self) -> str:
        """The study as indented JSON without the curves, and without a newline at the end."""
        curves = {"result": {"training_curve", "validation_curve"}}
        return self.model_dump_json(
            indent=2,
            exclude={
                "family": {"__all__": curves},
                "paths": {name: {"__all__": curves} for name in self.paths},
            },
        )
