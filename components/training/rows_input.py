"""Hands the folder of the transformed rows to a run_fn or tuner_fn, for which TFX has no argument."""

from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.artifact import Artifact
from tfx.types.component_spec import ChannelParameter
from tfx.types.standard_component_specs import CUSTOM_CONFIG_KEY, TRANSFORMED_EXAMPLES_KEY
from tfx.utils import json_utils

ROWS = TRANSFORMED_EXAMPLES_KEY  # the name of the input, and of the folder in `fn_args.custom_config`
ROWS_INPUT = {ROWS: ChannelParameter(type=standard_artifacts.Examples)}


class RowsExecutor(BaseExecutor):  # type: ignore[misc]
    """The first base class of an executor; the next one is TFX's, which calls the run_fn or tuner_fn."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs TFX's executor with the folder of the input `ROWS` in the custom_config; raises what it raises."""
        config = json_utils.loads(exec_properties[CUSTOM_CONFIG_KEY])
        folder = artifact_utils.get_single_uri(input_dict[ROWS])
        with_rows = {**exec_properties, CUSTOM_CONFIG_KEY: json_utils.dumps({**config, ROWS: folder})}
        super().Do(input_dict, output_dict, with_rows)
