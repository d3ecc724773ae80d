"""Runs TFX's Trainer with the folder of the transformed rows as a further argument."""

from tfx.components.trainer import executor

from components.trainer.run_fn import run_fn as run_fn  # TFX looks it up here
from components.training.rows_input import RowsExecutor


class TrainerExecutor(RowsExecutor, executor.GenericExecutor):  # type: ignore[misc]
    """TFX's executor, which calls run_fn."""
