"""The steps of an epoch, and the scores after it, as TensorFlow graphs: for a network or for a stack of networks.

On a table of 1,000 rows Keras's `model.fit` spends most of its time between the epochs, and under MirroredStrategy it
takes only one step per call. Here an epoch is a loop inside the graph; see docs/benchmarks.md.

The metrics of a network are numbers (shape []), those of a stack have one for each network (shape [networks]).
"""

import math
from collections.abc import Callable, Sequence

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.config.training import TrainingConfig
from components.tasks.binary import LOG_LOSS
from components.tasks.task import Loss
from components.training.dataset import Dataset
from components.training.dropout import DropoutMasks, training_forward_pass
from components.training.group_lasso import norm_sum
from components.training.network import kernels
from components.training.optimizers import make_optimizer

# A call of the graph can't be interrupted: at about 1,000 steps a second, Ctrl-C takes effect after a second or two.
STEPS_PER_CALL = 1_000
# The rows of a call's steps are its arguments; this limits their size.
CALL_BYTES = 64 * 2**20
# XLA compiles a training with many small steps: without it, most of their time goes into starting operations. This
# takes a second or two. It is not faster for larger products (rows of a batch times weights); see docs/benchmarks.md.
XLA_STEPS = 5_000
XLA_PRODUCTS = 8 * 2**20
SCORING_BATCH_SIZE = 65_536

# The last two axes: [rows, 1] of the second metric, [inputs, units] of a kernel. The first axis of a stack remains.
_ROWS = (-2, -1)

Metrics = dict[str, npt.NDArray[np.float64]]


class EpochRunner:
    """Runs epochs: the optimizer, and a graph that takes many steps on every replica of the current strategy.

    The objective is the weighted mean of the loss over the training split, plus the penalties. With w the weights,
    divided by their mean over the split, a step uses sum(w_i * loss_i) / B over the B rows of its batch. The expected
    value of this over random batches is the objective. Dividing by the sum of the batch's own weights instead would be
    biased: a row with a large weight would count less, because it is in the denominator too.

    The rows are arguments of the graph, and no rows are stored here: this object and its graph refer to each other, so
    the garbage collector frees them only some time after the training.

    Args:
        model: a network, or a stack of networks.
        train: the rows to train on; here only their number of columns, and whether they have weights, are read.
        settings: optimizer, batch size, learning rate, weight decay and seed.
        seeds: for a stack, the seed of each network: each then has its own order of the rows and its own dropout masks.
            Empty: all have the seed of the settings.

    Attributes:
        optimizer: the optimizer.
        is_compiled: whether XLA compiles the steps. The result is the same to float32 rounding.
    """

    def __init__(
        self, model: keras.Model, train: Dataset, settings: TrainingConfig, seeds: Sequence[int] = ()
    ) -> None:
        self._seeds = tuple(seeds) or (settings.seed,)
        # With several seeds, the arrays of rows have one more axis in front: [seeds, rows, columns].
        specs = row_specs(train, *([len(self._seeds)] if len(self._seeds) > 1 else []))
        self._model = model
        self._strategy = tf.distribute.get_strategy()
        self.optimizer = make_optimizer(settings, model)
        self._loss = settings.objective
        self._proximal = settings.is_proximal
        self._batch = min(settings.batch_size, train.rows)
        self._masks = DropoutMasks(model, self._seeds, self._batch)
        # All calls have the same number of rows, of which the last ones may be unused.
        steps = math.ceil(train.rows / self._batch)
        limit = CALL_BYTES // (self._batch * _row_bytes(specs) * len(self._seeds))
        calls = math.ceil(steps / max(1, min(STEPS_PER_CALL, limit)))
        self._stride = self._batch * math.ceil(steps / calls)
        # XLA can't compile the steps of several devices. For a GPU it needs CUDA's files, and was never tried here.
        self.is_compiled = (
            not tf.distribute.has_strategy()
            and not tf.config.list_physical_devices("GPU")
            and settings.epochs * steps >= XLA_STEPS
            and self._batch * model.count_params() <= XLA_PRODUCTS
        )
        # AutoGraph would take a second and is not needed: `_steps` uses only graph operations.
        self._run_steps = tf.function(self._steps, autograph=False, jit_compile=self.is_compiled)

    def run_epoch(self, number: int, train: Dataset, after_call: Callable[[], None]) -> Metrics:
        """Trains on all rows once and returns the epoch's metrics.

        The last batch may be smaller than the others. `after_call` is called after each call of the graph. Rows on disk
        are read in the windows of the first seed.
        """
        sums = np.zeros([3, *self._model.output_shape[:-2]])
        scale = np.float32(train.rows / train.total_weight)  # the mean weight becomes 1
        for index, window in enumerate(train.windows(self._batch, [self._seeds[0], number])):
            # Shuffling row numbers costs a fraction of moving rows through a shuffle buffer.
            orders = [
                tf.random.experimental.stateless_shuffle(
                    tf.range(window.rows), tf.constant([seed, number + (index << 32)], tf.int64)
                ).numpy()
                for seed in self._seeds
            ]
            order = np.stack(orders) if len(orders) > 1 else orders[0]
            for start in range(0, window.rows, self._stride):
                part = window.select(order[..., start : start + self._stride])
                if part.weights is not None:
                    part.weights[:] *= scale
                arrays = [_padded(array, self._stride) for array in part.arrays]
                rows = tf.constant(min(self._stride, window.rows - start))
                sums += self._run_steps(rows, *arrays).numpy()
                after_call()
        penalized, loss, further = sums / train.rows
        return {"loss": penalized, self._loss.name: loss, self._loss.further_metric: further}

    def _steps(
        self, rows: tf.Tensor, features: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Takes a step for each batch of these rows; returns weighted sums: penalized loss, loss, second metric.

        The weights have a mean of 1 over the training split; None: each is 1. The rows after the first `rows` are not
        used: the arrays of all calls have the same shape. The shape of the sums is [3], for a stack [3, networks].
        """

        def batch_of(array: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
            leading = array.shape[:-2].as_list()
            return tf.slice(
                array, [*(0 for _ in leading), start, 0], [*leading, self._batch, array.shape[-1]]
            )

        def step(start: tf.Tensor, sums: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            is_row = tf.cast(tf.range(self._batch)[:, None] < rows - start, tf.float32)
            batch = (
                batch_of(features, start),
                batch_of(labels, start),
                is_row if weights is None else is_row * batch_of(weights, start),
                tf.reduce_sum(is_row),
                self._masks(tf.convert_to_tensor(self.optimizer.iterations)),
            )
            result = self._strategy.run(self._step, args=batch)
            total = self._strategy.reduce(tf.distribute.ReduceOp.SUM, result, axis=None)
            return start + self._batch, sums + total

        begin = tf.constant(0), tf.zeros([3, *self._model.output_shape[:-2]], tf.float64)
        return tf.while_loop(lambda start, _: start < rows, step, begin)[1]

    def _step(
        self,
        features: tf.Tensor,
        labels: tf.Tensor,
        weights: tf.Tensor,
        size: tf.Tensor,
        masks: list[tf.Tensor],
    ) -> tf.Tensor:
        """Computes one of n replicas' part of a step: on every n-th row of the global batch, with 1/n of the penalties.

        The optimizer adds up the gradients of the replicas, so that the step is that of the global batch, for any n and
        also if the batch size is not a multiple of n. The weight of an unused row is 0; `size` counts the other rows.
        """
        replica = tf.distribute.get_replica_context()
        share = slice(replica.replica_id_in_sync_group, None, replica.num_replicas_in_sync)
        features, labels, weights, *masks = (
            array[..., share, :] for array in (features, labels, weights, *masks)
        )
        with tf.GradientTape() as tape:
            outputs = training_forward_pass(self._model, features, masks)
            loss = _loss_sum(self._loss, labels, outputs, weights) / size
            l1, l2 = (penalty / replica.num_replicas_in_sync for penalty in _penalties(self._model))
            # Networks of a stack share no weights, so the gradient of the sum of their losses is that of each loss.
            # The proximal step replaces the gradient of L1 and group lasso; the reported loss contains the penalties.
            differentiated = loss + l2 if self._proximal else loss + l1 + l2
        variables = self._model.trainable_variables
        self.optimizer.apply(tape.gradient(differentiated, variables), variables)
        sums = (loss + l1 + l2) * size, loss * size
        further = _further_sum(self._loss, labels, outputs, weights)
        return tf.stack([*(tf.cast(total, tf.float64) for total in sums), further])


class Scorer:
    """Computes the metrics of the model on all rows of a dataset, without dropout: `loss` and those of the loss.

    `loss` contains the penalties, the others do not: they are weighted means over the rows.

    Args:
        model: a network, or a stack of networks.
        data: the rows to score; here only their number of columns, and whether they have weights, are read.
        loss: the loss that is minimized.
    """

    def __init__(self, model: keras.Model, data: Dataset, loss: Loss = LOG_LOSS) -> None:
        self._model = model
        self._loss = loss
        self._sums = tf.function(self._sums_of, input_signature=row_specs(data), autograph=False)

    def __call__(self, data: Dataset, after_call: Callable[[], None]) -> Metrics:
        """Returns the metrics; `after_call` is called after each call of the graph."""
        loss = further = penalty = np.zeros(self._model.output_shape[:-2])
        for part in data.batches(scoring_batch_size(data)):
            part_loss, part_further, penalty = self._sums(*part.arrays).numpy()
            loss, further = loss + part_loss, further + part_further
            after_call()
        loss = loss / data.total_weight
        return {
            "loss": loss + penalty,
            self._loss.name: loss,
            self._loss.further_metric: further / data.total_weight,
        }

    def _sums_of(self, features: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor | None = None) -> tf.Tensor:
        """Returns the weighted sums of loss and second metric over these rows, and the sum of the penalties."""
        outputs = self._model(features, training=False)
        loss = tf.cast(_loss_sum(self._loss, labels, outputs, weights), tf.float64)
        penalty = tf.cast(sum(_penalties(self._model)), tf.float64) + tf.zeros_like(loss)
        return tf.stack([loss, _further_sum(self._loss, labels, outputs, weights), penalty])


def scoring_batch_size(data: Dataset) -> int:
    """Returns the number of rows to score in one call."""
    return max(1, min(SCORING_BATCH_SIZE, CALL_BYTES // _row_bytes(row_specs(data))))


def row_specs(data: Dataset, *leading: int) -> list[tf.TensorSpec]:
    """Returns the signature of `InMemoryDataset.arrays`, for any number of rows, after these `leading` axes."""
    columns = (data.width, 1, 1) if data.weighted else (data.width, 1)
    return [tf.TensorSpec([*leading, None, count], tf.float32) for count in columns]


def _padded(array: npt.NDArray[np.float32], rows: int) -> npt.NDArray[np.float32]:
    """Returns the array with this number of rows; those that are added are 0."""
    missing = rows - array.shape[-2]
    return np.pad(array, [*((0, 0) for _ in array.shape[:-2]), (0, missing), (0, 0)]) if missing else array


def _row_bytes(specs: list[tf.TensorSpec]) -> int:
    return sum(4 * int(spec.shape[-1]) for spec in specs)


def _loss_sum(loss: Loss, labels: tf.Tensor, outputs: tf.Tensor, weights: tf.Tensor | None) -> tf.Tensor:
    losses = loss.of_rows(labels, outputs)
    return tf.reduce_sum(losses if weights is None else losses * weights[..., 0], axis=-1)


def _penalties(model: keras.Model) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the penalties with a proximal step, L1 and the group lasso, and the L2 penalty.

    The sum of both is that of `model.losses` of a Keras model.
    """
    l1 = l2 = tf.zeros([])
    for kernel in kernels(model):
        if np.any(kernel.l1):
            l1 += kernel.l1 * tf.reduce_sum(tf.abs(kernel.weights), axis=_ROWS)
        if np.any(kernel.group_l1):
            l1 += kernel.group_l1 * norm_sum(kernel.weights, kernel.groups)
        if np.any(kernel.l2):
            l2 += kernel.l2 * tf.reduce_sum(tf.square(kernel.weights), axis=_ROWS)
    return l1, l2


def _further_sum(loss: Loss, labels: tf.Tensor, outputs: tf.Tensor, weights: tf.Tensor | None) -> tf.Tensor:
    values = loss.further_of_rows(labels, outputs)
    return tf.reduce_sum(values if weights is None else values * tf.cast(weights, tf.float64), axis=_ROWS)
