"""Changes the output layer of a trained network, so that it predicts what is exported and not what was trained on."""

from components.common.calibration_record import CalibrationRecord
from components.config.training import TrainingConfig
from components.training.calibration import recalibrate
from components.training.dataset import Dataset
from components.training.network import affine_output
from components.training.objective import LabelScaling
from components.training.train import Trained


def with_final_outputs(
    trained: Trained, training: TrainingConfig, train: Dataset, validation: Dataset
) -> tuple[Trained, CalibrationRecord | None]:
    """Recalibrates probabilities that were trained with class weights, and scales a predicted number back, in place.

    Args:
        trained: the result of `train_network` with these settings and these rows.
        training: the training settings.
        train: the training split, without the weights and labels of the objective; likewise the validation split.
        validation: the validation split.

    Returns:
        The result with its final outputs, also those of the weights of its best epoch; and the record of the
        recalibration, if there was one.
    """
    if not training.objective.output.is_scaled:
        return recalibrate(trained, training, train, validation)
    mean, deviation = LabelScaling.of(train)
    network = trained.network
    network.set_weights(affine_output(network.get_weights(), deviation, mean))
    return trained._replace(best_weights=affine_output(trained.best_weights, deviation, mean)), None
