"""The record of a study: the result of each training, written to study.json and shown in the report."""

import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, computed_field

from components.common.ingest_record import IngestRecord
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.tasks.task import Loss, Task

NO_REGULARIZATION = "none"  # the name of the unregularized variant
# JSON has no NaN: NaN is written as null, and null is read as NaN.
Number = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class StudyMetrics(_Frozen):
    """What the networks of a study are compared by.

    Attributes:
        loss: the name of the loss that the trainings minimize, such as `log_loss`.
        unit: its unit, after its name, such as "in nats".
        score: the name of the score of the task, such as `auc`.
        further: the name of the second metric of the loss, such as `accuracy`.
    """

    loss: str
    unit: str
    score: str
    further: str

    @classmethod
    def of(cls, task: Task, loss: Loss) -> "StudyMetrics":
        """Returns the metrics of trainings with this loss."""
        return cls(loss=loss.name, unit=loss.unit, score=task.score, further=loss.further_metric)


class SplitMetrics(_Frozen):
    """The scores of the trained network on all rows of a split, without dropout; see `StudyMetrics`.

    `loss` contains no penalties. Weights of the rows and of the classes, and the scale of a label that is a number, are
    those of the training.
    """

    loss: Number
    score: Number
    further: Number


class TrainingResult(_Frozen):
    """The result of one training.

    Attributes:
        zero: the fraction of the weights that is exactly 0. The weights do not include the biases.
        l1_norm: the sum of the absolute weights of all layers.
        l2_norm: the square root of the sum of the squared weights of all layers.
        features: the number of features.
        dropped: the features whose first-layer weights are all 0.
        seconds: the duration of the training.
        training_curve: the training loss of each epoch, without the penalties, a mean over the steps of the epoch.
        validation_curve: the validation loss after each epoch, likewise.
        failure: why the training diverged and has no scores; empty if it has scores.
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
        """The generalization gap: validation minus training loss."""
        return self.validation.loss - self.train.loss

    @property
    def epochs(self) -> int:
        """The number of epochs that were trained."""
        return len(self.validation_curve)

    @property
    def kept(self) -> int:
        """The number of features with a first-layer weight other than 0."""
        return self.features - len(self.dropped)


def diverged_result(features: int, message: str, seconds: float) -> TrainingResult:
    """Returns the result of a diverged training: every score is NaN."""
    nothing = SplitMetrics(loss=math.nan, score=math.nan, further=math.nan)
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


class StudyEntry(_Frozen):
    """A variant with its result; `strength` is its strength on a path."""

    name: str
    model: ModelConfig
    training: TrainingConfig
    strength: float | None = None
    result: TrainingResult

    @property
    def best_epoch(self) -> int | None:
        """With early stopping, the epoch whose weights were restored: the first with the lowest validation loss."""
        scored = [value for value in self.result.validation_curve if not math.isnan(value)]
        if not self.training.early_stopping or not scored:
            return None
        return self.result.validation_curve.index(min(scored)) + 1


class StudyRecord(_Frozen):
    """The results of a whole study.

    Attributes:
        id: the ID of the run that prepared the data.
        config: the whole configuration.
        ingest: the ingest record of the table.
        metrics: the names of what is measured.
        facts: the facts of that run in the metadata store, as in `components.report.run_artifacts.RunArtifacts`.
        notes: as in `components.study.variants.StudyPlan`.
        trained, known: the number of networks that were trained in this study, and in earlier ones. A network that is
            in the family and on a path counts once.
        settings: the values of `--set` that select the best network.
    """

    id: str
    config: dict[str, Any]
    ingest: IngestRecord
    metrics: StudyMetrics
    facts: dict[str, Any]
    notes: tuple[str, ...]
    trained: int
    known: int
    family: tuple[StudyEntry, ...]
    paths: dict[str, tuple[StudyEntry, ...]]
    settings: tuple[str, ...] = ()

    @property
    def entries(self) -> tuple[StudyEntry, ...]:
        """All entries: the family, then the paths."""
        return (*self.family, *(entry for path in self.paths.values() for entry in path))

    @property
    def none(self) -> StudyEntry:
        """The network without regularization."""
        return next(entry for entry in self.family if entry.name == NO_REGULARIZATION)

    @property
    def best(self) -> StudyEntry | None:
        """The first entry with the lowest validation loss; None if every training diverged."""
        scored = [entry for entry in self.entries if not math.isnan(entry.result.validation.loss)]
        return min(scored, key=lambda entry: entry.result.validation.loss, default=None)

    def to_json(self) -> str:
        """Returns the study as indented JSON, without the curves and without a newline at the end."""
        curves = {"result": {"training_curve", "validation_curve"}}
        return self.model_dump_json(
            indent=2,
            exclude={
                "family": {"__all__": curves},
                "paths": {name: {"__all__": curves} for name in self.paths},
            },
        )
