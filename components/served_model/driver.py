"""Looks up the served model when the run runs, before TFX looks into its cache."""

from tfx.dsl.components.base import base_driver
from tfx.orchestration.portable import base_driver as portable_driver
from tfx.orchestration.portable import data_types
from tfx.proto.orchestration import driver_output_pb2
from tfx.utils import path_utils

from components.common.model_files import model_digest
from components.pusher.publication import Destination
from components.served_model.lookup import Lookup, look_up

DESTINATION, REFERENCE = "destination", "reference"


class ServedModelDriver(base_driver.BaseDriver, portable_driver.BaseDriver):  # type: ignore[misc]
    """Sets the execution property `reference`, a `Lookup` as JSON, which is part of the key of TFX's cache.

    The destination is removed from the properties: the version and the digest of the reference are in the key instead,
    and the cache is still used after the folder was moved. The executor reads it from the definition of the pipeline.
    """

    def run(self, execution_info: data_types.ExecutionInfo) -> driver_output_pb2.DriverOutput:
        """Overrides TFX's method."""
        properties = execution_info.exec_properties
        (model,) = execution_info.input_dict["model"]
        try:
            candidate = model_digest(path_utils.serving_model_path(model.uri))
            found = look_up(Destination.model_validate_json(properties[DESTINATION]), candidate)
        except Exception as error:
            # If a driver raises, TFX leaves its execution marked as running. The executor raises an error instead.
            found = Lookup(found="error", error=f"{type(error).__name__}: {error}")
        result = driver_output_pb2.DriverOutput()
        for name, value in {**properties, DESTINATION: "", REFERENCE: found.model_dump_json()}.items():
            result.exec_properties[name].string_value = value
        return result
