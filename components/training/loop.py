"""The training loop: many steps in one call into the graph, the same for one device and for many.

Keras's `model.fit` spends, on a table of 1,000 rows, most of its time between the epochs, and under MirroredStrategy
it takes one step per call only. Here an epoch is a loop inside the graph; see docs/benchmarks.md.
"""

import logging
import math
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from components.common.errors import TrainingDiverged
from components.config.training import TrainingConfig
from components.training.checkpoints import Checkpoints
from components.training.dataset import Dataset
from components.training.dropout import dropout_masks, training_forward_pass
from components.training.history import EpochMetrics, History
from components.training.network import kernels
from components.training.optimizers import PROXIMAL, make_optimizer
from components.training.sigint import defer_sigint
from components.training.state import BestWeights, TrainingState

# One call into the graph can't be interrupted: at some 1,000 steps a second, Ctrl-C waits a second or two.
STEPS_PER_CALL = 1_000
# A call is handed the rows of its steps: this bounds what they take.
CALL_BYTES = 64 * 2**20
SCORING_BATCH_SIZE = 65_536

progress = logging.getLogger("regpipe.progress")


def run_training_loop(
    model: keras.Model,
    train: Dataset,
    validation: Dataset,
    settings: TrainingConfig,
    run_dir: Path | str | None = None,
    checkpoints: Checkpoints | None = None,
) -> list[EpochMetrics]:
    """Fits the model to the binary cross-entropy plus the model's own penalties.

    The order of the rows in epoch e depends on (seed, e) only, and what dropout drops on (seed, step). Rows in memory
    are shuffled as a whole, those on the disk within a window (see `components.training.dataset`). With early
    stopping, training ends once the validation log loss (that is, without the penalties) has not been lower for
    `early_stopping` epochs, and the model has the weights of the best epoch.

    A training whose validation loss is infinite or NaN has run away, and ends there. With early stopping the model has
    the weights of the best epoch, if there was one. Without, the training has failed: it stands for the weights of its
    last epoch, and those of an earlier one would make of a baseline that ran away one that is easy to beat.

    Args:
        model: built in the scope of the strategy to train with, as this is to be called; changed in place.
        train: the training split.
        validation: scored after each epoch.
        settings: optimizer, epochs, batch size, learning rate, weight decay, early stopping, seed.
        run_dir: receives `history.json` and TensorBoard's logs; None: nothing is written, and no epoch is shown.
        checkpoints: where a training that was cut off left its state, and this one leaves its own: it goes on from
            there, and ends with the weights and the history it would have had. The caller clears them.

    Returns:
        For each epoch its number and, for training and, with `val_` before them, for validation: `loss` (penalties
        included), `log_loss` (without) and `accuracy`. Those of training are means over the epoch, while it trains.

    Raises:
        TrainingDiverged: the validation loss is not finite, and there is no best epoch to go back to.
        KeyboardInterrupt: between two calls into the graph.
    """
    _tell_of_windows(train, settings.batch_size, shown=run_dir is not None)
    loop = _EpochRunner(model, train.width, settings)
    validate = _Scorer(model, validation.width)
    best = BestWeights(model)
    state = TrainingState([*model.variables, *loop.optimizer.variables], best)
    with defer_sigint() as check_interrupt, History(run_dir, settings.epochs) as history:
        found = checkpoints.latest() if checkpoints else None
        if found:
            history.extend(state.restore(found))
            progress.info("goes on after epoch %d, where an earlier run was cut off", len(history.epochs))
        for number in range(len(history.epochs) + 1, settings.epochs + 1):
            if settings.early_stopping and number - 1 - best.epoch >= settings.early_stopping:
                break
            values = loop.run_epoch(number, train, check_interrupt)
            scores = validate(validation, check_interrupt)
            values |= {f"val_{name}": value for name, value in scores.items()}
            history.append({"epoch": number, **values})
            if not math.isfinite(values["val_loss"]):
                if not best.epoch:
                    raise TrainingDiverged(_diverged(model, settings, number, values["val_loss"]))
                if run_dir:
                    text = "the loss is %g; ends, and goes back to epoch %d"
                    progress.info(text, values["val_loss"], best.epoch)
                break
            if settings.early_stopping:
                best.update(number, values["val_log_loss"])
            if checkpoints and checkpoints.due():
                checkpoints.save(number, state.checkpoint(history.epochs))
    if settings.early_stopping:
        best.restore()
    return history.epochs


class _EpochRunner:
    """The optimizer, and the graph that runs many of its steps, on every replica of the strategy in scope.

    It is handed the rows and holds none: it and its graph hold each other, and outlive the training for a while.
    """

    def __init__(self, model: keras.Model, width: int, settings: TrainingConfig) -> None:
        self._model = model
        self._strategy = tf.distribute.get_strategy()
        self.optimizer = make_optimizer(settings, model)
        self._proximal = settings.optimizer == PROXIMAL
        self._batch = settings.batch_size
        self._seed = settings.seed
        # How many rows a call is handed: whole batches, but for the last call of a window.
        self._stride = self._batch * max(
            1, min(STEPS_PER_CALL, CALL_BYTES // (self._batch * (width + 1) * 4))
        )
        # AutoGraph would need a second to translate what here is written as a graph anyway.
        self._run_steps = tf.function(self._steps, input_signature=_specs(width), autograph=False)

    def run_epoch(self, number: int, train: Dataset, between: Callable[[], None]) -> dict[str, float]:
        """One pass over all rows, `between` after each call; the last batch may be smaller than the others."""
        sums = np.zeros(3)
        for index, window in enumerate(train.windows(self._batch, [self._seed, number])):
            # Shuffling row numbers costs a fraction of moving rows through a shuffle buffer.
            seed = tf.constant([self._seed, number + (index << 32)], tf.int64)
            order = tf.random.experimental.stateless_shuffle(tf.range(window.rows), seed).numpy()
            for start in range(0, window.rows, self._stride):
                rows = order[start : start + self._stride]
                sums += self._run_steps(window.features[rows], window.labels[rows]).numpy()
                between()
        loss, log_loss, correct = (float(total) / train.rows for total in sums)
        return {"loss": loss, "log_loss": log_loss, "accuracy": correct}

    def _steps(self, features: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """A step for each batch of these rows. Returns the sums over rows of loss, log loss and hits."""
        rows = tf.shape(features)[0]

        def step(start: tf.Tensor, sums: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            end = start + self._batch
            result = self._strategy.run(self._step, args=(features[start:end], labels[start:end]))
            return end, sums + self._strategy.reduce(tf.distribute.ReduceOp.SUM, result, axis=None)

        begin = tf.constant(0), tf.zeros([3], tf.float64)
        return tf.while_loop(lambda start, _: start < rows, step, begin)[1]

    def _step(self, features: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """One replica's share of a step: every n-th row of the global batch, and an n-th of the penalty.

        The optimizer adds the replicas' gradients up; so the step is that of the global batch, for any n and for a
        batch that does not divide by it.
        """
        replica = tf.distribute.get_replica_context()
        share = slice(replica.replica_id_in_sync_group, None, replica.num_replicas_in_sync)
        rows = tf.shape(features)[0]
        masks = dropout_masks(self._model, self._seed, self.optimizer.iterations, rows, share)
        size = tf.cast(rows, tf.float32)
        features, labels = features[share], labels[share]
        with tf.GradientTape() as tape:
            probability = training_forward_pass(self._model, features, masks)
            log_loss = tf.reduce_sum(keras.losses.binary_crossentropy(labels, probability)) / size
            l1, l2 = (penalty / replica.num_replicas_in_sync for penalty in _penalties(self._model))
            # The proximal step takes the place of the L1 penalty's gradient, not of the penalty.
            differentiated = log_loss + l2 if self._proximal else log_loss + l1 + l2
        weights = self._model.trainable_variables
        self.optimizer.apply(tape.gradient(differentiated, weights), weights)
        sums = tf.cast(tf.stack([(log_loss + l1 + l2) * size, log_loss * size]), tf.float64)
        return tf.concat([sums, [_hits(labels, probability)]], axis=0)


class _Scorer:
    """`loss`, `log_loss` and `accuracy` of the model as it is, without dropout, over all rows of a split."""

    def __init__(self, model: keras.Model, width: int) -> None:
        self._model = model
        self._sums = tf.function(self._sums_of, input_signature=_specs(width), autograph=False)

    def __call__(self, data: Dataset, between: Callable[[], None]) -> dict[str, float]:
        log_loss, hits, penalty = 0.0, 0.0, 0.0
        for part in data.batches(scoring_batch_size(data)):
            part_log_loss, part_hits, penalty = self._sums(*part).numpy()
            log_loss, hits = log_loss + part_log_loss, hits + part_hits
            between()
        log_loss /= data.rows
        return {
            "loss": float(log_loss + penalty),
            "log_loss": float(log_loss),
            "accuracy": float(hits / data.rows),
        }

    def _sums_of(self, features: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """The sums over these rows of log loss and hits, and the penalties."""
        probability = self._model(features, training=False)
        log_loss = tf.reduce_sum(tf.cast(keras.losses.binary_crossentropy(labels, probability), tf.float64))
        penalty = tf.cast(sum(_penalties(self._model)), tf.float64)
        return tf.stack([log_loss, _hits(labels, probability), penalty])


def scoring_batch_size(data: Dataset) -> int:
    """How many rows to score at a time."""
    return max(1, min(SCORING_BATCH_SIZE, CALL_BYTES // ((data.width + 1) * 4)))


def _specs(width: int) -> list[tf.TensorSpec]:
    """Of the features and the labels of any number of rows."""
    return [tf.TensorSpec([None, columns], tf.float32) for columns in (width, 1)]


def _tell_of_windows(train: Dataset, batch: int, *, shown: bool) -> None:
    windows = train.window_count(batch)
    if shown and windows > 1:
        text = "reads %s rows from disk in %d windows; rows are shuffled within a window"
        progress.info(text, f"{train.rows:,}", windows)


def _penalties(model: keras.Model) -> tuple[tf.Tensor, tf.Tensor]:
    """The L1 penalty and the L2 penalty: what `model.losses` adds up to, in two parts."""
    l1 = l2 = tf.zeros([])
    for kernel in kernels(model):
        if kernel.l1:
            l1 += kernel.l1 * tf.reduce_sum(tf.abs(kernel.weights))
        if kernel.l2:
            l2 += kernel.l2 * tf.reduce_sum(tf.square(kernel.weights))
    return l1, l2


def _diverged(model: keras.Model, settings: TrainingConfig, epoch: int, loss: float) -> str:
    used = {
        "model.l1": any(kernel.l1 for kernel in kernels(model)),
        "model.l2": any(kernel.l2 for kernel in kernels(model)),
        "training.weight_decay": settings.weight_decay,
    }
    penalties = ", ".join(name for name, value in used.items() if value)
    return (
        f"expected a finite validation loss, got {loss:g} after epoch {epoch} of {settings.epochs}; try a lower "
        f"training.learning_rate (now {settings.learning_rate:g}, with training.optimizer {settings.optimizer})"
        + (f" or weaker penalties ({penalties})." if penalties else ".")
    )


def _hits(labels: tf.Tensor, probability: tf.Tensor) -> tf.Tensor:
    """How many rows are on the right side of one half."""
    return tf.reduce_sum(tf.cast((probability > 0.5) == (labels > 0.5), tf.float64))
