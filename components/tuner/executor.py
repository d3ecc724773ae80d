"""Runs TFX's Tuner with the folder of the transformed rows as a further argument."""

from typing import Any

from tfx.components.tuner import executor
from tfx.types.artifact import Artifact

from components.training.rows_input import with_rows
from components.tuner.tuner_fn import tuner_fn as tuner_fn  # TFX looks it up here


class TunerExecutor(executor.Executor):  # type: ignore[misc]
    """TFX's executor, which calls tuner_fn."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Overrides TFX's method; raises what tuner_fn raises."""
        super().Do(input_dict, output_dict, with_rows(input_dict, exec_properties))
