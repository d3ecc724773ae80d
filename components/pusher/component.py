"""The Pusher step: publishes a blessed model; a server that polls the folder never finds an incomplete version."""

import logging

from tfx.components.util import model_utils
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from components.common.errors import BadModel
from components.common.model_files import model_digest
from components.common.verdict_record import Verdict
from components.pusher.publication import Destination, PublishedVersion, publishing
from components.saved_model.card_file import read_card, write_card

progress = logging.getLogger("regpipe.progress")


@component  # type: ignore[untyped-decorator]
def Pusher(  # noqa: N802, PLR0913 (a TFX component is named like a class, and each artifact is an argument)
    model: InputArtifact[standard_artifacts.Model],
    model_blessing: InputArtifact[standard_artifacts.ModelBlessing],
    evaluation: InputArtifact[standard_artifacts.ModelEvaluation],
    statistics: InputArtifact[standard_artifacts.ExampleStatistics],
    pushed_model: OutputArtifact[standard_artifacts.PushedModel],
    destination: Parameter[str],
    run_id: Parameter[str],
) -> None:
    """Publishes a blessed model, if it is the one that was judged; any other model leaves the folder unchanged.

    It replaces TFX's Pusher, which copies the files one by one into the folder that TF Serving polls.

    The run's ID is a parameter so that TFX's cache never skips this step, because the folder may have changed. Instead,
    the step compares the model with the current version, which is fast.

    Args:
        model: the candidate.
        model_blessing: the blessing that the Evaluator wrote.
        evaluation: the artifact with the verdict.
        statistics: the artifact with the statistics of the training split, which are published with the model.
        pushed_model: gets the property `pushed` (0 or 1); for a pushed model also `pushed_version`,
            `pushed_destination`, `already_published` and the card; for a blessed model that was not pushed
            `not_pushed_because`.
        destination: a `Destination` as JSON.
        run_id: the ID of this run.

    Raises:
        BadModel: the model is not the one that was judged, or can't be served. Nothing was published.
        DamagedCard: the card of the current version is damaged, so that it is unknown whether a person rolled back.
    """
    pushed_model.set_int_custom_property("pushed", 0)
    if not model_utils.is_model_blessed(model_blessing):
        return
    folder = path_utils.serving_model_path(model.uri)
    verdict = Verdict.read(evaluation.uri)
    if verdict.judged is None:
        raise BadModel(
            f"{folder} was not published. {evaluation.uri}/{verdict.file_name}: expected the digest of the judged "
            "model, found none, as in a verdict of an earlier version; `regpipe run --from-step Evaluator` judges it "
            "again."
        )
    with publishing(Destination.model_validate_json(destination)) as publisher:
        if reason := publisher.rollback_notice(model_digest(folder)):
            pushed_model.set_string_custom_property("not_pushed_because", reason)
            return
        card = {"run": run_id, "evaluation": verdict.card_entry()}
        published = publisher.publish(folder, card, verdict.judged.candidate, statistics.uri)
        publisher.remove_old()
    _record(pushed_model, published)


def _record(pushed_model: Artifact, published: PublishedVersion) -> None:
    pushed_model.set_int_custom_property("pushed", 1)
    pushed_model.set_string_custom_property("pushed_version", str(published.version))
    pushed_model.set_string_custom_property("pushed_destination", published.path)
    pushed_model.set_int_custom_property("already_published", int(published.already_published))
    # Only the card is copied: the model is in the Trainer's artifact, which is an input of this one.
    write_card(pushed_model.uri, read_card(published.path))
    if published.already_published:
        progress.info("already published as version %d", published.version)
