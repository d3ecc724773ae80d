"""The training loop: many optimizer steps in one call of a TensorFlow graph, for one device or several replicas.

On a table of 1,000 rows Keras's `model.fit` spends most of its time between the epochs, and under MirroredStrategy it
takes only one step per call. Here an epoch is a loop inside the graph; see docs/benchmarks.md.
"""

import logging
import math
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from components.common.errors import TrainingDiverged
from components.config.regularization import REGULARIZATIONS, Regularization
from components.config.training import TrainingConfig
from components.training.checkpoints import Checkpoints
from components.training.dataset import Dataset
from components.training.dropout import dropout_masks, training_forward_pass
from components.training.history import EpochMetrics, History
from components.training.network import kernels
from components.training.optimizers import PROXIMAL, make_optimizer
from components.training.sigint import defer_sigint
from components.training.state import BestWeights, TrainingState

# A call of the graph can't be interrupted: at about 1,000 steps a second, Ctrl-C takes effect after a second or two.
STEPS_PER_CALL = 1_000
# The rows of a call's steps are its arguments; this limits their size.
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
    """Trains the model to minimize the binary cross-entropy plus the model's penalties.

    The order of the rows in epoch e depends only on (seed, e), and the dropout masks only on (seed, step). A dataset in
    memory is shuffled as a whole, one on disk within each window (see `components.training.dataset`). With early
    stopping, training ends if the validation log loss (without the penalties) has not improved for `early_stopping`
    epochs, and the model gets the weights of the best epoch.

    If the validation loss is infinite or NaN, the training has diverged and ends. With early stopping, the model gets
    the weights of the best epoch, if there is one. Without early stopping the training fails, because its result is
    the weights of the last epoch: restoring earlier weights would turn a diverged baseline into one that is easy to
    beat.

    Args:
        model: built in the scope of the distribution strategy, in which this function is also called; trained in place.
        train: the training split.
        validation: the validation split, scored after each epoch.
        settings: optimizer, epochs, batch size, learning rate, weight decay, early stopping, seed.
        run_dir: the folder for `history.json` and TensorBoard's logs; None: nothing is written or shown.
        checkpoints: an interrupted training resumes from the latest one and ends with the same weights and history as
            without the interruption. The caller clears them.

    Returns:
        For each epoch its number (`epoch`), and `loss` (with penalties), `log_loss` (without penalties) and `accuracy`
        of the training split, and with the prefix `val_` of the validation split. Those of the training split are means
        over the steps of the epoch.

    Raises:
        TrainingDiverged: the validation loss is not finite, and there are no best weights to restore.
        KeyboardInterrupt: between two calls of the graph.
    """
    _show_windows(train, settings.batch_size, shown=run_dir is not None)
    runner = _EpochRunner(model, train.width, settings)
    score = _Scorer(model, validation.width)
    best = BestWeights(model)
    state = TrainingState([*model.variables, *runner.optimizer.variables], best)
    with defer_sigint() as check_interrupt, History(run_dir, settings.epochs) as history:
        found = checkpoints.latest() if checkpoints else None
        if found:
            history.extend(state.restore(found))
            progress.info("resumes after epoch %d, where an earlier run was interrupted", len(history.epochs))
        for number in range(len(history.epochs) + 1, settings.epochs + 1):
            if settings.early_stopping and number - 1 - best.epoch >= settings.early_stopping:
                break
            values = runner.run_epoch(number, train, check_interrupt)
            scores = score(validation, check_interrupt)
            values |= {f"val_{name}": value for name, value in scores.items()}
            history.append({"epoch": number, **values})
            if not math.isfinite(values["val_loss"]):
                if not best.epoch:
                    raise TrainingDiverged(_diverged(model, settings, number, values["val_loss"]))
                if run_dir:
                    text = "the validation loss is %g: training ends and restores the weights of epoch %d"
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
    """Runs epochs: the optimizer, and a graph that takes many steps on every replica of the current strategy.

    The rows are arguments of the graph, and no rows are stored here: this object and its graph refer to each other, so
    the garbage collector frees them only some time after the training.
    """

    def __init__(self, model: keras.Model, width: int, settings: TrainingConfig) -> None:
        self._model = model
        self._strategy = tf.distribute.get_strategy()
        self.optimizer = make_optimizer(settings, model)
        self._proximal = settings.optimizer == PROXIMAL
        self._batch = settings.batch_size
        self._seed = settings.seed
        # The number of rows of a call: whole batches, except in the last call of a window.
        self._stride = self._batch * max(
            1, min(STEPS_PER_CALL, CALL_BYTES // (self._batch * (width + 1) * 4))
        )
        # AutoGraph would take a second and is not needed: `_steps` uses only graph operations.
        self._run_steps = tf.function(self._steps, input_signature=_specs(width), autograph=False)

    def run_epoch(self, number: int, train: Dataset, after_call: Callable[[], None]) -> dict[str, float]:
        """Trains on all rows once and returns the epoch's metrics.

        The last batch may be smaller than the others. `after_call` is called after each call of the graph.
        """
        sums = np.zeros(3)
        for index, window in enumerate(train.windows(self._batch, [self._seed, number])):
            # Shuffling row numbers costs a fraction of moving rows through a shuffle buffer.
            seed = tf.constant([self._seed, number + (index << 32)], tf.int64)
            order = tf.random.experimental.stateless_shuffle(tf.range(window.rows), seed).numpy()
            for start in range(0, window.rows, self._stride):
                rows = order[start : start + self._stride]
                sums += self._run_steps(window.features[rows], window.labels[rows]).numpy()
                after_call()
        loss, log_loss, correct = (float(total) / train.rows for total in sums)
        return {"loss": loss, "log_loss": log_loss, "accuracy": correct}

    def _steps(self, features: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Takes a step for each batch of these rows; returns the sums over the rows of loss, log loss and hits."""
        rows = tf.shape(features)[0]

        def step(start: tf.Tensor, sums: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            end = start + self._batch
            result = self._strategy.run(self._step, args=(features[start:end], labels[start:end]))
            return end, sums + self._strategy.reduce(tf.distribute.ReduceOp.SUM, result, axis=None)

        begin = tf.constant(0), tf.zeros([3], tf.float64)
        return tf.while_loop(lambda start, _: start < rows, step, begin)[1]

    def _step(self, features: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Computes one of n replicas' part of a step: on every n-th row of the global batch, with 1/n of the penalties.

        The optimizer adds up the gradients of the replicas, so that the step is that of the global batch, for any n and
        also if the batch size is not a multiple of n.
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
            # The proximal step replaces the gradient of the L1 penalty; the reported loss contains the penalty.
            differentiated = log_loss + l2 if self._proximal else log_loss + l1 + l2
        weights = self._model.trainable_variables
        self.optimizer.apply(tape.gradient(differentiated, weights), weights)
        sums = tf.cast(tf.stack([(log_loss + l1 + l2) * size, log_loss * size]), tf.float64)
        return tf.concat([sums, [_hits(labels, probability)]], axis=0)


class _Scorer:
    """Computes `loss`, `log_loss` and `accuracy` of the model on all rows of a dataset, without dropout."""

    def __init__(self, model: keras.Model, width: int) -> None:
        self._model = model
        self._sums = tf.function(self._sums_of, input_signature=_specs(width), autograph=False)

    def __call__(self, data: Dataset, after_call: Callable[[], None]) -> dict[str, float]:
        log_loss, hits, penalty = 0.0, 0.0, 0.0
        for part in data.batches(scoring_batch_size(data)):
            part_log_loss, part_hits, penalty = self._sums(*part).numpy()
            log_loss, hits = log_loss + part_log_loss, hits + part_hits
            after_call()
        log_loss /= data.rows
        return {
            "loss": float(log_loss + penalty),
            "log_loss": float(log_loss),
            "accuracy": float(hits / data.rows),
        }

    def _sums_of(self, features: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Returns the sums of log loss and hits over these rows, and the sum of the penalties."""
        probability = self._model(features, training=False)
        log_loss = tf.reduce_sum(tf.cast(keras.losses.binary_crossentropy(labels, probability), tf.float64))
        penalty = tf.cast(sum(_penalties(self._model)), tf.float64)
        return tf.stack([log_loss, _hits(labels, probability), penalty])


def scoring_batch_size(data: Dataset) -> int:
    """Returns the number of rows to score in one call."""
    return max(1, min(SCORING_BATCH_SIZE, CALL_BYTES // ((data.width + 1) * 4)))


def _specs(width: int) -> list[tf.TensorSpec]:
    """Returns the signature of the features and the labels, for any number of rows."""
    return [tf.TensorSpec([None, columns], tf.float32) for columns in (width, 1)]


def _show_windows(train: Dataset, batch_size: int, *, shown: bool) -> None:
    windows = train.window_count(batch_size)
    if shown and windows > 1:
        text = "reads %s rows from disk in %d windows; rows are shuffled within a window"
        progress.info(text, f"{train.rows:,}", windows)


def _penalties(model: keras.Model) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the L1 penalty and the L2 penalty; their sum is the sum of `model.losses`."""
    l1 = l2 = tf.zeros([])
    for kernel in kernels(model):
        if kernel.l1:
            l1 += kernel.l1 * tf.reduce_sum(tf.abs(kernel.weights))
        if kernel.l2:
            l2 += kernel.l2 * tf.reduce_sum(tf.square(kernel.weights))
    return l1, l2


def _diverged(model: keras.Model, settings: TrainingConfig, epoch: int, loss: float) -> str:
    def in_use(item: Regularization) -> bool:
        owners = [settings] if item.group == "training" else kernels(model)
        return any(getattr(owner, item.name) for owner in owners)

    penalties = ", ".join(item.key for item in REGULARIZATIONS if item.shrinks_weights and in_use(item))
    return (
        f"expected a finite validation loss, got {loss:g} after epoch {epoch} of {settings.epochs}; try a lower "
        f"training.learning_rate (now {settings.learning_rate:g}, with training.optimizer {settings.optimizer})"
        + (f" or weaker penalties ({penalties})." if penalties else ".")
    )


def _hits(labels: tf.Tensor, probability: tf.Tensor) -> tf.Tensor:
    """Returns the number of rows that are classified correctly at a threshold of 0.5."""
    return tf.reduce_sum(tf.cast((probability > 0.5) == (labels > 0.5), tf.float64))
