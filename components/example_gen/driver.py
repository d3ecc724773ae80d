"""Finds the files and fingerprints their content before TFX looks into its cache."""

import hashlib
from typing import Any

from tfx.components.example_gen import driver, utils
from tfx.orchestration import data_types
from tfx.types import standard_component_specs

from components.common.errors import DataRefused
from components.example_gen.block_plan import plan_blocks
from components.example_gen.exec_properties import ExampleGenProperties
from components.example_gen.table import find_table


class Driver(driver.Driver):  # type: ignore[misc]
    """Sets `span`, `version` and `input_fingerprint`, by which TFX looks into its cache.

    The fingerprint is a digest of the files' bytes. Where they lie is taken out of the properties, so that a
    folder that was moved is still served from the cache; the executor reads it from the pipeline's own
    definition.
    """

    def resolve_exec_properties(
        self,
        exec_properties: dict[str, Any],
        pipeline_info: data_types.PipelineInfo,
        component_info: data_types.ComponentInfo,
    ) -> dict[str, Any]:
        """Overrides TFX's: no patterns are resolved here."""
        del pipeline_info, component_info
        request = ExampleGenProperties.unpack(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY])
        span = 0
        try:
            table = find_table(request.settings)
            span = table.span or 0
            fingerprint = plan_blocks(table).digest
        except DataRefused as refusal:
            # TFX leaves the execution of a driver that raises running for ever: the executor finds the same
            # and raises.
            fingerprint = f"refused:{hashlib.sha256(str(refusal).encode()).hexdigest()}"
        exec_properties[utils.SPAN_PROPERTY_NAME] = span
        exec_properties[utils.VERSION_PROPERTY_NAME] = None
        exec_properties[utils.FINGERPRINT_PROPERTY_NAME] = fingerprint
        exec_properties[standard_component_specs.INPUT_BASE_KEY] = ""
        exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY] = request.cache_key()
        return exec_properties
