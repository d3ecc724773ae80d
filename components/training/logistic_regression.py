"""Fits networks without a hidden layer (logistic or linear regression) to the exact minimum of their penalized loss."""

import itertools
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np

from components.config.model import ModelConfig
from components.config.regularization import L1, L2
from components.config.training import TrainingConfig
from components.tasks.task import Loss
from components.training.centering import Centering
from components.training.checkpoints import Checkpoint, Checkpoints
from components.training.dataset import Dataset, feature_means, row_weights
from components.training.group_lasso import groups_of
from components.training.history import EpochMetrics, History
from components.training.network import Array, kernels
from components.training.proximal_newton import Penalty, Point, evaluate, iterations, row_losses
from components.training.stacked_training import NetworkScores

progress = logging.getLogger("regpipe.progress")


def fit_logistic_regression(
    model: keras.Model,
    train: Dataset,
    validation: Dataset,
    settings: TrainingConfig,
    run_dir: Path | str | None = None,
    checkpoints: Checkpoints | None = None,
) -> tuple[list[EpochMetrics], list[Array]]:
    """Fits a network without a hidden layer.

    An epoch is one iteration. Early stopping does not apply: weights of an earlier iteration are not at the minimum,
    and not yet as sparse. The result depends on no batch size, no learning rate and no seed.

    Args:
        model: as in `components.training.loop.run_training_loop`, also the other arguments.
        train: the training split.
        validation: the validation split, scored after each iteration.
        settings: `epochs` is the maximum number of iterations.
        run_dir: the folder for `history.json` and TensorBoard's logs; None: nothing is written or shown.
        checkpoints: an interrupted fit resumes from the latest one.

    Returns:
        The history, as that of `run_training_loop`; here the metrics of the training split are those after the
        iteration. And the weights of the minimum.
    """
    if settings.early_stopping and run_dir:
        progress.info("fits a network without a hidden layer to its exact minimum, without early stopping")
    (kernel,) = kernels(model)
    penalty = Penalty(float(kernel.l1), float(kernel.l2), float(kernel.group_l1), kernel.groups)
    (mean,) = [np.array(layer.mean) for layer in model.layers if isinstance(layer, Centering)] or [
        np.zeros(1)
    ]
    coefficients, loss = np.zeros(train.width + 1), settings.objective
    with History(run_dir, settings.epochs, loss) as history:
        found = checkpoints.latest() if checkpoints else None
        if found:
            coefficients = found.arrays[0]
            history.extend(found.record["history"])
            progress.info("resumes after epoch %d, where an earlier run was interrupted", len(history.epochs))
        done = len(history.epochs)
        points = iterations(train, mean, coefficients, penalty, loss, at_least=0 if done else 1)
        for number, point in enumerate(itertools.islice(points, settings.epochs - done), start=done + 1):
            coefficients = point.coefficients
            scored = evaluate(validation, mean, coefficients, penalty, loss)
            history.append(_metrics(number, point, scored, loss))
            if checkpoints and checkpoints.due():
                checkpoints.save(number, Checkpoint([coefficients], {"history": history.epochs}))
    kernel.weights.assign(coefficients[:-1, None])
    model.layers[-1].bias.assign(coefficients[-1:])
    return history.epochs, model.get_weights()


def fit_together(
    networks: Sequence[ModelConfig],
    settings: TrainingConfig,
    train: Dataset,
    validation: Dataset,
    show: Callable[[str, float], None],
) -> NetworkScores:
    """Fits several networks without a hidden layer, and scores each on the validation split.

    Args:
        networks: networks without a hidden layer, with their strengths.
        settings: `epochs` is the maximum number of iterations of each fit.
        train: the rows to train on.
        validation: the rows to score.
        show: is called after each fit with a text on the progress, and the lowest loss so far.

    Returns:
        The scores at the minima.
    """
    mean, weights = feature_means(train).astype(np.float64), row_weights(validation)
    losses, zero_shares, loss = [], [], settings.objective
    for number, network in enumerate(networks, start=1):
        groups = groups_of(train.groups, train.width)
        penalty = Penalty(network.by_layer(L1)[0], network.by_layer(L2)[0], network.group_l1, groups)
        points = iterations(train, mean, np.zeros(train.width + 1), penalty, loss)
        *_, point = itertools.islice(points, settings.epochs)
        losses.append(row_losses(validation, mean, point.coefficients, loss).astype(np.float32))
        zero_shares.append(np.mean(point.coefficients[:-1] == 0))
        scores = NetworkScores(np.array(losses), np.array(zero_shares), weights)
        show(f"fit {number} of {len(networks)}", float(scores.mean_loss.min()))
    return scores


def _metrics(number: int, train: Point, validation: Point, loss: Loss) -> EpochMetrics:
    values: EpochMetrics = {"epoch": number}
    for prefix, point in (("", train), ("val_", validation)):
        metrics = {"loss": point.penalized, loss.name: point.loss, loss.further_metric: point.further}
        values |= {f"{prefix}{name}": value for name, value in metrics.items()}
    return values
