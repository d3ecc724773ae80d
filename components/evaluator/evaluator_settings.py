"""The settings of the Evaluator, as stored in its execution properties."""

from components.config.base import Settings
from components.config.evaluation import EvaluationConfig


class EvaluatorSettings(Settings):
    """The settings of the Evaluator; the code's digest makes TFX's cache miss when the code changes."""

    label: str
    evaluation: EvaluationConfig
    code_digest: str
