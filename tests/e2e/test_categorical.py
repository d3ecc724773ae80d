"""A table whose signal is in its texts: the run, the published model, and predictions of seen and unseen texts."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

Run: TypeAlias = Any  # of conftest.py
Completed: TypeAlias = Any

# The log odds of each value; a number adds to them.
EFFECTS = {"red": 2.0, "blue": -2.0, "größe, 1": 1.0, 'a "b"': -1.0, "": 0.0}
ROWS = 2_000
CONSUMER = """
import sys, json
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
raw = {"x": tf.constant([0.0, 0.0, float("nan")]), "plan": tf.constant(["0", "7", ""]),
       "my_color": tf.constant(["red", "unseen", ""])}
print(json.dumps(model.signatures["serving_default"](**raw)["probability"].numpy().tolist()))
"""


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with a text, a code, a number, a text that never repeats, and the label."""
    path = tmp_path_factory.mktemp("data") / "table.csv"
    random = np.random.default_rng(3)
    colors, plans, x = random.choice([*EFFECTS], ROWS), random.integers(0, 4, ROWS), random.normal(size=ROWS)
    odds = np.array([EFFECTS[color] for color in colors]) + np.where(plans % 2, 1.5, -1.5) + 0.3 * x
    labels = random.random(ROWS) < 1 / (1 + np.exp(-odds))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["my color", "plan", "x", "id", "churned"])
        writer.writerows(
            zip(colors, plans, x.round(3), (f"id {n}" for n in range(ROWS)), labels.astype(int), strict=True)
        )
    return path


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="module")
def completed(run: Run, root: Path, table: Path) -> Completed:
    return run(
        root, "--data", table, "--label", "churned", "--set", "data.categorical=[plan]", "--set", "evaluation.seeds=1",
        "--set", "model.l1=0.0001", "--set", "model.l2=0.0001", "--set", "model.dropout=0", *run.quick,
        "--set", "evaluation.slices=[{feature: my color, values: [red, 'größe, 1']}, {feature: plan, values: [1]}]",
    )  # fmt: skip


def test_the_texts_are_used(completed: Completed) -> None:
    """Without the texts, the AUC would be at most 0.6. The column of texts that do not repeat is left out."""
    assert completed.code == 0, completed.verdict
    assert completed.summary["metrics"]["candidate"]["auc"] > 0.8
    assert any(
        "'id'" in warning and "data.categorical" in warning for warning in completed.summary["warnings"]
    )


def test_slices_by_text(completed: Completed) -> None:
    """Each feature divides the test rows; the rows with the text red have the most positive labels."""
    rows = completed.summary["rows"]["test"]
    parts = {part["name"]: part for part in completed.summary["slices"]}
    colors = ["my color = red", "my color = größe, 1", "my color: all others", "my color missing"]
    assert list(parts) == [*colors, "plan = 1", "plan: all others", "plan missing"]
    assert sum(parts[name]["rows"] for name in colors) == rows
    assert sum(part["rows"] for part in parts.values()) == 2 * rows
    shares = [part["positives"] / part["rows"] for part in parts.values() if part["rows"]]
    assert max(shares) == shares[0]
    assert parts["my color = red"]["candidate"]["auc"] > 0.5


def test_the_card_and_the_importance(completed: Completed) -> None:
    """Three inputs, two of them texts, each with its categories; both matter most."""
    model = Path(completed.summary["pushed_path"])
    card = json.loads((model / "assets.extra" / "model_card.json").read_text())
    inputs = {entry["feature"]: entry for entry in card["inputs"]}
    assert {name: entry["dtype"] for name, entry in inputs.items()} == {
        "my color": "string", "plan": "string", "x": "float32",
    }  # fmt: skip
    assert set(inputs["my color"]["rows"]) == set(EFFECTS) - {""}
    assert inputs["my color"]["missing_rows"] > 0
    [path] = model.parents[1].glob("artifacts/Evaluator/evaluation/*/importance.json")
    features = [entry["feature"] for entry in json.loads(path.read_text())["features"]]
    assert set(features[:2]) == {"my color", "plan"}


def test_the_published_model_works_without_this_project(completed: Completed, tmp_path: Path) -> None:
    """Unseen and missing texts have a probability."""
    command = [sys.executable, "-I", "-c", CONSUMER, completed.summary["pushed_path"]]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    assert all(0 < answer < 1 for answer in answers)


def test_predictions(run: Run, completed: Completed, root: Path, tmp_path: Path) -> None:
    """CSV and JSON lines give the same probabilities, with the columns of the training."""
    rows = [("red", 1, 0.5), (" blue", 0, -1.0), ("unseen", 9, 2.0)]
    (tmp_path / "t.csv").write_text("my color,plan,x\n" + "".join(f"{c},{p},{x}\n" for c, p, x in rows))
    records = [{"my color": color, "plan": plan, "x": x} for color, plan, x in rows]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    found = {}
    for name in ("t.csv", "t.jsonl"):
        command = run.command("predict", tmp_path / name, "--root", root, "--format", "jsonl")
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "oneDNN" not in done.stderr
        found[name] = [json.loads(line)["probability"] for line in done.stdout.splitlines()]
    assert found["t.csv"] == found["t.jsonl"]
    high, low, _ = found["t.csv"]
    assert high > 0.8 > 0.2 > low
