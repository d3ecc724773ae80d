"""Hands the folder of the transformed rows to a run_fn or tuner_fn, for which TFX has no argument."""

from collections.abc import Mapping
from typing import Any

from tfx.types import artifact_utils, standard_artifacts
from tfx.types.artifact import Artifact
from tfx.types.component_spec import ChannelParameter
from tfx.types.standard_component_specs import CUSTOM_CONFIG_KEY, TRANSFORMED_EXAMPLES_KEY
from tfx.utils import json_utils

ROWS = TRANSFORMED_EXAMPLES_KEY  # the name of the input, and of the folder in `fn_args.custom_config`
ROWS_INPUT = {ROWS: ChannelParameter(type=standard_artifacts.Examples)}


def with_rows(input_dict: Mapping[str, list[Artifact]], exec_properties: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the execution properties with the folder of the input `ROWS` in the custom_config."""
    config = json_utils.loads(exec_properties[CUSTOM_CONFIG_KEY])
    folder = artifact_utils.get_single_uri(input_dict[ROWS])
    return {**exec_properties, CUSTOM_CONFIG_KEY: json_utils.dumps({**config, ROWS: folder})}
