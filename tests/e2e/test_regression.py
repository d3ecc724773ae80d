"""A regression from the table to the predictions: run, report, published model, and a candidate that is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

from components.saved_model.card_file import read_card

Run = Any  # of conftest.py
NOISE = 5.0


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,500 rows of price = 300 + 40 a - 20 b + noise with a deviation of 5; c does not matter."""
    generator = np.random.default_rng(1)
    a, b, c, noise = generator.normal(size=(4, 1_500))
    price = 300 + 40 * a - 20 * b + NOISE * noise
    path = tmp_path_factory.mktemp("table") / "prices.csv"
    columns = {"a": a, "b": b, "c": c, "price": price}
    pacsv.write_csv(pa.table({name: values.round(4) for name, values in columns.items()}), path)
    return path


def test_a_regression_is_published_and_predicts(run: Run, table: Path, tmp_path: Path) -> None:
    """Nothing is set but the table, the label and few epochs; the RMSE on new rows is near the noise.

    Then the same with far too much L2: the candidate is not blessed, because it is worse than its baseline.
    """
    root = tmp_path / "root"
    settings = ("--data", table, "--label", "price", "--set", "training.epochs=60")
    done = run(root, *settings)
    assert done.code == 0, done.verdict
    summary = done.summary
    assert (summary["task"], summary["status"]) == ("regression", "pushed")
    metrics = summary["metrics"]
    assert NOISE * 0.8 < metrics["candidate"]["rmse"] < NOISE * 1.6
    assert metrics["candidate"]["r2"] > 0.95
    assert metrics["base_rate"]["rmse"] == pytest.approx(np.hypot(40, 20), rel=0.15)
    assert "RMSE" in done.verdict
    assert "log loss" not in done.verdict
    assert read_card(summary["pushed_path"])["task"] == "regression"
    page = Path(summary["report_path"]).read_text()
    for title in ("Prediction and label", "Residuals", "RMSE: candidate minus another model"):
        assert title in page
    assert "ROC curve" not in page

    output = tmp_path / "predicted.csv"
    done = run.regpipe("predict", table, "--root", root, "-o", output)
    assert done.returncode == 0, done.stderr
    predicted = pacsv.read_csv(output)
    errors = predicted.column("prediction").to_numpy() - predicted.column("price").to_numpy()
    assert NOISE * 0.8 < np.sqrt(np.mean(errors**2)) < NOISE * 1.6

    study = run.regpipe("study", "--root", root, *settings, "--strengths", "0", "--json")
    studied = json.loads(study.stdout)
    assert (studied["metrics"]["loss"], studied["metrics"]["score"]) == ("mse", "r2")
    trained = {entry["name"]: entry["result"]["train"] for entry in studied["family"]}
    gap = json.loads(next(root.glob("artifacts/Evaluator/evaluation/*/verdict.json")).read_text())["gap"]
    for name, of_run in (("none", "baseline"), ("all", "candidate")):
        assert trained[name]["score"] == pytest.approx(gap[of_run]["r2"]["train"], abs=1e-5)
        # The label in standard deviations: a mean squared error of 1 is that of the mean label.
        assert trained[name]["loss"] == pytest.approx(1 - trained[name]["score"], abs=1e-5)

    worse = run(root, *settings, "--set", "model.l2=1", "--set", "model.l1=0", "--set", "model.dropout=0")
    assert worse.code == 4, json.dumps(worse.summary, indent=2)
    assert worse.summary["status"] == "not_blessed"
    assert any("the RMSE is" in reason for reason in worse.summary["reasons"])
