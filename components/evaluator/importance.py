"""Measures how much the candidate's predictions depend on each feature: its permutation importance."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.common.importance_record import FeatureImportance, ImportanceRecord
from components.common.verdict_record import CANDIDATE
from components.config.evaluation import EvaluationConfig
from components.evaluator.bootstrap import draw_resample, percentiles
from components.evaluator.metric_functions import ROW_LOSSES
from components.evaluator.metrics import Array, Floats, dot
from components.evaluator.paired_scores import Groups, PairedScores, numbered
from components.evaluator.scored_models import ScoredModel
from components.evaluator.scoring import ScoredColumns, shaped
from components.saved_model.input_names import input_names
from components.tasks.binary import BINARY
from components.tasks.task import Task

MAX_ROWS = 20_000
_PERMUTATIONS = 5
_SEED = 20_260_102
# The number of values that the model reads in all: permuted features * permutations * rows * features. A table with
# more is measured on fewer rows, down to _MIN_ROWS, and then on fewer features.
_MAX_VALUES = 250_000_000
_MIN_ROWS = 500
Columns = Mapping[str, Array]


class FeatureModel(Protocol):
    """A model that reads features by name."""

    def predict_columns(self, columns: Columns) -> Array:
        """Returns the predictions, float32 [rows] or [rows, classes], of columns of raw features, float32 [rows]."""
        ...


class LabeledRows(NamedTuple):
    """Rows of the test split.

    Attributes:
        columns: the raw features by name, [rows]: float32, NaN is missing; or bytes, of categorical features.
        labels: the number of a class; with a regression, any number; float32 [rows].
        weights: how many rows each row counts for, float32 [rows]; None: each counts for one.
        sampled_from: the number of rows in the split, if these are a sample of it.
        groups: see `PairedScores`.
        task: what the models predict.
    """

    columns: Columns
    labels: Array
    weights: Array | None = None
    sampled_from: int | None = None
    groups: Groups | None = None
    task: Task = BINARY

    def select(self, rows: npt.NDArray[np.intp]) -> "LabeledRows":
        """Returns some of the rows, by their numbers."""
        return LabeledRows(
            {name: column[rows] for name, column in self.columns.items()},
            self.labels[rows],
            None if self.weights is None else self.weights[rows],
            self.sampled_from or self.labels.size,
            None if self.groups is None else numbered(self.groups[rows]),
            self.task,
        )


class ExportedModel:
    """Reads features by name with an exported model, through the signature that serves them.

    Args:
        model: the exported model, with its weights.
        columns: rows of its features.
        task: what it predicts.
    """

    def __init__(self, model: ScoredModel, columns: Columns, task: Task = BINARY) -> None:
        self._model, self._task = model, task
        features = list(columns)
        self._inputs = dict(zip(features, input_names(features), strict=True))
        self._numeric = [name for name, column in columns.items() if column.dtype == np.float32]

    def predict_columns(self, columns: Columns) -> Array:
        """See `FeatureModel`."""
        inputs = {self._inputs[name]: tf.constant(column) for name, column in columns.items()}
        return shaped(self._model.predict_inputs(inputs), self._task)

    def most_weighted(self, names: Sequence[str], number: int) -> list[str]:
        """Returns the features with the largest L2 norms of their weights in the first layer, of those in `names`.

        The first inputs of the network are the numeric features, in the order of their names. Categorical features have
        several inputs each, and come first here.
        """
        order = {name: place for place, name in enumerate(sorted(self._numeric))}
        first = next(np.asarray(kernel) for kernel in self._model.module.weights if len(kernel.shape) == 2)
        norms = np.linalg.norm(first.astype(np.float64), axis=1)
        known = {name: float(norms[place]) for name, place in order.items()}
        return sorted(names, key=lambda name: (-known.get(name, np.inf), name))[:number]


def read_rows(
    examples: Sequence[bytes],
    rows: int,
    features: Sequence[str],
    columns: ScoredColumns,
    categorical: Collection[str] = (),
) -> LabeledRows:
    """Returns the rows in serialized tf.Examples.

    Args:
        examples: all rows of the test split, or a uniform sample of them.
        rows: the number of rows in the split.
        features: the names of the features.
        columns: the columns with label and weight.
        categorical: the features that are categorical.
    """
    weight, task = columns.weight, columns.task
    names = (*features, *([weight] if weight else []))
    spec = {
        name: tf.io.FixedLenFeature([1], tf.string, [""])
        if name in categorical
        else tf.io.FixedLenFeature([1], tf.float32, [float("nan")])
        for name in names
    }
    parsed = tf.io.parse_example(tf.constant(list(examples), tf.string), spec | columns.label_spec())
    flat = {
        name: np.asarray(values, None if name in categorical else np.float32).reshape(-1)
        for name, values in parsed.items()
    }
    return LabeledRows(
        {name: flat[name] for name in features},
        flat[columns.label],
        flat[weight] if weight else None,
        rows if rows > len(examples) else None,
        task=task,
    )


def candidate_importance(
    model: ScoredModel, rows: LabeledRows, settings: EvaluationConfig
) -> ImportanceRecord | None:
    """Returns the permutation importance of the features of an exported model.

    None without rows, or if the model has no signature that reads features by name.
    """
    if not rows.labels.size or not model.reads_inputs:
        return None
    exported = ExportedModel(model, rows.columns, rows.task)
    used, number = _affordable(rows.labels.size, len(rows.columns))
    if used < rows.labels.size:
        chosen = np.random.default_rng(_SEED).choice(rows.labels.size, used, replace=False)
        rows = rows.select(np.sort(chosen))
    names = list(rows.columns)
    if number < len(names):
        names = exported.most_weighted(names, number)
    return permutation_importance(exported, rows, names, settings)


def _affordable(rows: int, features: int) -> tuple[int, int]:
    """Returns how many rows are used and how many features are permuted, so that the time is limited."""
    used = min(rows, max(_MIN_ROWS, _MAX_VALUES // (_PERMUTATIONS * features**2)))
    return used, min(features, max(1, _MAX_VALUES // (_PERMUTATIONS * used * features)))


def permutation_importance(
    model: FeatureModel,
    rows: LabeledRows,
    names: Sequence[str],
    settings: EvaluationConfig,
    permutations: int = _PERMUTATIONS,
) -> ImportanceRecord:
    """Measures by how much the loss rises if the values of a feature are permuted between the rows.

    Breiman, Random Forests, Machine Learning 2001, section 10; Fisher, Rudin and Dominici, All Models are Wrong, but
    Many are Useful, JMLR 2019. Raw values are permuted, so that a missing value takes its missing indicator with it.
    The intervals are percentiles of the paired bootstrap over the rows or groups: a row's rise is the mean over its
    permuted values. The permutations are fixed by a seed.

    Args:
        model: the model.
        rows: at least one row.
        names: the features to permute.
        settings: resamples, confidence and seed of the bootstrap.
        permutations: how often each feature is permuted.
    """
    generator = np.random.default_rng(_SEED)
    size = rows.labels.size
    orders = [generator.permutation(size) for _ in range(permutations)]
    predicted = model.predict_columns(rows.columns)
    loss = ROW_LOSSES[rows.task.loss]
    losses = loss.of_rows(rows.labels, predicted)
    repeated = {name: np.tile(column, permutations) for name, column in rows.columns.items()}
    labels = np.tile(rows.labels, permutations)
    rises = np.empty((len(names), size))
    for number, name in enumerate(names):
        column = rows.columns[name]
        permuted = {**repeated, name: np.concatenate([column[order] for order in orders])}
        found = loss.of_rows(labels, model.predict_columns(permuted))
        rises[number] = (found.reshape(permutations, size) - losses).mean(axis=0)
    scores = PairedScores(rows.labels, {CANDIDATE: predicted}, weights=rows.weights, groups=rows.groups)

    def risen(weights: Floats) -> Floats:
        total = weights.sum()
        return loss.rise(dot(losses, weights) / total, dot(rises, weights) / total)

    values = risen(scores.row_weights())
    generator = np.random.default_rng(settings.seed)
    drawn = np.array([risen(draw_resample(scores, generator)) for _ in range(settings.resamples)])
    features = [
        FeatureImportance(
            feature=name, value=float(value), interval=percentiles(resampled, settings.confidence)
        )
        for name, value, resampled in zip(names, values, drawn.T, strict=True)
    ]
    return ImportanceRecord(
        loss=rows.task.loss,
        rows=size,
        sampled_from=rows.sampled_from,
        permutations=permutations,
        confidence=settings.confidence,
        groups=None if rows.groups is None else int(rows.groups.max()) + 1,
        features=tuple(
            sorted(features, key=lambda item: (item.value is None, -(item.value or 0.0), item.feature))
        ),
        left_out=len(rows.columns) - len(names),
    )
