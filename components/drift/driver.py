"""Finds what the table is compared with before TFX looks into its cache, so that the cache key depends on it."""

from typing import Any

from tfx.dsl.components.base import base_driver
from tfx.orchestration.portable import base_driver as portable_driver
from tfx.orchestration.portable import data_types
from tfx.proto.orchestration import driver_output_pb2

from components.common.ingest_record import IngestRecord
from components.drift.drift_settings import DriftReference, DriftSettings, ResolvedSettings
from components.drift.references import served_reference, span_reference
from components.drift.served_columns import refusal
from components.pusher.publication import Destination
from components.saved_model.card_file import DamagedCard
from components.served_model.served_version import served_version


class DriftGateDriver(base_driver.BaseDriver, portable_driver.BaseDriver):  # type: ignore[misc]
    """Replaces `settings` by ResolvedSettings, and removes `destination`.

    So the cache key has the digests of the references, and neither where they were looked for nor the keys by which the
    columns were judged.
    """

    def run(self, execution_info: data_types.ExecutionInfo) -> driver_output_pb2.DriverOutput:
        """Overrides TFX's method."""
        properties = execution_info.exec_properties
        settings = DriftSettings.model_validate_json(properties["settings"])
        destination = Destination.model_validate_json(properties["destination"])
        refusal_of_columns, references = "", {}
        try:
            ingest = IngestRecord.read(execution_info.input_dict["examples"][0].uri)
            refusal_of_columns = _refusal(destination, ingest, settings)
            references = self._references(execution_info, settings, destination, ingest)
        # If a driver raises, TFX leaves its execution marked as running. A store that does not answer must not stop a
        # run that only warns; the Pusher needs the same store and raises its error.
        except Exception as error:
            reason = f"Not compared with earlier data: {type(error).__name__}: {error}"
            references = {"error": reason} if settings.mode == "refuse" else {"notes": (reason,)}
        resolved = ResolvedSettings(mode=settings.mode, refusal=refusal_of_columns, **references)
        result = driver_output_pb2.DriverOutput()
        for name, text in properties.items():
            if isinstance(text, str):
                result.exec_properties[name].string_value = text
        result.exec_properties["settings"].string_value = resolved.model_dump_json()
        result.exec_properties["destination"].string_value = ""
        return result

    def _references(
        self,
        execution_info: data_types.ExecutionInfo,
        settings: DriftSettings,
        destination: Destination,
        ingest: IngestRecord,
    ) -> dict[str, Any]:
        if settings.mode == "off":
            return {}
        found: list[DriftReference | str] = []
        try:
            found.append(served_reference(destination, ingest.digest))
        except DamagedCard as error:
            if settings.mode == "refuse":
                raise
            found.append(f"Not compared with the served model: {error}")
        if settings.has_spans and ingest.span is not None:
            with self._metadata_handle as metadata:
                found.append(span_reference(metadata.store, execution_info.pipeline_info.id, ingest.span))
        references = [each for each in found if isinstance(each, DriftReference)]
        if len(references) == 2 and references[0].digest == references[1].digest:
            # The served model was trained on the span before.
            both = f"{references[0].name} ({references[1].name})"
            references = [references[0].model_copy(update={"name": both})]
        return {
            "references": tuple(references),
            "notes": tuple(each for each in found if isinstance(each, str)),
        }


def _refusal(destination: Destination, ingest: IngestRecord, settings: DriftSettings) -> str:
    served = None if settings.has_schema else served_version(destination)
    if served is None:
        return ""
    return refusal(served.card, f"version {served.version} in {destination.directory}", ingest, settings)
