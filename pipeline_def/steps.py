"""The names of the steps, in their order; a module of its own, so that help has them for free."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline_def.config.load import PipelineConfig

FIRST, TUNER, LAST = "ExampleGen", "Tuner", "Report"
VERDICT = "Verdict"  # on Kubeflow one more, which fails where nothing was pushed
STEP_NAMES: tuple[str, ...] = (
    FIRST,
    "StatisticsGen",
    "SchemaGen",
    "ExampleValidator",
    "DataGate",
    "Transform",
    TUNER,
    "Trainer",
    "BaselineTrainer",
    "Evaluator",
    "Pusher",
    LAST,
)


def step_names(config: "PipelineConfig") -> tuple[str, ...]:
    """The steps that a configuration has: without trials there is nothing to tune."""
    return tuple(name for name in STEP_NAMES if name != TUNER or config.tuning.trials)
