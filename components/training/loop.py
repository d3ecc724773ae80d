"""The training loop of one network: epochs, early stopping, checkpoints and history."""

import logging
import math
from pathlib import Path

import keras

from components.common.errors import TrainingDiverged
from components.config.regularization import REGULARIZATIONS, Regularization
from components.config.training import TrainingConfig
from components.training.checkpoints import Checkpoints
from components.training.dataset import Dataset
from components.training.epoch_runner import EpochRunner, Scorer
from components.training.history import EpochMetrics, History
from components.training.network import Array, kernels
from components.training.signals import defer_signals
from components.training.state import BestWeights, TrainingState

progress = logging.getLogger("regpipe.progress")


def run_training_loop(
    model: keras.Model,
    train: Dataset,
    validation: Dataset,
    settings: TrainingConfig,
    run_dir: Path | str | None = None,
    checkpoints: Checkpoints | None = None,
) -> tuple[list[EpochMetrics], list[Array]]:
    """Trains the model to minimize the loss of the settings plus the model's penalties.

    The order of the rows in epoch e depends only on (seed, e), and the dropout masks only on (seed, step). A dataset in
    memory is shuffled as a whole, one on disk within each window (see `components.training.dataset`). With early
    stopping, training ends if the validation loss (without the penalties) has not improved for `early_stopping`
    epochs, and the model gets the weights of the best epoch.

    If the validation loss is infinite or NaN, the training has diverged and ends. With early stopping, the model gets
    the weights of the best epoch, if there is one. Without early stopping the training fails, because its result is
    the weights of the last epoch: restoring earlier weights would turn a diverged baseline into one that is easy to
    beat.

    Args:
        model: built in the scope of the distribution strategy, in which this function is also called; trained in place.
        train: the training split. With weights, the loss is the weighted mean over its rows.
        validation: the validation split, scored after each epoch; its metrics are weighted means likewise.
        settings: optimizer, epochs, batch size, learning rate, weight decay, early stopping, seed.
        run_dir: the folder for `history.json` and TensorBoard's logs; None: nothing is written or shown.
        checkpoints: an interrupted training resumes from the latest one and ends with the same weights and history as
            without the interruption. The caller clears them.

    Returns:
        The history: for each epoch its number (`epoch`), and of the training split `loss` (with penalties), and without
        penalties the loss and the second metric under their names, such as `log_loss` and `accuracy`; with the prefix
        `val_` those of the validation split. Those of the training split are means over the steps of the epoch. And the
        weights of the epoch with the lowest validation loss, without the penalties, in the order of
        `model.get_weights()`: with early stopping, they are the model's.

    Raises:
        TrainingDiverged: the validation loss is not finite, and there are no best weights to restore.
        KeyboardInterrupt: between two calls of the graph.
    """
    _show_windows(train, settings.batch_size, shown=run_dir is not None)
    runner = EpochRunner(model, train, settings)
    score = Scorer(model, validation, settings.objective)
    best = BestWeights(model)
    state = TrainingState([*model.variables, *runner.optimizer.variables], best)
    with defer_signals() as check_interrupt, History(run_dir, settings.epochs, settings.objective) as history:
        found = checkpoints.latest() if checkpoints else None
        if found:
            history.extend(state.restore(found))
            progress.info("resumes after epoch %d, where an earlier run was interrupted", len(history.epochs))
        for number in range(len(history.epochs) + 1, settings.epochs + 1):
            if settings.early_stopping and number - 1 - best.epoch >= settings.early_stopping:
                break
            metrics = runner.run_epoch(number, train, check_interrupt)
            scores = score(validation, check_interrupt)
            metrics |= {f"val_{name}": value for name, value in scores.items()}
            values = {name: float(value) for name, value in metrics.items()}
            history.append({"epoch": number, **values})
            if not math.isfinite(values["val_loss"]):
                if not (settings.early_stopping and best.epoch):
                    raise TrainingDiverged(divergence_message(model, settings, number, values["val_loss"]))
                if run_dir:
                    text = "the validation loss is %g: training ends and restores the weights of epoch %d"
                    progress.info(text, values["val_loss"], best.epoch)
                break
            best.update(number, values[f"val_{settings.objective.name}"])
            if checkpoints and checkpoints.due():
                checkpoints.save(number, state.checkpoint(history.epochs))
    if settings.early_stopping:
        best.restore()
    return history.epochs, best.weights


def _show_windows(train: Dataset, batch_size: int, *, shown: bool) -> None:
    windows = train.window_count(batch_size)
    if shown and windows > 1:
        text = "reads %s rows from disk in %d windows; rows are shuffled within a window"
        progress.info(text, f"{train.rows:,}", windows)


def divergence_message(model: keras.Model, settings: TrainingConfig, epoch: int, loss: float) -> str:
    """Returns the message of a training that has diverged: what was expected and found, and the keys to change."""

    def in_use(item: Regularization) -> bool:
        owners = [settings] if item.group == "training" else kernels(model)
        return any(getattr(owner, item.name) for owner in owners)

    penalties = ", ".join(item.key for item in REGULARIZATIONS if item.shrinks_weights and in_use(item))
    return (
        f"expected a finite validation loss, got {loss:g} after epoch {epoch} of {settings.epochs}; try a lower "
        f"training.learning_rate (now {settings.learning_rate:g}, with training.optimizer {settings.optimizer})"
        + (f" or weaker penalties ({penalties})." if penalties else ".")
    )
