"""Pusher: publishes a blessed model so that a server which polls the folder never sees half of one."""

import logging

from tfx.components.util import model_utils
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from components.common.verdict_record import Verdict
from components.pusher.publication import Destination, PublishedVersion, publish, version_store
from components.saved_model import model_files
from components.saved_model.card_file import read_card, write_card

progress = logging.getLogger("regpipe.progress")


@component  # type: ignore[untyped-decorator]
def Pusher(  # noqa: N802 (TFX's: a component is named like a class)
    model: InputArtifact[standard_artifacts.Model],
    model_blessing: InputArtifact[standard_artifacts.ModelBlessing],
    evaluation: InputArtifact[standard_artifacts.ModelEvaluation],
    pushed_model: OutputArtifact[standard_artifacts.PushedModel],
    destination: Parameter[str],
    run_id: Parameter[str],
) -> None:
    """Publishes a blessed model; what is not blessed leaves the folder untouched.

    TFX's Pusher copies file by file into the folder that TF Serving polls, and takes the time for the version.

    The id of the run is among the parameters, so that TFX's cache never answers for what is in the folder, where anyone
    may have removed it: the model itself is compared with the current version, which takes no time.

    Args:
        model: the candidate.
        model_blessing: the Evaluator's.
        evaluation: the folder with the verdict.
        pushed_model: receives `pushed`, 0 or 1, and for a pushed model `pushed_version`, `pushed_destination`,
            `already_published` and the card; for a blessed one that was not pushed `not_pushed_because`.
        destination: a Destination as JSON.
        run_id: of this run.
    """
    pushed_model.set_int_custom_property("pushed", 0)
    if not model_utils.is_model_blessed(model_blessing):
        return
    folder = path_utils.serving_model_path(model.uri)
    place = Destination.model_validate_json(destination)
    if reason := rollback_notice(folder, place):
        pushed_model.set_string_custom_property("not_pushed_because", reason)
        return
    card = {"run": run_id, "evaluation": Verdict.read(evaluation.uri).card_entry()}
    _record(pushed_model, publish(folder, place, card))


def rollback_notice(model: str, destination: Destination) -> str | None:
    """Who rolled back from this very model, when and why, if the current version is there instead of it.

    The pipeline does not undo what a person did. `regpipe rollback` and `regpipe bless`, by a person, do.
    """
    versions = version_store(destination)
    current = versions.current()
    rollback = read_card(versions.path(current)).get("rollback") if current is not None else None
    if not rollback or model_files.model_digest(model) not in rollback.get("away_from", ()):
        return None
    because = f": {rollback['reason']}" if rollback.get("reason") else ""
    return f"{rollback['by']} rolled back from this very model on {rollback['at']}{because}"


def _record(pushed_model: Artifact, published: PublishedVersion) -> None:
    pushed_model.set_int_custom_property("pushed", 1)
    pushed_model.set_string_custom_property("pushed_version", str(published.version))
    pushed_model.set_string_custom_property("pushed_destination", published.path)
    pushed_model.set_int_custom_property("already_published", int(published.already))
    # The model itself is in the Trainer's artifact, from which this one descends; here is what was said about it.
    write_card(pushed_model.uri, read_card(published.path))
    if published.already:
        progress.info("already published as version %d", published.version)
