"""The settings of a trainer. This module does not import TensorFlow, because the pipeline only serializes them."""

from collections.abc import Mapping

from components.config.base import Settings
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.training.hyperparameters import apply_hyperparameters


class TrainerSettings(Settings):
    """The custom_config of a trainer. It contains only what the trainer reads, because any change reruns the step."""

    name: str
    label: str
    model: ModelConfig
    training: TrainingConfig
    code_digest: str
    # The folder of the checkpoints; None: no checkpoints. It is outside the step's own output folder, which TFX removes
    # if the step fails.
    checkpoint_dir: str | None = None
    # False for the baseline, which uses only those of the Tuner's values that are not regularization.
    regularized: bool = True

    def without_regularization(self) -> "TrainerSettings":
        """Returns the baseline's settings."""
        return self.model_copy(
            update={
                "model": self.model.without_regularization(),
                "training": self.training.without_regularization(),
                "regularized": False,
            }
        )

    def tuned(self, values: Mapping[str, float]) -> "TrainerSettings":
        """Returns the settings with the Tuner's values instead of the configured ones."""
        model, training = apply_hyperparameters(values, self.model, self.training)
        return self.model_copy(update={"model": model, "training": training})
