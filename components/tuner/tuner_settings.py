"""The settings of the Tuner. This module does not import TensorFlow, because the pipeline only serializes them."""

from components.config.base import Settings
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.config.tuning import TuningConfig


class TunerSettings(Settings):
    """The custom_config of the Tuner."""

    label: str
    weight: str | None = None  # the weight column
    model: ModelConfig
    training: TrainingConfig
    tuning: TuningConfig
    code_digest: str
