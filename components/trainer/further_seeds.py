"""Trains the networks of further seeds, so that the verdict covers the chance of the training too."""

import logging

from components.common.formatting import number
from components.common.weight_sets import WeightSets
from components.config.training import NEWTON
from components.trainer.trainer_settings import TrainerSettings
from components.training.calibration import recalibrate
from components.training.dataset import Dataset
from components.training.train import Trained, train_network

progress = logging.getLogger("regpipe.progress")


def weight_sets(settings: TrainerSettings, first: Trained, train: Dataset, validation: Dataset) -> WeightSets:
    """Trains with each further seed, one after the other, and returns all weights that the Evaluator needs.

    The network of the seed `training.seed + n` is the one that a run with this `training.seed` exports. Logistic
    regression does not depend on the seed, so it is not trained again.

    Args:
        settings: `seeds` is the number of seeds, the first included.
        first: the training with the first seed, recalibrated as all others, whose network is exported.
        train: the training split.
        validation: the validation split.

    Raises:
        TrainingDiverged: see `train_network`.
    """
    seed = settings.training.seed
    trained, best_epoch = {}, {seed: first.best_weights}
    exact = settings.training.with_optimizer(settings.model.hidden_units).optimizer == NEWTON
    for further in range(seed + 1, seed + (1 if exact else settings.seeds)):
        training = settings.training.model_copy(update={"seed": further})
        again = train_network(settings.model, training, train, validation)
        again, _ = recalibrate(again, training, train, validation)
        trained[further], best_epoch[further] = again.network.get_weights(), again.best_weights
        progress.info(
            "seed %d (%d of %d): epoch %d, val_loss %s",
            further,
            further - seed + 1,
            settings.seeds,
            len(again.history),
            number(again.history[-1]["val_loss"]),
        )
    return WeightSets(trained, best_epoch if settings.keeps_best_epoch and not exact else {})
