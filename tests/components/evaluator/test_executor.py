"""The Evaluator on two small models: TFMA's results, the verdict, and the blessing."""

import functools
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tfx.components.evaluator.executor import Executor as TfxExecutor
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts
from tfx.types.artifact_utils import encode_split_names

from components.common.errors import ArtifactChanged, DataRefused
from components.common.ingest_record import IngestRecord, PositiveCounts, RowCounts
from components.common.model_files import model_digest
from components.common.served_record import ServedRecord, ServedReference
from components.common.weight_sets import WeightSets, write_weight_sets
from components.config.evaluation import EvaluationConfig, SliceConfig
from components.evaluator.evaluator_settings import EvaluatorSettings
from components.evaluator.executor import EvaluatorExecutor
from components.evaluator.scored_models import load_models
from components.evaluator.scoring import ScoredColumns, score
from components.examples.reader import read_ingest
from components.tasks.binary import BINARY

Columns = Mapping[str, Sequence[float]]
WriteExamples = Callable[[Path, Columns], str]
NAN = float("nan")
FEW = EvaluationConfig(min_rows=2, min_positives=1)
TABLE: Columns = {"y": [0, 0, 1, 1], "candidate": [0.1, 0.6, 0.4, 0.9], "baseline": [0.2, 0.3, 0.2, 0.8]}
LOG_LOSSES = 0.5108256, 0.6031000  # -(ln 0.9 + 2 ln 0.4 + ln 0.9) / 4, -(2 ln 0.8 + ln 0.7 + ln 0.2) / 4


class Evaluated(NamedTuple):
    """The blessing, the verdict, and TFMA's metrics of the whole split by model."""

    blessing: Any
    verdict: dict[str, Any]
    metrics: dict[str, dict[str, Any]]


Evaluate = Callable[..., Evaluated]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Exports a model that predicts the column with its name, each once."""

    @functools.cache
    def export(name: str) -> Path:
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])  # type: ignore[untyped-decorator]
        def serving_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
            spec = {name: tf.io.FixedLenFeature([1], tf.float32)}
            return {"probability": tf.io.parse_example(examples, spec)[name]}

        path = tmp_path_factory.mktemp("exported") / name
        signatures = {"serving_examples": serving_examples}
        tf.saved_model.save(tf.Module(), str(path / "Format-Serving"), signatures=signatures)
        return path

    return export


@pytest.fixture
def evaluate(
    tmp_path: Path,
    write_examples: WriteExamples,
    exported: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Evaluate:
    """Runs the Evaluator on a table for each split; each model predicts the column that has its name.

    The validation split is the table `validation`. If that is a number, the split has 100 rows, of which so many are
    positive. TFMA, which takes nine tenths of the time and does not change the verdict, runs only with `tfma_too`.
    """

    run_tfma = TfxExecutor.Do

    def model(name: str) -> standard_artifacts.Model:
        artifact = standard_artifacts.Model()
        artifact.uri = str(shutil.copytree(exported(name), tmp_path / name, dirs_exist_ok=True))
        return artifact

    def run(  # noqa: PLR0913 (what a test may change)
        test: Columns,
        settings: EvaluationConfig = FEW,
        *,
        train: Columns = TABLE,
        baseline: bool = True,
        replays: int = 0,
        validation: int | Columns = 50,
        served: ServedReference | None = None,
        tfma_too: bool = False,
    ) -> Evaluated:
        monkeypatch.setattr(TfxExecutor, "Do", run_tfma if tfma_too else lambda *arguments: None)
        write_examples(tmp_path / "examples" / "Split-test" / "part.gz", test)
        write_examples(tmp_path / "examples" / "Split-train" / "part.gz", train)
        if isinstance(validation, int):
            labels = [1] * validation + [0] * (100 - validation)
            validation = {name: labels if name == "y" else [0.5] * 100 for name in test}
        write_examples(tmp_path / "examples" / "Split-eval" / "part.gz", validation)
        positives, rows = sum(map(int, validation["y"])), len(validation["y"])
        IngestRecord(
            rows=RowCounts(train=len(train["y"]), eval=rows, test=len(test["y"])),
            positives=PositiveCounts(train=2, eval=positives, test=2),
            features=("candidate", "baseline"),
            label="y",
            negative_label="0",
            positive_label="1",
            digest="",
        ).write(str(tmp_path / "examples"))
        examples, evaluation = standard_artifacts.Examples(), standard_artifacts.ModelEvaluation()
        blessing = standard_artifacts.ModelBlessing()
        examples.uri, evaluation.uri, blessing.uri = (
            str(tmp_path / n) for n in ("examples", "result", "blessing")
        )
        examples.split_names = encode_split_names(["train", "eval", "test"])
        examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
        context = BaseBeamExecutor.Context(
            beam_pipeline_args=[
                "--runner=FnApiRunner",
                "--sdk_container_image=local",
                f"--direct_runner_bundle_repeat={replays}",
            ],
            tmp_dir=str(tmp_path / "temp"),
        )
        models = {"model": [model("candidate")]} | (
            {"baseline_model": [model("baseline")]} if baseline else {}
        )
        if served is not None:
            models["served_model"] = [model("served")] if served.is_scored else [standard_artifacts.Model()]
            models["served_model"][0].uri = str(tmp_path / "served")
            ServedRecord(reference=served).write(str(tmp_path / "served"))
        weight = "w" if "w" in test else None
        given = EvaluatorSettings(
            label="y", evaluation=settings, weight=weight, first_seed=42, code_digest=""
        )
        EvaluatorExecutor(context).Do(
            {"examples": [examples], **models},
            {"evaluation": [evaluation], "blessing": [blessing]},
            {
                "module_path": "components.evaluator.executor",
                "example_splits": '["test"]',
                "settings": given.model_dump_json(),
            },
        )
        metrics: dict[str, dict[str, Any]] = {}
        for name in ("candidate", "baseline") if tfma_too and baseline else ():
            result = tfma.load_eval_result(evaluation.uri, model_name=name)
            for slice_key, by_output in result.slicing_metrics:
                assert slice_key == ()
                metrics[name] = {metric: value["doubleValue"] for metric, value in by_output[""][""].items()}
        verdict = json.loads((tmp_path / "result" / "verdict.json").read_text())
        marker = "BLESSED" if verdict["blessed"] else "NOT_BLESSED"
        assert [path.name for path in (tmp_path / "blessing").iterdir()] == [marker]
        return Evaluated(blessing, verdict, metrics)

    return run


def test_two_models_through_their_signatures(evaluate: Evaluate) -> None:
    """The metrics computed by hand are TFMA's and the verdict's, although Beam repeats its bundles; it is blessed."""
    blessing, verdict, metrics = evaluate(TABLE, replays=2, tfma_too=True)
    candidate = {"auc": 3 / 4, "pr_auc": (1 + 2 / 3) / 2, "log_loss": LOG_LOSSES[0], "accuracy": 0.5}
    candidate |= {"brier": (0.1**2 + 0.6**2 + 0.6**2 + 0.1**2) / 4, "calibration_error": 1.4 / 4}
    candidate |= {"precision": 0.5, "recall": 0.5, "example_count": 4}
    baseline = {"auc": 2.5 / 4, "pr_auc": (1 + 1 / 2) / 2, "log_loss": LOG_LOSSES[1], "accuracy": 0.75}
    baseline |= {"brier": (0.2**2 + 0.3**2 + 0.8**2 + 0.2**2) / 4}
    # The bin of 0.2 has one row of each class.
    baseline |= {"calibration_error": (2 * 0.3 + 0.3 + 0.2) / 4}
    baseline |= {"precision": 1.0, "recall": 0.5, "example_count": 4}
    differences = {f"{name}_diff": candidate[name] - baseline[name] for name in candidate}
    assert metrics["baseline"] == pytest.approx(baseline, abs=1e-6)
    assert metrics["candidate"] == pytest.approx(candidate | differences, abs=1e-6)
    for name, values in verdict["metrics"].items():
        found = [values[key] for key in ("candidate", "baseline", "difference")]
        expected = [candidate[name], baseline[name], candidate[name] - baseline[name]]
        assert found == pytest.approx(expected, abs=1e-6), name
    assert (verdict["rows"], verdict["blessed"], verdict["reasons"]) == (4, True, [])
    assert blessing.get_int_custom_property("blessed") == 1
    assert blessing.get_string_custom_property("current_model").endswith("/candidate")
    assert blessing.get_string_custom_property("baseline_model").endswith("/baseline")


SERVED: Columns = {**TABLE, "served": [0.1, 0.1, 0.9, 0.9]}
REFERENCE = ServedReference(outcome="compared", version=7, digest="ab", published_by="pipeline")


def test_the_served_model_is_scored_on_the_same_rows(evaluate: Evaluate) -> None:
    """By hand: its AUC is 1, and its log loss -ln 0.9. The candidate is clearly worse, and the verdict says so."""
    _, verdict, _ = evaluate(SERVED, served=REFERENCE)
    auc, loss = verdict["metrics"]["auc"], verdict["metrics"]["log_loss"]
    assert (auc["served"], auc["served_difference"]) == (1.0, -0.25)
    assert loss["served"] == pytest.approx(0.1053605, abs=1e-6)
    assert loss["served_difference"] == pytest.approx(0.5108256 - 0.1053605, abs=1e-6)
    assert verdict["curves"]["served"]["roc"] == {"fpr": [0.0, 0.0, 1.0], "tpr": [0.0, 1.0, 1.0]}
    assert [(t["metric"], t["passed"]) for t in verdict["thresholds"] if t["rule"] == "served"] == [
        ("auc", False), ("log_loss", False),
    ]  # fmt: skip
    assert not verdict["blessed"]
    assert verdict["served"] == {
        **REFERENCE.model_dump(mode="json"),
        "sentence": "No clear difference from the served model (version 7): log loss 0.5108 against 0.1054. No test "
        "row was one of its training rows.",
        "decline": None,
    }


def test_the_served_model_changes_nothing_else(evaluate: Evaluate) -> None:
    """The resamples are the same with it, and so are the intervals of the other models."""
    loose = FEW.model_copy(update={"max_auc_drop": 1.0, "max_log_loss_rise": 9.0})
    found, without = (evaluate(SERVED, loose, served=item).verdict for item in (REFERENCE, None))
    assert without["served"] is None
    for name, metric in without["metrics"].items():
        assert metric["difference"] == found["metrics"][name]["difference"]
        if metric["interval"] is not None:
            assert metric["interval"]["difference"] == found["metrics"][name]["interval"]["difference"]


def test_a_served_model_whose_rows_were_split_otherwise_does_not_decide(evaluate: Evaluate) -> None:
    """The comparison is shown, and there is no threshold."""
    other = REFERENCE.model_copy(update={"outcome": "other_split", "problems": ("the seed (3, not 0)",)})
    verdict = evaluate(SERVED, served=other).verdict
    assert verdict["metrics"]["auc"]["served"] == 1.0
    assert not [item for item in verdict["thresholds"] if item["rule"] == "served"]
    assert verdict["blessed"]


def test_a_served_model_that_is_not_compared(evaluate: Evaluate) -> None:
    """It is not loaded: there is none in the artifact."""
    none = ServedReference(outcome="none")
    verdict = evaluate(SERVED, served=none).verdict
    assert verdict["blessed"]
    assert (verdict["metrics"]["auc"]["served"], verdict["served"]["outcome"]) == (None, "none")


def test_a_served_model_that_predicts_nan_does_not_decide(evaluate: Evaluate) -> None:
    """Its metrics are not computed, and the number of rows is named."""
    verdict = evaluate({**SERVED, "served": [0.1, NAN, NAN, 0.9]}, served=REFERENCE).verdict
    assert verdict["blessed"]
    assert verdict["metrics"]["log_loss"]["served"] is None
    assert (verdict["served"]["outcome"], verdict["served"]["problems"]) == (
        "undefined", ["it predicts NaN for 2 of 4 test rows"],
    )  # fmt: skip


def test_a_served_model_that_cannot_be_loaded_does_not_decide(
    evaluate: Evaluate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first line of the error is in the verdict."""
    load = tf.saved_model.load

    def broken(path: str) -> Any:
        if "/served/" in path:
            raise OSError("Cannot parse file\nmore")
        return load(path)

    monkeypatch.setattr(tf.saved_model, "load", broken)
    verdict = evaluate(SERVED, served=REFERENCE).verdict
    assert verdict["blessed"]
    assert (verdict["served"]["outcome"], verdict["served"]["problems"]) == (
        "unloadable", ["it can't be loaded: OSError: Cannot parse file"],
    )  # fmt: skip


def test_the_served_model_has_the_weights_of_the_rows(evaluate: Evaluate) -> None:
    """A row of weight 2 counts twice: -(4 ln 0.9 + 2 ln 0.4) / 6."""
    table = {**SERVED, "served": [0.1, 0.1, 0.4, 0.9], "w": [1, 1, 2, 2]}
    loss = evaluate(table, train=table, served=REFERENCE).verdict["metrics"]["log_loss"]
    assert loss["served"] == pytest.approx(0.3756706, abs=1e-6)


def test_a_feature_that_is_called_like_the_input_of_the_signature(evaluate: Evaluate) -> None:
    """TFMA passes the serialized examples to the model, not the feature; the metrics are those without it.

    It compares two models, also if there is a served one.
    """
    columns = {**SERVED, "examples": [1.0, 2.0, 3.0, 4.0]}
    metrics = evaluate(columns, served=REFERENCE, tfma_too=True).metrics
    for model, loss in zip(("candidate", "baseline"), LOG_LOSSES, strict=True):
        assert metrics[model]["log_loss"] == pytest.approx(loss, abs=1e-6)


def test_one_class_is_not_blessed(evaluate: Evaluate) -> None:
    """Without a row of class 0 there is no AUC: a candidate with the better log loss is not published."""
    table = {"y": [1, 1, 1], "candidate": [0.9, 0.9, 0.8], "baseline": [0.5, 0.5, 0.5]}
    blessing, verdict, metrics = evaluate(table, tfma_too=True)
    assert metrics["candidate"]["log_loss_diff"] < 0
    assert verdict["metrics"]["auc"]["candidate"] is None
    assert verdict["reasons"] == ["all rows of the test split (3) have the label 1, so there is no AUC"]
    assert blessing.get_int_custom_property("blessed") == 0


def test_the_classes_of_the_validation_split_are_counted(evaluate: Evaluate) -> None:
    """The counts are those of the ingest record; the trainers chose their epoch by a log loss on so few rows."""
    _, verdict, _ = evaluate(TABLE, validation=0)
    assert verdict["reasons"] == [
        "the validation split has 0 rows with the label 1, fewer than 1 (evaluation.min_positives)"
    ]


def test_an_operating_point_is_chosen_on_the_validation_split(evaluate: Evaluate) -> None:
    """By the candidate's predictions there: F1 is 6/7 at 0.4 without weights, and 8/9 at 0.8 if one row counts for 4.

    Without the setting the split is not read (in the other tests, there is none).
    """
    settings = EvaluationConfig.model_validate(
        {"min_rows": 2, "min_positives": 1, "operating_point": {"maximize": "f1"}}
    )
    validation = {"y": [0, 1, 1, 0, 1], "candidate": [0.1, 0.4, 0.8, 0.7, 0.9], "baseline": [0.5] * 5}
    found = evaluate(TABLE, settings, validation=validation).verdict["operating_point"]
    assert (found["threshold"], found["validation_rows"]) == (np.float32(0.4), 5)
    assert found["metrics"]["f1"]["validation"] == 6 / 7
    assert found["confusion"] == {
        "true_positive": 2, "false_positive": 1, "true_negative": 1, "false_negative": 0,
    }  # fmt: skip
    weights = {"w": [1, 1, 1, 4, 3]}
    test = {**TABLE, "w": [1, 1, 1, 1]}
    weighted = evaluate(test, settings, train=test, validation=validation | weights).verdict[
        "operating_point"
    ]
    assert weighted["threshold"] == np.float32(0.8)
    assert weighted["metrics"]["f1"]["validation"] == 8 / 9


def test_a_missing_baseline_is_not_blessed(evaluate: Evaluate) -> None:
    """TFX's own Evaluator ignores the thresholds against a missing baseline."""
    blessing, verdict, _ = evaluate(TABLE, baseline=False, tfma_too=True)
    assert verdict["reasons"] == ["there is no baseline to compare the model with"]
    assert verdict["metrics"]["auc"]["candidate"] == 0.75
    assert verdict["metrics"]["auc"]["baseline"] is None
    assert verdict["judged"]["baseline"] is None
    assert blessing.get_int_custom_property("blessed") == 0


def test_an_empty_test_split_is_not_blessed(evaluate: Evaluate) -> None:
    """Without any row there is no error, and the reason is a sentence."""
    _, verdict, _ = evaluate({name: [] for name in TABLE}, tfma_too=True)
    assert verdict["reasons"] == ["the test split has 0 rows, fewer than 2 (evaluation.min_rows)"]


def test_the_gap_is_that_of_each_model_between_the_splits(evaluate: Evaluate) -> None:
    """Log loss by hand on three training rows, where the baseline is more certain, and on the four test rows."""
    train = {"y": [0, 1, 1], "candidate": [0.2, 0.8, 0.5], "baseline": [0.1, 0.9, 0.9]}
    gap = evaluate(TABLE, train=train).verdict["gap"]
    assert gap["train_rows"] == 3
    found = {
        name: [gap[name]["log_loss"][key] for key in ("train", "test")] for name in ("candidate", "baseline")
    }
    assert found["candidate"] == pytest.approx([0.3798110, 0.5108256], abs=1e-6)  # -(2 ln 0.8 + ln 0.5) / 3
    assert found["baseline"] == pytest.approx([0.1053605, 0.6031000], abs=1e-6)  # -ln 0.9
    assert gap["candidate"]["log_loss"]["difference"] == pytest.approx(0.1310146, abs=1e-6)
    assert gap["baseline"]["auc"] == {"train": 1.0, "test": 0.625, "difference": -0.375}


def test_a_large_split_is_judged_by_a_sample(evaluate: Evaluate) -> None:
    """60 of 500 ordered test rows and of 300 training rows are measured, by TFMA, too.

    The candidate is right in three of four rows: the sample's metrics are near those of all rows, and so is its share
    of positives. (The standard deviation of the share is 0.06.)
    """

    def ordered(rows: int) -> Columns:
        labels = [int(number >= rows / 2) for number in range(rows)]
        correct = [number % 4 > 0 for number in range(rows)]
        predictions = [0.9 if label == good else 0.1 for label, good in zip(labels, correct, strict=True)]
        return {"y": labels, "candidate": predictions, "baseline": [0.5] * rows}

    settings = EvaluationConfig(max_rows=60)
    _, verdict, metrics = evaluate(ordered(500), settings, train=ordered(300), tfma_too=True)
    assert (verdict["rows"], verdict["sampled_from"]) == (60, 500)
    assert (verdict["gap"]["train_rows"], verdict["gap"]["train_sampled_from"]) == (60, 300)
    assert metrics["candidate"]["example_count"] == 500
    assert verdict["positives"] / 60 == pytest.approx(0.5, abs=0.2)
    assert verdict["metrics"]["accuracy"]["candidate"] == pytest.approx(0.75, abs=0.2)
    assert metrics["candidate"]["accuracy"] == pytest.approx(0.75, abs=0.2)
    again = evaluate(ordered(500), settings, train=ordered(300)).verdict
    assert verdict.pop("judged")["test"] == again.pop("judged")["test"]
    assert again == verdict


def test_a_split_of_exactly_max_rows_is_not_sampled(evaluate: Evaluate) -> None:
    """The verdict is the same as without max_rows."""
    table = {name: [*values] * 10 for name, values in TABLE.items()}
    bounded = evaluate(table, EvaluationConfig(min_rows=2, max_rows=40)).verdict
    assert (bounded["rows"], bounded["sampled_from"], bounded["gap"]["train_sampled_from"]) == (
        40,
        None,
        None,
    )
    unbounded = evaluate(table, EvaluationConfig(min_rows=2, max_rows=0)).verdict
    assert bounded.pop("judged")["test"] == unbounded.pop("judged")["test"]
    assert bounded == unbounded


def test_the_verdict_says_what_it_judged(
    evaluate: Evaluate, tmp_path: Path, write_examples: WriteExamples
) -> None:
    """The digests are those of the files of both models, and of the examples as ExampleGen wrote them, here by hand."""
    judged = evaluate(TABLE).verdict["judged"]
    for name in ("candidate", "baseline"):
        assert judged[name] == model_digest(str(tmp_path / name / "Format-Serving"))
    file = tf.data.TFRecordDataset(str(tmp_path / "examples" / "Split-test" / "part.gz"), "GZIP")
    expected = hashlib.sha256(b"".join(file.as_numpy_iterator())).hexdigest()
    assert judged["test"] == {"rows": 4, "digest": expected}
    assert judged["train"] == judged["test"]  # the fixture writes the same table as both splits
    assert judged["eval"]["rows"] == 100


@pytest.mark.parametrize("point", [None, "f1"])
@pytest.mark.parametrize("split", ["test", "train", "eval"])
def test_a_split_that_lost_a_row_is_not_judged(
    evaluate: Evaluate, split: str, point: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was cut between two records can be read, but has fewer rows than the ingest record says."""

    def read(pattern: str) -> IngestRecord:
        ingest = read_ingest(pattern)
        return ingest.model_copy(update={"rows": ingest.rows.model_copy(update={split: 5})})

    monkeypatch.setattr("components.evaluator.executor.read_ingest", read)
    settings = EvaluationConfig.model_validate(
        {"min_rows": 2, "min_positives": 1, "operating_point": {"maximize": point}}
    )
    with pytest.raises(ArtifactChanged) as caught:
        evaluate(TABLE, settings, validation=TABLE)
    assert str(caught.value).startswith(
        f"{tmp_path}/examples/Split-{split}/*: expected 5 rows, as in ingest.json, "
    )
    assert not (tmp_path / "blessing").exists()


def test_a_file_that_is_cut_within_a_record_is_not_judged(
    tmp_path: Path, write_examples: WriteExamples
) -> None:
    """TensorFlow's error becomes a sentence that names the files."""
    path = Path(write_examples(tmp_path / "examples" / "part", {"y": [0, 1], "x": [0.5, 1.0]}))
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(
        ArtifactChanged, match=r"examples/\*: expected the files that ExampleGen wrote, found a damaged"
    ):
        score(f"{path.parent}/*", [{}], ScoredColumns("y"))


def test_slices_come_from_the_raw_features(evaluate: Evaluate) -> None:
    """The counts by hand: a value that equals an edge is in the range below it; NaN is missing."""
    table: dict[str, Sequence[float]] = {name: [*values, *values] for name, values in TABLE.items()}
    table["the age"] = [1, 2, 3, NAN, 30, 31, 2, NAN]
    settings = EvaluationConfig(
        min_rows=2, min_positives=1, slices=(SliceConfig(feature="the age", edges=(2.0, 30.0)),)
    )
    _, verdict, _ = evaluate(table, settings)
    found = [(part["name"], part["rows"], part["positives"]) for part in verdict["slices"]]
    assert found == [
        ("the age <= 2", 3, 1),
        ("2 < the age <= 30", 2, 1),
        ("the age > 30", 1, 0),
        ("the age missing", 2, 2),
    ]


def test_the_texts_of_a_slice(tmp_path: Path) -> None:
    """They are numbers by their place among the texts that are told apart; a missing text is NaN."""
    with tf.io.TFRecordWriter(str(tmp_path / "part")) as writer:
        for text in (b"Rom", "Köln".encode(), b"", b"Paris"):
            example = tf.train.Example()
            example.features.feature["y"].int64_list.value.append(1)
            example.features.feature["city"].bytes_list.value.append(text)
            writer.write(example.SerializeToString())
    columns = ScoredColumns("y", texts={"city": ("Paris", "Köln")})
    found = score(f"{tmp_path}/*", [{}], columns).features["city"]
    np.testing.assert_array_equal(found, [2, 1, NAN, 0])


def test_a_slice_of_an_unknown_feature_is_refused(evaluate: Evaluate) -> None:
    """The error suggests the closest name."""
    settings = EvaluationConfig(slices=(SliceConfig(feature="candidat", edges=(0.0,)),))
    with pytest.raises(DataRefused) as caught:
        evaluate(TABLE, settings)
    assert str(caught.value) == (
        "evaluation.slices: expected features of the examples, got 'candidat'; did you mean 'candidate'?"
    )


def test_a_weight_counts_as_that_many_rows(evaluate: Evaluate) -> None:
    """The metrics are those of repeated rows, in the verdict and in TFMA's results. The rows are not multiplied."""
    times = [1, 3, 2, 1]
    repeated = {
        name: [value for value, count in zip(values, times, strict=True) for _ in range(count)]
        for name, values in TABLE.items()
    }
    weighted = evaluate({**TABLE, "w": times}, train={**TABLE, "w": times}, tfma_too=True)
    expected = evaluate(repeated, train=repeated, tfma_too=True)
    for name, metric in weighted.verdict["metrics"].items():
        for model in ("candidate", "baseline", "base_rate"):
            assert metric[model] == pytest.approx(expected.verdict["metrics"][name][model], abs=1e-9), name
    assert weighted.verdict["curves"]["candidate"] == expected.verdict["curves"]["candidate"] | {
        "calibration": weighted.verdict["curves"]["candidate"]["calibration"]
    }
    assert (weighted.verdict["rows"], expected.verdict["rows"]) == (4, 7)
    for metrics, others in zip(weighted.metrics.values(), expected.metrics.values(), strict=True):
        for name in ("auc", "log_loss", "brier"):
            assert metrics[name] == pytest.approx(others[name], abs=1e-9)


def test_other_weights_are_scored_through_the_exported_graph(
    tmp_path: Path, write_examples: WriteExamples
) -> None:
    """A model with one weight, and beside it the weights of the best epoch and of a second seed: the predictions of
    each are its weight times the feature. The exported model has its own weight again for each batch.
    """
    write_examples(tmp_path / "examples" / "part.gz", {"y": [0, 1], "x": [0.5, 1.0]})

    class Network(tf.Module):  # type: ignore[misc]
        def __init__(self, weight: float) -> None:
            super().__init__()
            self.weights = [tf.Variable(weight)]

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])  # type: ignore[untyped-decorator]
        def serving_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
            parsed = tf.io.parse_example(examples, {"x": tf.io.FixedLenFeature([1], tf.float32)})
            return {"probability": parsed["x"] * self.weights[0]}

    def array(value: float) -> list[np.ndarray]:
        return [np.array(value, np.float32)]

    for name, weight, sets in (
        ("candidate", 0.8, WeightSets(trained={43: array(0.7)})),
        ("baseline", 0.6, WeightSets({43: array(0.5)}, {42: array(0.4), 43: array(0.3)})),
    ):
        module = Network(weight)
        path = str(tmp_path / name / "Format-Serving")
        tf.saved_model.save(module, path, signatures={"serving_examples": module.serving_examples})
        write_weight_sets(str(tmp_path / name), sets)
    seeds = load_models(str(tmp_path / "candidate"), str(tmp_path / "baseline"), BINARY)
    scores = score(str(tmp_path / "examples" / "*"), seeds, ScoredColumns("y")).scores
    found = [{name: values.tolist() for name, values in seed.items()} for seed in scores.seeds]
    assert found == [
        {name: [pytest.approx(weight / 2), pytest.approx(weight)] for name, weight in expected.items()}
        for expected in (
            {"candidate": 0.8, "baseline": 0.6, "early_stopped": 0.4},
            {"candidate": 0.7, "baseline": 0.5, "early_stopped": 0.3},
        )
    ]
