"""What the Evaluator is handed."""

from components.config.base import Settings
from components.config.evaluation import EvaluationConfig


class EvaluatorSettings(Settings):
    """What the Evaluator is handed; the code's digest is there so that TFX's cache sees a change of it."""

    label: str
    evaluation: EvaluationConfig
    code_digest: str
