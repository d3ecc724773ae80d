"""The verdict as a file: undefined numbers, format version, keys of later versions, and damaged files."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from components.common.verdict_record import ComparedMetric, MetricIntervals, Threshold, Verdict

UNDEFINED = {"train": None, "test": None, "difference": None}
CONFUSION = {"true_positive": 1, "false_positive": 2, "true_negative": 3, "false_negative": 4}
CURVES = {"roc": None, "precision_recall": None, "calibration": None, "confusion": CONFUSION}
BOOTSTRAP = {"method": "paired", "resamples": 1_000, "confidence": 0.95, "seed": 1}


def fields(**changes: Any) -> dict[str, Any]:
    """The fields of a verdict on a candidate without a baseline."""
    return {
        "blessed": False,
        "reasons": ["there is no baseline, é"],
        "rows": 10,
        "positives": 5,
        "bootstrap": BOOTSTRAP,
        "mode": "no_worse",
        "metrics": {"auc": {"candidate": math.nan, "interval": {"candidate": [math.nan, math.nan]}}},
        "thresholds": [],
        "slices": [],
        "gap": {"train_rows": 20, "candidate": {"log_loss": UNDEFINED, "auc": UNDEFINED}},
        "curves": {"candidate": CURVES},
    } | changes


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_an_undefined_number_is_none(value: float | None) -> None:
    """NaN and infinity, which JSON does not have, become None when the record is made."""
    assert ComparedMetric(candidate=value).candidate is None
    threshold = Threshold(
        metric="auc", rule="floor", direction=">=", value=value, bound=0.6, passed=False, sentence="it is NaN"
    )
    assert threshold.value is None


@pytest.mark.parametrize("bounds", [(math.nan, math.nan), (0.5, math.nan), (-math.inf, 0.5), None])
def test_an_interval_with_an_undefined_end_is_none(bounds: Any) -> None:
    """An interval has both ends or is None."""
    assert MetricIntervals(difference=bounds).difference is None


def test_a_verdict_is_read_as_it_was_written(tmp_path: Path) -> None:
    """The file has null for undefined numbers, and reading it gives an equal record."""
    verdict = Verdict.model_validate(fields())
    verdict.write(str(tmp_path))
    assert Verdict.read(str(tmp_path)) == verdict
    content = json.loads((tmp_path / "verdict.json").read_text("utf-8"), parse_constant=pytest.fail)
    assert content["format_version"] == 2
    assert content["reasons"] == ["there is no baseline, é"]
    assert content["metrics"]["auc"] == {
        "candidate": None,
        "baseline": None,
        "early_stopped": None,
        "base_rate": None,
        "served": None,
        "difference": None,
        "finding": None,
        "served_difference": None,
        "served_finding": None,
        "interval": {
            "candidate": None,
            "baseline": None,
            "early_stopped": None,
            "difference": None,
            "early_stopping": None,
            "penalties": None,
            "base_rate": None,
            "served": None,
            "served_difference": None,
        },
    }
    assert (content["contributions"], content["seeds"]) == (None, [])
    assert "curves" not in verdict.without_curves()


def test_all_parts_are_read_as_they_were_written(tmp_path: Path) -> None:
    """Also what regularization brought, the training seeds, findings, and sums of weights that are not whole."""
    difference = {"value": -0.25, "interval": [-0.5, -0.125], "finding": "better"}
    confusion = CONFUSION | {"true_positive": 1.5}
    verdict = Verdict.model_validate(
        fields(
            metrics={
                "log_loss": {
                    "candidate": 0.5,
                    "baseline": 0.75,
                    "early_stopped": 0.625,
                    "base_rate": 0.6875,
                    "difference": -0.25,
                    "finding": "better",
                    "interval": {"difference": [-0.5, -0.125], "base_rate": [-0.25, -0.125]},
                }
            },
            contributions={
                "total": difference,
                "early_stopping": {"value": -0.125, "interval": [-0.25, 0.125], "finding": "unclear"},
                "penalties": {"value": math.nan, "interval": [math.nan, math.nan], "finding": None},
            },
            seeds=[{"seed": 42, "candidate": 0.5, "baseline": math.nan, "early_stopped": 0.625}],
            curves={"candidate": CURVES | {"confusion": confusion}},
        )
    )
    verdict.write(str(tmp_path))
    assert Verdict.read(str(tmp_path)) == verdict
    content = json.loads((tmp_path / "verdict.json").read_text("utf-8"), parse_constant=pytest.fail)
    assert content["metrics"]["log_loss"]["finding"] == "better"
    assert content["contributions"]["total"] == difference
    assert content["contributions"]["penalties"] == {"value": None, "interval": None, "finding": None}
    assert content["seeds"] == [{"seed": 42, "candidate": 0.5, "baseline": None, "early_stopped": 0.625}]
    assert content["curves"]["candidate"]["confusion"] == confusion


def test_the_model_card_keeps_the_decision() -> None:
    """And the operating point, what was judged and the served model; but not bootstrap, slices, gap and curves."""
    assert Verdict.model_validate(fields()).card_entry().keys() == {
        "blessed", "reasons", "mode", "task", "rows", "positives", "metrics", "contributions", "seeds", "thresholds",
        "operating_point", "judged", "served",
    }  # fmt: skip


def test_a_verdict_of_version_1(version_1: Path) -> None:
    """It is read as it is: what version 1 did not have is None, empty or false."""
    verdict = Verdict.read(str(version_1))
    assert (verdict.format_version, verdict.mode, verdict.blessed) == (1, "point", True)
    assert (verdict.contributions, verdict.seeds) == (None, ())
    assert list(verdict.metrics) == ["auc", "pr_auc", "log_loss", "accuracy", "precision", "recall"]
    log_loss = verdict.metrics["log_loss"]
    assert (log_loss.candidate, log_loss.baseline) == (0.3228773809933803, 0.7826187080155217)
    assert (log_loss.early_stopped, log_loss.base_rate, log_loss.finding) == (None, None, None)
    assert log_loss.interval == MetricIntervals(
        candidate=(0.24986705372385792, 0.40573410842194396),
        baseline=(0.495000896081085, 1.1092522814257453),
        difference=(-0.7279837368680324, -0.22820424220964036),
    )
    assert [(item.rule, item.mode, item.clearly_worse) for item in verdict.thresholds] == [
        ("floor", "point", False),
        ("change", "point", False),
        ("change", "point", False),
    ]
    assert [part.name for part in verdict.slices] == ["f0 <= 0", "f0 > 0", "f0 missing"]


def test_the_mode_confidence_of_version_1(version_1: Path, tmp_path: Path) -> None:
    """It is kept; its name is now `better`."""
    content = json.loads((version_1 / "verdict.json").read_text("utf-8"))
    content["mode"] = content["thresholds"][0]["mode"] = "confidence"
    (tmp_path / "verdict.json").write_text(json.dumps(content))
    verdict = Verdict.read(str(tmp_path))
    assert (verdict.mode, verdict.thresholds[0].mode) == ("confidence", "confidence")


def test_keys_of_later_versions_are_ignored(tmp_path: Path) -> None:
    """Within a format version, keys may be added; a record without a version has version 1."""
    verdict = Verdict.model_validate(fields())
    verdict.write(str(tmp_path))
    content = json.loads((tmp_path / "verdict.json").read_text())
    del content["format_version"]
    content["gap"]["unit"] = "nats"
    (tmp_path / "verdict.json").write_text(json.dumps({**content, "author": "the next version"}))
    assert Verdict.read(str(tmp_path)) == verdict.model_copy(update={"format_version": 1})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"format_version": 3}', "expected a verdict of format version 1 or 2, found 3."),
        ('{"blessed": tr', "expected a verdict, found a damaged file: "),
        ('{"blessed": true}', "expected a verdict, found a damaged file at reasons: "),
    ],
)
def test_a_file_that_can_not_be_read(tmp_path: Path, content: str, message: str) -> None:
    """The error has the file, what was expected and what was found."""
    (tmp_path / "verdict.json").write_text(content)
    with pytest.raises(ValueError, match="expected a verdict") as caught:
        Verdict.read(str(tmp_path))
    assert str(caught.value).startswith(f"{tmp_path}/verdict.json: {message}")
    with pytest.raises(FileNotFoundError):
        Verdict.read(str(tmp_path / "missing"))
