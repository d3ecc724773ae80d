"""Runs the Evaluator: scores all models, runs TFMA, and writes the verdict and the blessing."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import apache_beam as beam
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.extractors import (
    example_weights_extractor,
    extractor,
    features_extractor,
    labels_extractor,
    predictions_extractor,
    slice_key_extractor,
)
from tensorflow_model_analysis.proto import config_pb2
from tfx.components.evaluator import constants, executor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils, path_utils, proto_utils

from components.common.errors import ArtifactChanged
from components.common.ingest_record import IngestRecord
from components.common.model_files import model_digest
from components.common.served_record import ServedRecord, ServedReference
from components.common.verdict_record import CANDIDATE, EARLY_STOPPED, SERVED, Judged, JudgedSplit
from components.config.task_keys import check_task_keys
from components.evaluator import tfma_metrics as _tfma_metrics  # noqa: F401 (TFMA imports it by name)
from components.evaluator.evaluator_settings import EvaluatorSettings
from components.evaluator.importance import MAX_ROWS, candidate_importance, read_rows
from components.evaluator.paired_scores import SplitScores
from components.evaluator.scored_models import Models, load_models
from components.evaluator.scoring import ScoredColumns, score
from components.evaluator.served_predictor import ServedPredictor, add_served
from components.evaluator.tfma_config import eval_config
from components.evaluator.verdict import Validation, compute_verdict
from components.examples.reader import read_ingest
from components.tasks.known_tasks import task_of

Artifacts = Mapping[str, list[Artifact]]
# TFX's executor uses this name, but TFMA 0.52 defines it only after all of TFX's components were imported.
tfma.EvalConfig = config_pb2.EvalConfig


class EvaluatorExecutor(executor.Executor):  # type: ignore[misc]
    """TFX's executor, which runs TFMA, plus the verdict."""

    def Do(  # noqa: N802 (TFX's name)
        self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]
    ) -> None:
        """Writes TFMA's results, the verdict and the importance of features to `evaluation`, and the `blessing`.

        Raises:
            DataRefused: `evaluation.slices` names a feature that is not in the examples.
            ValueError: a key under `evaluation` belongs to another task.
            ArtifactChanged: a split does not have the rows that ExampleGen wrote.
        """
        settings = EvaluatorSettings.model_validate_json(exec_properties["settings"])
        candidate, baseline = (
            next((artifact.uri for artifact in input_dict.get(key, [])), None)
            for key in ("model", "baseline_model")
        )
        # Before the models are loaded: a file that changes in between gives a digest that no published model has.
        digests = [model_digest(path_utils.serving_model_path(uri)) for uri in (candidate, baseline) if uri]
        ingest = read_ingest(_pattern(input_dict, "eval"))
        task = task_of(ingest.task)
        check_task_keys("evaluation", settings.evaluation, task)
        seeds = load_models(candidate or "", baseline, task)
        sliced = settings.evaluation
        columns = ScoredColumns(
            settings.label,
            settings.weight,
            sliced.sliced_features(),
            task,
            texts=sliced.sliced_values(),
            classes=ingest.classes,
        )
        max_rows = settings.evaluation.max_rows
        grouped = ingest.split is not None and ingest.split.by == "group"
        test, served = _score_test(input_dict, seeds, columns._replace(groups=grouped), max_rows)
        exported = {name: model for name, model in seeds[0].items() if name != EARLY_STOPPED}
        train = score(_pattern(input_dict, "train"), [exported], columns.without_features(), max_rows)
        validation = Validation(ingest.class_counts("eval") if task.has_positive else None)
        has_point = settings.evaluation.operating_point.rule is not None
        # Without an operating point, the split is read without a model, only to compare its rows with the record.
        published = {CANDIDATE: seeds[0][CANDIDATE]} if has_point else {}
        on_eval = score(_pattern(input_dict, "eval"), [published], columns.without_features(), max_rows)
        if has_point:
            validation = validation._replace(scores=on_eval.scores)
        scored = {"test": test, "train": train, "eval": on_eval}
        judged = Judged(
            candidate=digests[0],
            baseline=digests[1] if baseline else None,
            **{split: _judged_split(split, found, ingest, input_dict) for split, found in scored.items()},
        )
        verdict = compute_verdict(
            test,
            train.scores,
            settings.evaluation,
            validation,
            first_seed=settings.first_seed,
            served=served,
        ).model_copy(update={"judged": judged})
        config = proto_utils.proto_to_json(eval_config(settings, task))
        super().Do(input_dict, output_dict, {**exec_properties, "eval_config": config})
        evaluation = artifact_utils.get_single_instance(output_dict["evaluation"])
        verdict.write(evaluation.uri)
        rows = read_rows(test.examples, test.rows, ingest.features, columns, ingest.categorical)
        rows = rows._replace(groups=test.example_groups)
        importance = candidate_importance(seeds[0][CANDIDATE], rows, settings.evaluation)
        if importance is not None:
            importance.write(evaluation.uri)
        _bless(
            artifact_utils.get_single_instance(output_dict["blessing"]), input_dict, blessed=verdict.blessed
        )


def custom_extractors(
    eval_shared_model: Any, eval_config: config_pb2.EvalConfig, tensor_adapter_config: Any
) -> list[Any]:
    """Returns TFMA's extractors without the one that splits batches into rows (TFX's executor calls this by name)."""
    del tensor_adapter_config
    return [
        features_extractor.FeaturesExtractor(eval_config=eval_config),
        labels_extractor.LabelsExtractor(eval_config=eval_config),
        example_weights_extractor.ExampleWeightsExtractor(eval_config=eval_config),
        extractor.Extractor("DropFeatures", beam.Map(_drop_features)),
        predictions_extractor.PredictionsExtractor(
            eval_config=eval_config, eval_shared_model=eval_shared_model
        ),
        slice_key_extractor.SliceKeyExtractor(eval_config=eval_config, materialize=False),
    ]


def _drop_features(extracts: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves only the serialized examples: TFMA would pass a feature `examples` to the signature's input `examples`."""
    return {**extracts, tfma.FEATURES_KEY: {}}


def _score_test(
    input_dict: Artifacts, seeds: Sequence[Models], columns: ScoredColumns, max_rows: int
) -> tuple[SplitScores, ServedReference | None]:
    """Scores the test split with all models and with the served model, if that can be compared."""
    pattern = _pattern(input_dict, "test")
    (folder,) = [artifact.uri for artifact in input_dict.get("served_model", [])] or [None]
    reference = None if folder is None else ServedRecord.read(folder).reference
    if folder is None or reference is None or not reference.is_scored:
        return score(pattern, seeds, columns, max_rows, keep=MAX_ROWS), reference
    # Not part of the training seeds: it is one network.
    predictor = ServedPredictor(path_utils.serving_model_path(folder), columns.task, columns.classes)
    models = [{**seeds[0], SERVED: predictor}, *seeds[1:]]
    test = score(pattern, models, columns, max_rows, keep=MAX_ROWS)
    return add_served(test, predictor, reference)


def _pattern(input_dict: Artifacts, split: str) -> str:
    return str(io_utils.all_files_pattern(artifact_utils.get_split_uri(input_dict["examples"], split)))


def _judged_split(
    split: str, scored: SplitScores, ingest: IngestRecord, input_dict: Artifacts
) -> JudgedSplit:
    """Returns the rows and the digest of a split, after comparing the rows with the ingest record."""
    expected = getattr(ingest.rows, split)
    if scored.rows != expected:
        raise ArtifactChanged(
            f"{_pattern(input_dict, split)}: expected {expected:,} rows, as in {ingest.file_name}, found "
            f"{scored.rows:,}: the files have changed since ExampleGen wrote them. `regpipe run --no-cache` writes "
            "them again."
        )
    return JudgedSplit(rows=scored.rows, digest=scored.digest)


def _bless(blessing: Artifact, input_dict: Artifacts, *, blessed: bool) -> None:
    """Writes the marker file and the properties that TFX's Evaluator writes and its Pusher reads."""
    name = constants.BLESSED_FILE_NAME if blessed else constants.NOT_BLESSED_FILE_NAME
    io_utils.write_string_file(os.path.join(blessing.uri, name), "")
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, int(blessed))
    for model, uri_key, id_key in (
        (
            "model",
            constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY,
            constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY,
        ),
        (
            "baseline_model",
            constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY,
            constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY,
        ),
    ):
        for artifact in input_dict.get(model, []):
            blessing.set_string_custom_property(uri_key, artifact.uri)
            blessing.set_int_custom_property(id_key, artifact.id)
