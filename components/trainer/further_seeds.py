"""Trains the networks of further seeds, so that the verdict covers the chance of the training too."""

import logging
from functools import partial

from components.common.formatting import number, plural
from components.common.weight_sets import WeightSets
from components.config.training import NEWTON
from components.trainer.trainer_settings import TrainerSettings
from components.training.dataset import Dataset
from components.training.final_outputs import with_final_outputs
from components.training.history import EpochMetrics
from components.training.throttle import throttled
from components.training.train import Trained
from components.training.train_seeds import train_seeds

progress = logging.getLogger("regpipe.progress")


def weight_sets(settings: TrainerSettings, first: Trained, train: Dataset, validation: Dataset) -> WeightSets:
    """Trains with all further seeds together, and returns all weights that the Evaluator needs.

    The network of the seed `training.seed + n` is, to rounding, the one that a run with this `training.seed` exports
    (see `train_seeds`). Logistic regression does not depend on the seed, so it is not trained again.

    Args:
        settings: `seeds` is the number of seeds, the first included.
        first: the training with the first seed, with its final outputs, whose network is exported.
        train: the training split.
        validation: the validation split.

    Raises:
        TrainingDiverged: see `train_network`.
    """
    training = settings.training
    exact = training.with_optimizer(settings.model.hidden_units).optimizer == NEWTON
    further = range(training.seed + 1, training.seed + (1 if exact else settings.seeds))
    trained, best_epoch = {}, {training.seed: first.best_weights}
    if further:
        show = throttled(partial(_show, training.epochs))
        found = train_seeds(settings.model, training, further, (train, validation), show)
        for seed, result in zip(further, found, strict=True):
            final, _ = with_final_outputs(result, training, train, validation)
            trained[seed], best_epoch[seed] = final.network.get_weights(), final.best_weights
    return WeightSets(trained, best_epoch if settings.keeps_best_epoch and not exact else {})


def _show(epochs: int, networks: int, means: EpochMetrics) -> None:
    progress.info(
        "further seeds, epoch %d/%d: %s in training, mean val_loss %s",
        means["epoch"],
        epochs,
        plural(networks, "network"),
        number(means["val_loss"]),
    )
