"""What a trainer is handed; apart from the trainer, so that whoever only writes it down needs no TensorFlow."""

from collections.abc import Mapping

from components.config.base import Settings
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.training.hyperparameters import apply_hyperparameters


class TrainerSettings(Settings):
    """What a trainer is handed as its custom_config: only what it needs, so that only that reruns it."""

    name: str
    label: str
    model: ModelConfig
    training: TrainingConfig
    code_digest: str
    # Where a training that is cut off leaves its state for the next; None: nowhere. Not in the step's own folder, which
    # TFX removes when the step fails.
    checkpoint_dir: str | None = None
    # The baseline's are not: of a Tuner's values it takes those that hold nothing back.
    regularized: bool = True

    def without_regularization(self) -> "TrainerSettings":
        """The baseline's."""
        return self.model_copy(
            update={
                "model": self.model.without_regularization(),
                "training": self.training.without_regularization(),
                "regularized": False,
            }
        )

    def tuned(self, values: Mapping[str, float]) -> "TrainerSettings":
        """With the Tuner's values in the places of the configured ones."""
        model, training = apply_hyperparameters(values, self.model, self.training)
        return self.model_copy(update={"model": model, "training": training})
