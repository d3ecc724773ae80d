"""More than two classes from the table to the published model, and to the comparison with it in the next run."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv as pacsv
import pytest
import tensorflow as tf
from sklearn.datasets import load_wine

from components.saved_model.card_file import read_card

Run = Any  # of conftest.py
NAMES = ["barbera", "barolo", "grignolino"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """scikit-learn's wine table: 178 rows of 13 features, sorted by three classes, which get names."""
    wine = load_wine(as_frame=True)
    frame = wine.frame.rename(columns={"od280/od315_of_diluted_wines": "od280"})
    frame["cultivar"] = [NAMES[(code + 1) % 3] for code in frame.pop("target")]
    path = tmp_path_factory.mktemp("table") / "wine.csv"
    frame.to_csv(path, index=False)
    return path


def test_classes_are_published_by_name(run: Run, table: Path, tmp_path: Path) -> None:
    """Only the rows that are needed are set. The next run, with another seed, is compared with this model."""
    settings = ("--data", table, "--label", "cultivar", "--set", "evaluation.min_rows=20")
    longer = ("--set", "training.epochs=60", "--set", "training.learning_rate=0.01")
    done = run(tmp_path, *settings, *longer)
    assert done.code == 0, done.verdict
    summary = done.summary
    assert (summary["task"], summary["status"]) == ("multiclass", "pushed")
    metrics = summary["metrics"]
    assert metrics["candidate"]["accuracy"] > 0.85
    assert metrics["candidate"]["macro_auc"] > 0.95
    assert metrics["base_rate"]["cross_entropy"] == pytest.approx(np.log(3), abs=0.1)
    assert "cross-entropy" in done.verdict
    assert "log loss" not in done.verdict

    card = read_card(summary["pushed_path"])
    assert (card["task"], card["label"]["classes"]) == ("multiclass", NAMES)
    classes = card["evaluation"]["classes"]
    assert [one["name"] for one in classes] == NAMES
    assert sum(one["rows"] for one in classes) == card["data"]["rows"]["test"]

    model = tf.saved_model.load(summary["pushed_path"])
    entries = card["inputs"]
    lines = [line.split(",") for line in table.read_text().splitlines()]
    columns = dict(zip(lines[0], zip(*lines[1:], strict=True), strict=True))
    inputs = {
        entry["input"]: tf.constant(np.array(columns[entry["feature"]], np.float32)) for entry in entries
    }
    answer = model.signatures["serving_default"](**inputs)
    probabilities, predicted = answer["probabilities"].numpy(), answer["prediction"].numpy().astype(str)
    assert probabilities.shape == (178, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert predicted.tolist() == [NAMES[number] for number in probabilities.argmax(axis=1)]
    assert np.mean(predicted == np.array(columns["cultivar"])) > 0.85
    example = tf.train.Example()
    for entry in entries:
        example.features.feature[entry["feature"]].float_list.value.append(
            float(columns[entry["feature"]][0])
        )
    classified = model.signatures["classify"](inputs=tf.constant([example.SerializeToString()]))
    assert classified["classes"].numpy().astype(str).tolist() == [NAMES]
    np.testing.assert_allclose(classified["scores"].numpy(), probabilities[:1], atol=1e-5)

    page = Path(summary["report_path"]).read_text()
    for words in ("Confusion matrix of the candidate", "Each class", "Rows by class", "macro AUC"):
        assert words in page
    output = tmp_path / "predicted.csv"
    printed = run.regpipe("predict", table, "--root", tmp_path, "-o", output, "--probabilities")
    assert printed.returncode == 0, printed.stderr
    found = pacsv.read_csv(output)
    assert found.column_names[-5:] == [
        "prediction",
        "probability",
        *(f"probability_{name}" for name in NAMES),
    ]
    assert found.column("prediction").to_pylist() == predicted.tolist()
    np.testing.assert_allclose(found.column("probability"), probabilities.max(axis=1), atol=1e-5)

    study = run.regpipe("study", "--root", tmp_path, *settings, *longer, "--strengths", "0", "--json")
    studied = json.loads(study.stdout)
    assert (studied["metrics"]["loss"], studied["metrics"]["score"]) == ("cross_entropy", "macro_auc")
    trained = {entry["name"]: entry["result"]["train"] for entry in studied["family"]}
    gap = json.loads(next(tmp_path.glob("artifacts/Evaluator/evaluation/*/verdict.json")).read_text())["gap"]
    for name, of_run in (("none", "baseline"), ("all", "candidate")):
        assert trained[name]["loss"] == pytest.approx(gap[of_run]["cross_entropy"]["train"], abs=1e-6)
        assert trained[name]["score"] == pytest.approx(gap[of_run]["macro_auc"]["train"], abs=1e-6)

    again = run(tmp_path, *settings, *longer, "--set", "training.seed=7")
    assert again.summary["served"]["outcome"] == "compared", json.dumps(again.summary, indent=2)
    assert again.summary["metrics"]["served"]["cross_entropy"] == pytest.approx(
        metrics["candidate"]["cross_entropy"]
    )
