"""Runs TFX's Transform, and then writes the transformed rows that all trainings read."""

from typing import Any

import tensorflow_transform as tft
from tfx.components.transform import executor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.types.standard_component_specs import (
    CUSTOM_CONFIG_KEY,
    EXAMPLES_KEY,
    TRANSFORM_GRAPH_KEY,
    TRANSFORMED_EXAMPLES_KEY,
)
from tfx.utils import io_utils, json_utils

from components.transform.preprocessing import preprocessing_fn as preprocessing_fn  # TFX looks it up here
from components.transform.rows_record import SPLITS
from components.transform.split_rows import RowReader, write_rows


class TransformExecutor(executor.Executor):  # type: ignore[misc]
    """TFX's executor, whose own transformed examples take a Beam pipeline to write and a parser to read."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the graph, and the rows of the splits that are trained on.

        Raises:
            ValueError: a split has no rows, or a file of examples is damaged.
        """
        others = {name: found for name, found in output_dict.items() if name != TRANSFORMED_EXAMPLES_KEY}
        super().Do(input_dict, others, exec_properties)
        config = json_utils.loads(exec_properties[CUSTOM_CONFIG_KEY])
        transform = tft.TFTransformOutput(artifact_utils.get_single_uri(others[TRANSFORM_GRAPH_KEY]))
        rows = artifact_utils.get_single_instance(output_dict[TRANSFORMED_EXAMPLES_KEY])
        rows.split_names = artifact_utils.encode_split_names(list(SPLITS))
        patterns = {
            split: io_utils.all_files_pattern(artifact_utils.get_split_uri(input_dict[EXAMPLES_KEY], split))
            for split in SPLITS
        }
        write_rows(RowReader(transform, config["label"], config["weight"]), patterns, rows.uri)
