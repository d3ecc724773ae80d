"""The description of a task. All that depends on the task is read from here; a further task is one more file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if (
    TYPE_CHECKING
):  # The configuration reads the descriptions, and `regpipe --help` must not take the time of NumPy.
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class TaskMetric:
    """A metric of a model on a split.

    Attributes:
        name: the key in the records, such as `log_loss`.
        label: the name in sentences and tables.
        lower_is_better: whether a lower value is better.
        unit: the unit of the value; empty: it has none.
        range: the lowest and the highest possible value.
        has_interval: whether its confidence intervals are computed.
        limit: the key under `evaluation` that limits the candidate's value; None: there is none.
        tolerance: the key under `evaluation` that limits by how much the candidate may be worse than another model;
            None: it is not compared.
    """

    name: str
    label: str
    lower_is_better: bool = False
    unit: str = ""
    range: tuple[float, float] = (0.0, 1.0)
    has_interval: bool = True
    limit: str | None = None
    tolerance: str | None = None

    @property
    def thresholds(self) -> tuple[str, ...]:
        """The keys under `evaluation` that limit it."""
        return tuple(key for key in (self.limit, self.tolerance) if key)

    @property
    def in_unit(self) -> str:
        """Returns " in nats", for a sentence; empty without a unit."""
        return f" in {self.unit}" if self.unit else ""


@dataclass(frozen=True, kw_only=True)
class Output:
    """The output of the networks.

    Attributes:
        name: the name of the output layer, of the output of the signatures, and of the column that `regpipe predict`
            adds.
        activation: the activation of the output layer, as of keras.layers.Dense.
        range: the smallest and the largest value that is possible; None: any finite number.
        is_scaled: whether the networks are trained on scaled labels, see `components.tasks.regression`.
        per_class: whether there is one output for each class; otherwise there is one.
    """

    name: str
    activation: str
    range: tuple[float, float] | None
    is_scaled: bool = False
    per_class: bool = False

    def width(self, classes: Sequence[str]) -> int:
        """Returns the number of outputs; `classes` are the names of the classes."""
        return len(classes) if self.per_class else 1


class AtMargins(NamedTuple):
    """A loss at the margins of some rows: the outputs before the activation.

    Attributes:
        losses: the loss of each row; [rows].
        slopes: its derivative with respect to the margin; [rows].
        curvatures: its second derivative, or an upper bound of it; [rows].
        further: the second metric of each row; [rows].
    """

    losses: "Floats"
    slopes: "Floats"
    curvatures: "Floats"
    further: "Floats"


@dataclass(frozen=True, kw_only=True)
class Loss:
    """The loss that a training minimizes, without the penalties.

    TensorFlow is imported inside the functions, because steps that do not train read the descriptions too.

    Attributes:
        name: the key in the history of a training.
        label: the name in sentences and on axes.
        output: the output of the networks that are trained with it.
        of_rows: returns the loss of each row, [..., rows], for labels [..., rows, 1] and outputs [..., rows, outputs].
        unit: the unit of the loss, after its label on an axis.
        further_metric: the key of the second metric in the history of a training.
        further_unit: what the second metric is, on an axis.
        further_of_rows: returns the second metric of each row, float64 [..., rows, 1], for the same arguments.
        at_margins: the same functions in NumPy, of labels and margins, [rows] each: for the exact minimum of a network
            without a hidden layer. None: it is not computed, and such a network is trained as others are.
    """

    name: str
    label: str
    output: Output
    of_rows: Callable[[Any, Any], Any]
    unit: str
    further_metric: str
    further_unit: str
    further_of_rows: Callable[[Any, Any], Any]
    at_margins: "Callable[[Floats, Floats], AtMargins] | None"


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task.

    Attributes:
        name: the value in the ingest record and in the model card.
        losses: the losses that a training can minimize; the first one is the default.
        metrics: the metrics in the verdict, in the order in which they are shown.
        loss: the name of the metric that gates, contributions and gaps compare.
        score: the name of the metric that is shown beside the loss where there is room for two.
        label_is_class: whether the label in the examples is the number of a class; otherwise it is any number.
        has_positive: whether one of two classes counts as positive.
        no_features: the name of a model that knows no features, and predicts the mean of the label in the training
            split for each row, or the share of each class.
        no_features_means: what that is, in words.
        no_features_metrics: the names of its metrics that the terminal shows.
        plots: what the report draws of the predictions, by the names of the fields of `ModelCurves`.
        signature: the signature for TF Serving's API beside `serving_default` and `serving_examples`.
        predicts: what the model card says of the output; `{label}` and `{positive}` stand for the name of the label and
            its value that counts as 1.
        linear_model: the name of the network without a hidden layer.
        keys: the configuration keys that other tasks do not have.
    """

    name: str
    losses: tuple[Loss, ...]
    metrics: tuple[TaskMetric, ...]
    loss: str
    score: str
    label_is_class: bool
    has_positive: bool
    no_features: str
    no_features_means: str
    no_features_metrics: tuple[str, ...]
    plots: tuple[str, ...]
    signature: str
    predicts: str
    linear_model: str
    keys: frozenset[str]

    @property
    def own_keys(self) -> frozenset[str]:
        """The keys of the configuration that this task has and other tasks may not have."""
        return self.keys | {f"evaluation.{key}" for metric in self.metrics for key in metric.thresholds}

    @property
    def interval_metrics(self) -> tuple[str, ...]:
        """The names of the metrics whose confidence intervals are computed."""
        return tuple(metric.name for metric in self.metrics if metric.has_interval)

    @property
    def output(self) -> Output:
        """The output of the networks, which is the same for all losses."""
        return self.losses[0].output
