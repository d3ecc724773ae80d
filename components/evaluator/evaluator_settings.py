"""The settings of the Evaluator, as stored in its execution properties."""

from components.config.base import Settings
from components.config.evaluation import EvaluationConfig


class EvaluatorSettings(Settings):
    """The settings of the Evaluator; the code's digest makes TFX's cache miss when the code changes."""

    label: str
    # data.weight
    weight: str | None = None
    # training.seed
    first_seed: int = 0
    evaluation: EvaluationConfig
    code_digest: str
