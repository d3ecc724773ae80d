"""The names of the steps, in their order; a module of its own, so that help has them for free."""

STEP_NAMES: tuple[str, ...] = (
    "ExampleGen",
    "StatisticsGen",
    "SchemaGen",
    "ExampleValidator",
    "DataGate",
    "Transform",
    "Trainer",
    "BaselineTrainer",
    "Evaluator",
    "Pusher",
    "Report",
)
