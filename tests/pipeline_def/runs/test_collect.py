"""The verdict, the Tuner's values and the Pusher's version in the summary of a run."""

import json
import math
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.common.commands import CommandOptions
from components.common.drift_record import DriftRecord
from components.common.feature_auc_record import FeatureAucRecord
from components.common.ingest_record import IngestRecord
from components.common.scaling_record import FeatureScaling, ScalingRecord
from components.common.served_record import ServedReference
from components.common.verdict_record import Verdict
from components.config.evaluation import EvaluationConfig, SliceConfig
from components.evaluator.paired_scores import PairedScores, SplitScores
from components.evaluator.verdict import compute_verdict
from pipeline_def.runs.collect import Outputs, record_result, summary_fields, verdict_fields
from pipeline_def.runs.run_store import RunStore
from pipeline_def.runs.summary import Sampled, Summary, Tuned
from pipeline_def.terminal.summary_view import render

LABELS = np.array([0, 1] * 40, np.float32)


def sure(probability: float) -> Any:
    """The predictions of a model that gives each row's true class this probability."""
    return np.where(LABELS == 1, probability, 1 - probability).astype(np.float32)


def summary(
    rows: PairedScores, settings: EvaluationConfig, feature: list[float], train: PairedScores | None = None
) -> Summary:
    """Makes the summary as a run does, from the JSON of the verdict; the training split is `rows` if not given."""
    scored = SplitScores(rows, {"x": np.array(feature, np.float32)})
    verdict = compute_verdict(scored, train or rows, settings, first_seed=42)
    return Summary(
        run_id="r",
        status="not_blessed",
        exit_code=4,
        **verdict_fields(Verdict.model_validate_json(verdict.model_dump_json())),
    )


def test_the_summary_has_everything_that_decided() -> None:
    """The summary has metrics, intervals, thresholds, slices, gap and reasons, and the terminal shows them."""
    labels = np.array([0, 1] * 40, np.float32)
    predictions = {"candidate": 0.25 + 0.5 * labels, "baseline": 0.4 + 0.2 * labels}
    settings = EvaluationConfig(
        slices=(SliceConfig(feature="x", edges=(0.0,)),),
        max_gap=0.1,
        mode="better",
        slice_thresholds=True,
    )
    found = summary(PairedScores(labels, predictions), settings, [-1.0] * 60 + [1.0] * 20)
    assert found.metrics is not None
    assert found.metrics.baseline is not None
    assert (found.metrics.candidate["auc"], found.metrics.candidate["example_count"]) == (1.0, 80)
    assert found.intervals is not None
    assert found.intervals.of("auc").candidate == (1.0, 1.0)
    assert found.gap is not None
    assert found.gap.candidate["log_loss"] == 0.0  # the splits are the same
    assert [(t.rule, t.slice, t.passed) for t in found.thresholds] == [
        ("floor", None, True),
        ("change", None, True),
        ("change", None, True),
        ("base_rate", None, True),
        ("gap", None, True),
        ("floor", "x <= 0", True),
        ("change", "x <= 0", True),
        ("change", "x <= 0", True),
    ]
    assert [(part.name, part.rows, part.too_small) for part in found.slices] == [
        ("x <= 0", 60, False),
        ("x > 0", 20, True),
        ("x missing", 0, True),
    ]
    assert found.reasons == ()
    assert Summary.model_validate_json(found.to_json()).thresholds == found.thresholds
    lines = render(found).splitlines()
    assert max(map(len, lines)) <= 80
    assert "x <= 0                            60      0.2877      0.5108     -0.2231" in lines


def test_the_summary_has_all_models_and_what_regularization_brought() -> None:
    """Each row has the same loss, so an interval is a point: the differences of ln 0.75, ln 0.7, ln 0.6 and ln 0.5."""
    predictions = {"candidate": sure(0.75), "baseline": sure(0.6), "early_stopped": sure(0.7)}
    found = summary(PairedScores(LABELS, predictions), EvaluationConfig(), [])
    assert found.metrics is not None
    assert found.metrics.early_stopped is not None
    assert found.metrics.base_rate is not None
    assert found.metrics.early_stopped["brier"] == pytest.approx(0.3**2)
    assert found.metrics.early_stopped["calibration_error"] == pytest.approx(0.3)
    assert found.metrics.base_rate["log_loss"] == pytest.approx(math.log(2))
    assert found.metrics.base_rate["auc"] == 0.5
    assert found.findings == {
        "auc": "equal",  # each model sorts all rows correctly
        "pr_auc": "equal",
        "log_loss": "better",
        "brier": "better",
        "accuracy": "equal",
        "calibration_error": "better",
    }
    assert found.contributions is not None
    assert found.contributions.early_stopping is not None
    assert found.contributions.penalties is not None
    assert found.contributions.total.value == pytest.approx(math.log(0.6 / 0.75))
    assert found.contributions.early_stopping.value == pytest.approx(math.log(0.6 / 0.7))
    assert found.contributions.penalties.value == pytest.approx(math.log(0.7 / 0.75))
    assert found.contributions.penalties.finding == "better"
    assert found.intervals is not None
    assert found.intervals.of("log_loss").penalties == pytest.approx([math.log(0.7 / 0.75)] * 2, rel=1e-5)
    assert found.intervals.of("log_loss").base_rate == pytest.approx([math.log(0.5 / 0.75)] * 2, rel=1e-5)
    assert found.seeds == ()
    assert Summary.model_validate_json(found.to_json()) == found
    lines = render(found).splitlines()
    assert "base rate alone: log loss 0.6931, Brier score 0.2500, PR-AUC 0.5000" in lines
    assert "candidate minus early stopping alone       -0.0690   -0.0690 to -0.0690  better" in lines


def test_several_training_seeds() -> None:
    """The metrics are means over the seeds; each seed has its own log losses, counted from the first seed, 42."""
    first = {"candidate": sure(0.75), "baseline": sure(0.6)}
    second = {"candidate": sure(0.5), "baseline": sure(0.8)}
    found = summary(PairedScores(LABELS, first, other_seeds=[second]), EvaluationConfig(), [])
    assert found.metrics is not None
    assert found.metrics.candidate["log_loss"] == pytest.approx(-(math.log(0.75) + math.log(0.5)) / 2)
    assert [item.seed for item in found.seeds] == [42, 43]
    losses = [loss for item in found.seeds for loss in (item.candidate, item.baseline)]
    assert losses == pytest.approx([-math.log(probability) for probability in (0.75, 0.6, 0.5, 0.8)])
    assert [item.early_stopped for item in found.seeds] == [None, None]
    assert found.metrics.early_stopped is None
    assert found.contributions is not None
    assert found.contributions.early_stopping is None


class RunStub:
    """Stands for a RunStore with the outputs of one run."""

    def __init__(self, outputs: Outputs) -> None:
        self._outputs = outputs
        self.recorded: list[tuple[Any, ...]] = []

    def outputs(self, _: str) -> Outputs:
        return self._outputs

    def config(self, _: str) -> Any:
        return {"model": {"l1": 0.01, "l2": "auto", "dropout": 0.0}}

    def record(self, *values: Any) -> None:
        self.recorded.append(values)


def test_what_can_be_done_if_the_model_is_not_blessed(tmp_path: Path) -> None:
    """Not if it was blessed and held back, was published, or if a step failed."""
    rows = PairedScores(LABELS, {"candidate": sure(0.6), "baseline": sure(0.75)})
    verdict = compute_verdict(SplitScores(rows, {}), rows, EvaluationConfig(), first_seed=42)
    assert len(verdict.reasons) == 1  # the log loss rises by ln(0.75 / 0.6) = 0.22, more than 0.0347
    verdict.write(str(tmp_path))
    outputs = {("Evaluator", "evaluation"): mlmd.Artifact(uri=str(tmp_path))}
    runs = RunStub(outputs)
    status, known = record_result(cast(RunStore, runs), "r1", None, CommandOptions(runs=("--root", "r")))
    assert (status, runs.recorded) == ("not_blessed", [("r1", "not_blessed", None)])
    assert known["next_steps"] == (
        "`regpipe study` shows which regularization helps on this table, and at which strength.",
        "`regpipe config evaluation` explains evaluation.max_log_loss_rise and evaluation.mode.",
        '`regpipe bless --run r1 --reason "..." --root r` publishes the model anyway.',
    )
    held = {("Pusher", "pushed_model"): pushed_model(pushed=0, not_pushed_because="ann rolled back")}
    published = {
        ("Pusher", "pushed_model"): pushed_model(
            pushed=1, pushed_version="7", pushed_destination="/s/7", already_published=0
        )
    }
    for outcome, ended, expected in (
        (held, None, "not_blessed"),
        (published, None, "pushed"),
        ({}, "failed", "failed"),
    ):
        runs = RunStub(outputs | outcome)
        status, known = record_result(cast(RunStore, runs), "r1", cast(Any, ended), CommandOptions())
        assert (status, known["next_steps"]) == (expected, ())


def test_what_can_be_done_about_the_data_of_any_run(tmp_path: Path) -> None:
    """About leaks and ids first, in one step, and then about drift; also if the model was pushed."""
    counts = {"train": 6, "eval": 2, "test": 2}
    fields: dict[str, Any] = {"rows": counts, "features": ["row", "code", "age"], "label": "y", "digest": "d"}
    labels = {"negative_label": "0", "positive_label": "1"}
    IngestRecord.model_validate(fields | labels | {"possible_ids": ["row"]}).write(str(tmp_path))
    (tmp_path / "Split-train").mkdir()
    aucs: dict[str, float | None] = {"code": 1.0, "age": 0.6}
    FeatureAucRecord(negatives=9, positives=9, features=aucs).write(str(tmp_path / "Split-train"))
    comparison = {"kind": "served", "name": "version 6", "rows_before": 9, "rows_now": 9, "label_before": 0.5,
              "label_now": 0.5, "checks": 1,
              "findings": [{"feature": "age", "kind": "missing", "measure": "share", "value": 0.5,
                                         "threshold": 0.01, "before": "none", "now": "half"}]}  # fmt: skip
    DriftRecord.model_validate({"mode": "warn", "comparisons": [comparison]}).write(str(tmp_path))
    artifact = mlmd.Artifact(uri=str(tmp_path))
    pushed = pushed_model(pushed=1, pushed_version="7", pushed_destination="/s/7", already_published=0)
    keys = [("ExampleGen", "examples"), ("StatisticsGen", "statistics"), ("DriftGate", "drift")]
    runs = RunStub({**dict.fromkeys(keys, artifact), ("Pusher", "pushed_model"): pushed})
    status, known = record_result(cast(RunStore, runs), "r1", None, CommandOptions())
    leave_out, drift = known["next_steps"]
    assert status == "pushed"
    assert leave_out.endswith(": add ['code', 'row'] to data.ignore.")
    assert drift.startswith("1 column has moved: `regpipe report --run r1 --open` shows how.")


def test_the_fields_of_a_verdict_of_version_1(version_1: Path) -> None:
    """They are those of the summary that was written then; what was not measured then is None or empty."""
    then = Summary.read(str(version_1))
    found = Summary(run_id="r", status="pushed", exit_code=0, **verdict_fields(Verdict.read(str(version_1))))
    for name in ("metrics", "intervals", "sampled", "thresholds", "gap", "reasons"):
        assert getattr(found, name) == getattr(then, name), name
    for part, before in zip(found.slices, then.slices, strict=True):
        # Version 1 had null for the metrics that it did not measure on slices.
        assert part.candidate.items() <= before.candidate.items()
        assert (part.name, part.rows, part.difference) == (before.name, before.rows, before.difference)
    assert found.metrics is not None
    assert (found.metrics.early_stopped, found.metrics.base_rate) == (None, None)
    assert (found.findings, found.contributions, found.seeds) == ({}, None, ())


def test_the_summary_has_the_values_that_the_tuner_chose(tmp_path: Path) -> None:
    """The chosen trial need not have the lowest loss."""
    table = [
        {"trial_id": "1", "score": 0.25, "l1": 0.0, "dropout": 0.125, "zero_share": 0.0, "chosen": 0.0},
        {"trial_id": "2", "score": 0.253, "l1": 0.5, "dropout": 0.125, "zero_share": 0.75, "chosen": 1.0},
        {"trial_id": "0", "score": math.inf, "l1": 0.5, "dropout": 0.0, "zero_share": 0.0, "chosen": 0.0},
    ]
    (tmp_path / "tuner_results.json").write_text(json.dumps(table))
    found = summary_fields({("Tuner", "tuner_results"): mlmd.Artifact(uri=str(tmp_path))})
    assert found == {
        "tuned": Tuned(
            values={"l1": 0.5, "dropout": 0.125},
            trial=3,
            trials=3,
            loss=0.253,
            lowest_loss=0.25,
            zero_share=0.75,
        )
    }
    lines = render(Summary(run_id="r", status="partial", exit_code=0, **found)).splitlines()
    assert "Chosen    l1 0.5, dropout 0.125 (of 3 combinations)" in lines


def test_undefined_metrics() -> None:
    """The record has None (null in JSON) for NaN; the terminal prints none, as the report does, and the reason."""
    nothing = np.array([1] * 60, np.float32), np.full(60, 0.5, np.float32)
    rows = PairedScores(nothing[0], {"candidate": nothing[1], "baseline": nothing[1]})
    train = PairedScores(LABELS, {"candidate": sure(0.75), "baseline": sure(0.75)})
    found = summary(rows, EvaluationConfig(), [0.0] * 60, train)
    assert found.metrics is not None
    assert found.metrics.candidate["auc"] is None
    assert [(item.value, item.compared, item.passed) for item in found.thresholds[:2]] == [
        (None, None, False),
        (None, None, False),
    ]
    text = render(found)
    assert text.startswith(
        "Not blessed: all rows of the test split (60) have the label 1, so there is no\nAUC.\n"
    )
    assert "\nAUC                     none      none        none\n" in text


def test_a_candidate_alone() -> None:
    """Without a baseline, the summary has the candidate's metrics, no differences, and the reason."""
    labels = np.array([0, 1] * 40, np.float32)
    found = summary(PairedScores(labels, {"candidate": 0.25 + 0.5 * labels}), EvaluationConfig(), [0.0] * 80)
    assert found.metrics is not None
    assert found.metrics.baseline is None
    text = render(found)
    assert text.startswith("Not blessed: there is no baseline to compare the model with.\n")
    assert "\nOn the test split    candidate\nAUC                     1.0000\n" in text


def pushed_model(**properties: str | int) -> mlmd.Artifact:
    artifact = mlmd.Artifact()
    for name, value in properties.items():
        if isinstance(value, int):
            artifact.custom_properties[name].int_value = value
        else:
            artifact.custom_properties[name].string_value = value
    return artifact


def test_the_fields_of_the_pusher() -> None:
    """Version, folder, and whether it was published already; no fields if the model was not blessed."""
    properties: dict[str, str | int] = {"pushed": 1, "pushed_version": "7", "pushed_destination": "/s/7"}
    for already in (0, 1):
        found = summary_fields(
            {("Pusher", "pushed_model"): pushed_model(**properties, already_published=already)}
        )
        assert found == {"pushed_version": 7, "pushed_path": "/s/7", "already_published": bool(already)}
        text = render(Summary(run_id="r", status="pushed", exit_code=0, **found))
        assert f"Model     version 7 in /s/7{' (published already)' if already else ''}\n" in text
    assert summary_fields({("Pusher", "pushed_model"): pushed_model(pushed=0)}) == {}


def test_a_model_that_was_rolled_back_from() -> None:
    """Who rolled back, and why, is the reason why the model was not pushed."""
    reason = "ann rolled back from this model on 2026-01-31: complaints"
    found = summary_fields({("Pusher", "pushed_model"): pushed_model(pushed=0, not_pushed_because=reason)})
    assert found == {"held_back": reason}
    text = render(Summary(run_id="r", status="not_blessed", exit_code=4, **found))
    assert " ".join(text.split()).startswith(f"Not pushed: {reason}. Nothing was published;")


def test_samples_of_the_splits() -> None:
    """The number of measured rows and of all rows, by split; older records do not have these keys."""
    labels = np.array([0, 1] * 40, np.float32)
    rows = PairedScores(labels, {"candidate": 0.25 + 0.5 * labels, "baseline": 0.4 + 0.2 * labels})
    assert summary(rows, EvaluationConfig(), []).sampled == {}
    verdict = compute_verdict(
        SplitScores(rows._replace(split_rows=500), {}),
        rows._replace(split_rows=900),
        EvaluationConfig(),
    )
    assert verdict_fields(verdict)["sampled"] == {
        "test": Sampled(rows=80, of=500),
        "train": Sampled(rows=80, of=900),
    }
    older = verdict.model_dump(mode="json", exclude={"format_version": True, "sampled_from": True})
    del older["gap"]["train_sampled_from"]
    assert verdict_fields(Verdict.model_validate(older))["sampled"] == {}


def test_the_summary_names_features_that_separate_the_classes(tmp_path: Path) -> None:
    """Also with statistics of the cache; those of an earlier version have no record, and there is no warning."""
    outputs = {("StatisticsGen", "statistics"): mlmd.Artifact(uri=str(tmp_path))}
    assert summary_fields(outputs) == {}
    record = FeatureAucRecord(negatives=50, positives=50, features={"age": 0.7, "code": 1.0})
    record.write(str(tmp_path / "Split-train"))
    step = "Leave out 'code' if it is not known at prediction time: add ['code'] to data.ignore."
    assert summary_fields(outputs) == {"warnings": tuple(record.warnings()), "next_steps": (step,)}
    assert "'code' (AUC 1.0000)" in summary_fields(outputs)["warnings"][0]


def test_the_summary_names_features_that_were_clipped_far(tmp_path: Path) -> None:
    """The terminal shows it as a warning. A training of an earlier version has no scaling record, and no warning."""
    outputs = {("Trainer", "model_run"): mlmd.Artifact(uri=str(tmp_path))}
    assert summary_fields(outputs) == {}
    far = FeatureScaling(min=0.0, max=1e9, mean=5.0, low=0.0, high=2.0, imputed=1.0)
    ScalingRecord(features={"age": far}).write(str(tmp_path))
    found = summary_fields(outputs)
    assert len(found["warnings"]) == 1
    text = render(Summary(run_id="r", status="partial", exit_code=0, **found))
    assert "Warning   1 feature has training values" in text
    assert "'age' (maximum 1e+09, clipped to 2)" in " ".join(text.split())


def test_the_served_model_is_in_the_summary() -> None:
    """Its metrics beside the others, also on slices, with its sentence; it is a warning only if it does not decide."""
    predictions = {"candidate": sure(0.75), "baseline": sure(0.625), "served": sure(0.875)}
    settings = EvaluationConfig(slices=(SliceConfig(feature="x", edges=(0.0,)),))
    rows = SplitScores(
        PairedScores(LABELS, predictions), {"x": np.array([-1.0] * 60 + [1.0] * 20, np.float32)}
    )
    train = PairedScores(LABELS, {name: predictions[name] for name in ("candidate", "baseline")})
    reference = ServedReference(outcome="compared", version=7, digest="ab", published_by="pipeline")
    other = reference.model_copy(update={"outcome": "other_split", "problems": ("the seed (3, not 0)",)})
    decides, does_not = (
        verdict_fields(compute_verdict(rows, train, settings, served=item)) for item in (reference, other)
    )
    assert decides["metrics"].served["log_loss"] == pytest.approx(-math.log(0.875))
    assert decides["served_findings"]["log_loss"] == "worse"
    assert decides["slices"][0].served["accuracy"] == 1.0
    assert decides["slices"][0].served_difference["log_loss"][0] > 0
    assert decides["intervals"].of("log_loss").served_difference[0] > 0
    assert (decides["served"].version, decides["warnings"]) == (7, ())
    assert does_not["warnings"] == (does_not["served"].sentence,)
    without = verdict_fields(compute_verdict(rows._replace(scores=train), train, settings))
    assert (without["metrics"].served, without["served"], without["served_findings"]) == (None, None, {})
    assert without["slices"][0].served_difference == {}
