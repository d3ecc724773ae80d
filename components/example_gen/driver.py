"""Finds the files and computes a digest of their content before TFX looks into its cache."""

import hashlib
from typing import Any

from tfx.components.example_gen import driver, utils
from tfx.orchestration import data_types
from tfx.types import standard_component_specs

from components.common.errors import DataRefused
from components.example_gen.block_plan import plan_blocks
from components.example_gen.exec_properties import ExampleGenProperties
from components.example_gen.table import find_table


class ExampleGenDriver(driver.Driver):  # type: ignore[misc]
    """Sets `span`, `version` and `input_fingerprint`, which are part of the key of TFX's cache.

    The fingerprint is a digest of the files' bytes. The paths are removed from the properties, so that the cache is
    still used after a folder was moved; the executor reads them from the definition of the pipeline.
    """

    def resolve_exec_properties(
        self,
        exec_properties: dict[str, Any],
        pipeline_info: data_types.PipelineInfo,
        component_info: data_types.ComponentInfo,
    ) -> dict[str, Any]:
        """Overrides TFX's method, which would resolve patterns."""
        del pipeline_info, component_info
        properties = ExampleGenProperties.unpack(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY])
        span = 0
        try:
            table = find_table(properties.settings)
            span = table.span or 0
            fingerprint = plan_blocks(table).digest
        except DataRefused as refusal:
            # If a driver raises, TFX leaves its execution marked as running. The executor raises this error instead.
            fingerprint = f"refused:{hashlib.sha256(str(refusal).encode()).hexdigest()}"
        exec_properties[utils.SPAN_PROPERTY_NAME] = span
        exec_properties[utils.VERSION_PROPERTY_NAME] = None
        exec_properties[utils.FINGERPRINT_PROPERTY_NAME] = fingerprint
        exec_properties[standard_component_specs.INPUT_BASE_KEY] = ""
        exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY] = properties.cache_key()
        return exec_properties
