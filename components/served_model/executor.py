"""Copies the served model into the artifact of the run, because its version may be removed from the destination."""

import logging
from typing import Any

from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from components.common import storage
from components.common.ingest_record import IngestRecord
from components.common.model_files import copy_model, model_digest
from components.common.served_record import ServedRecord, ServedReference
from components.pusher.publication import Destination, VersionStore, version_store
from components.saved_model.card_file import DamagedCard, read_card
from components.served_model.comparability import reference
from components.served_model.driver import DESTINATION, REFERENCE
from components.served_model.lookup import Lookup
from components.served_model.served_version import ServedVersion

_PROGRESS = logging.getLogger("regpipe.progress")


class UnreadableDestination(Exception):
    """It is unknown which model is served. The message has the destination and the error."""


class ServedModelExecutor(base_executor.BaseExecutor):  # type: ignore[misc]
    """Writes the served model and `served.json` into the artifact `served_model`."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Overrides TFX's method.

        The artifact gets the properties `outcome`, `version`, `digest` and `published_by`, see `ServedReference`.

        Raises:
            UnreadableDestination: the driver could not read the destination.
            OSError, tensorflow.errors.OpError: the version can't be copied although it is still there.
        """
        destination = Destination.model_validate_json(self._destination(exec_properties))
        lookup = Lookup.model_validate_json(exec_properties[REFERENCE])
        artifact = artifact_utils.get_single_instance(output_dict["served_model"])
        if lookup.found == "error":
            raise UnreadableDestination(
                f"{destination.directory}: expected the folder of the published models, which says which model is "
                f"served; it can't be read: {lookup.error}"
            )
        if lookup.found == "version":
            ingest = IngestRecord.read(artifact_utils.get_single_uri(input_dict["examples"]))
            found = _copied(version_store(destination), lookup, artifact.uri, ingest)
        else:
            found = ServedReference(outcome=lookup.found)
        ServedRecord(reference=found).write(artifact.uri)
        for name in ("outcome", "version", "digest", "published_by"):
            artifact.set_string_custom_property(name, str(getattr(found, name) or ""))
        _PROGRESS.info(f"version {found.version}" if found.is_scored else "none to compare with")

    def _destination(self, exec_properties: dict[str, Any]) -> str:
        node = self._context.pipeline_node if self._context else None
        if node is None:
            return str(exec_properties[DESTINATION])
        # The driver removed it from exec_properties, because it must not be part of the cache's key.
        return str(node.parameters.parameters[DESTINATION].field_value.string_value)


def _copied(store: VersionStore, lookup: Lookup, uri: str, ingest: IngestRecord) -> ServedReference:
    """Copies the version that was looked up, and returns its reference."""
    version, target = lookup.version or 0, path_utils.serving_model_dir(uri)
    gone = ServedReference(outcome="removed", version=version, digest=lookup.digest)
    if version not in store.versions():
        return gone
    try:
        copy_model(store.path(version), target)
    except Exception:
        if version in store.versions():
            raise
        storage.remove_folder(target)  # Another process has published, and removed old versions.
        return gone
    try:
        card, damage = read_card(target), None
    except DamagedCard as error:
        card, damage = {}, str(error).replace(target, store.path(version))
    digest = model_digest(target)
    if digest != lookup.digest:
        damage = "its files changed while they were copied"
    return reference(ServedVersion(version, store.path(version), card, damage), digest, ingest)
