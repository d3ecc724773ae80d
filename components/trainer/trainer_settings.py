"""The settings of a trainer. This module does not import TensorFlow, because the pipeline only serializes them."""

from collections.abc import Mapping

from components.config.base import Settings
from components.config.model import ModelConfig
from components.config.training import TrainingConfig


class TrainerSettings(Settings):
    """The custom_config of a trainer. It contains only what the trainer reads, because any change reruns the step."""

    name: str
    label: str
    weight: str | None = None  # the weight column
    model: ModelConfig
    training: TrainingConfig
    code_digest: str
    # The number of trainings with different seeds: training.seed, and those that follow it.
    seeds: int = 1
    # Whether the weights of the best epoch are kept beside those of the last one: for the baseline they are what early
    # stopping alone gives.
    keeps_best_epoch: bool = False
    # The folder of the checkpoints; None: no checkpoints. It is outside the step's own output folder, which TFX removes
    # if the step fails.
    checkpoint_dir: str | None = None

    def without_regularization(self) -> "TrainerSettings":
        """Returns the baseline's settings."""
        return self.model_copy(
            update={
                "model": self.model.without_regularization(),
                "training": self.training.without_regularization(),
                "keeps_best_epoch": bool(self.training.early_stopping),
            }
        )

    def with_strengths(self, strengths: Mapping[str, float]) -> "TrainerSettings":
        """Returns the settings with the strengths that the Tuner has chosen."""
        return self.model_copy(update={"model": self.model.with_strengths(strengths)})
