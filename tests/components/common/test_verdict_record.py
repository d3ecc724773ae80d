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
        "mode": "point",
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
    assert content["format_version"] == 1
    assert content["reasons"] == ["there is no baseline, é"]
    assert content["metrics"]["auc"] == {
        "candidate": None,
        "baseline": None,
        "difference": None,
        "interval": {"candidate": None, "baseline": None, "difference": None},
    }
    assert "curves" not in verdict.without_curves()


def test_keys_of_later_versions_are_ignored(tmp_path: Path) -> None:
    """Within a format version, keys may be added; a record without a version has version 1."""
    (tmp_path / "verdict.json").write_text(Verdict.model_validate(fields()).model_dump_json())
    content = json.loads((tmp_path / "verdict.json").read_text())
    del content["format_version"]
    content["gap"]["unit"] = "nats"
    (tmp_path / "verdict.json").write_text(json.dumps({**content, "author": "the next version"}))
    assert Verdict.read(str(tmp_path)) == Verdict.model_validate(fields())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"format_version": 2}', "expected a verdict of format version 1, found 2."),
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
