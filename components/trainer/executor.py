"""Runs TFX's Trainer with the folder of the transformed rows as a further argument."""

from typing import Any

from tfx.components.trainer import executor
from tfx.types.artifact import Artifact

from components.trainer.run_fn import run_fn as run_fn  # TFX looks it up here
from components.training.rows_input import with_rows


class TrainerExecutor(executor.GenericExecutor):  # type: ignore[misc]
    """TFX's executor, which calls run_fn."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Overrides TFX's method; raises what run_fn raises."""
        super().Do(input_dict, output_dict, with_rows(input_dict, exec_properties))
