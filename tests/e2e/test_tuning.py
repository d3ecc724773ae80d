"""A run with hyperparameter search before training, and again from the cache."""

import json
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pipeline_def.steps import STEP_NAMES

Run: TypeAlias = Any  # of conftest.py
Completed: TypeAlias = Any
TUNED = ("--set", "tuning.trials=3")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tuning")


@pytest.fixture(scope="module")
def first(run: Run, root: Path) -> Completed:
    return run(root, *run.quick, *TUNED)


def test_both_trainers_use_the_values_of_the_tuner(first: Completed, root: Path) -> None:
    """The summary, the files of both trainers and the report have the same values; each trial has a line."""
    assert first.code == 0, first.verdict
    assert first.ran() == list(STEP_NAMES)
    tuned = first.summary["tuned"]
    assert tuned["trials"] == 3
    notes = {
        step: json.loads(next((root / "artifacts" / step / "model_run").glob("*/tuned.json")).read_text())
        for step in ("Trainer", "BaselineTrainer")
    }
    assert notes["Trainer"] == tuned["values"]
    assert notes["BaselineTrainer"] == {"learning_rate": tuned["values"]["learning_rate"]}
    lines = first.verdict.splitlines()
    (chosen,) = (line for line in lines if line.startswith("Tuned     "))
    assert f"l1 {tuned['values']['l1']:g}, " in chosen
    trials = [line for line in lines if line.startswith("Tuner ")]
    assert [line.split()[1:5] for line in trials[1:-1]] == [["trial", str(n), "of", "3:"] for n in (1, 2, 3)]
    page = Path(first.summary["report_path"]).read_text()
    assert f"Of 3 trials, trial {tuned['trial']} had the lowest validation log loss" in page
    assert "replaced the configured ones" in page


def test_the_search_is_served_from_the_cache(run: Run, first: Completed, root: Path) -> None:
    """Both trainers and the Evaluator are, too."""
    again = run(root, *run.quick, *TUNED)
    assert {"Transform", "Tuner", "Trainer", "BaselineTrainer", "Evaluator"} <= set(again.cached())
    assert again.summary["tuned"] == first.summary["tuned"]


def test_the_search_alone(run: Run, first: Completed, root: Path) -> None:
    """--to-step Tuner ends with the values; another seed gives another search, without rerunning earlier steps."""
    part = run(root, *run.quick, *TUNED, "--set", "tuning.seed=2", "--to-step", "Tuner")
    assert (part.code, part.summary["status"]) == (0, "partial")
    assert part.ran() == ["Tuner"]
    assert part.summary["tuned"]["trials"] == 3
    assert part.summary["tuned"] != first.summary["tuned"]
