"""Runs TFX's Tuner with the folder of the transformed rows as a further argument."""

from tfx.components.tuner import executor

from components.training.rows_input import RowsExecutor
from components.tuner.tuner_fn import tuner_fn as tuner_fn  # TFX looks it up here


class TunerExecutor(RowsExecutor, executor.Executor):  # type: ignore[misc]
    """TFX's executor, which calls tuner_fn."""
