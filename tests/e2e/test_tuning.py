"""A run that chooses its strengths, again from the cache, and with fixed strengths."""

import json
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pipeline_def.steps import STEP_NAMES

Run: TypeAlias = Any  # of conftest.py
Completed: TypeAlias = Any
FIXED = ("--set", "model.l1=1e-4", "--set", "model.l2=1e-3", "--set", "model.dropout=0.2")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tuning")


@pytest.fixture(scope="module")
def first(run: Run, root: Path) -> Completed:
    return run(root, *run.quick)


def test_the_candidate_uses_the_chosen_strengths(first: Completed, root: Path) -> None:
    """The summary, the file of the Trainer, the terminal, the report and the model card have the same values."""
    assert first.code == 0, first.verdict
    assert first.ran() == list(STEP_NAMES)
    tuned = first.summary["tuned"]
    assert tuned["trials"] == 24
    (file,) = (root / "artifacts" / "Trainer" / "model_run").glob("*/tuned.json")
    assert json.loads(file.read_text()) == tuned["values"]
    assert not list((root / "artifacts" / "BaselineTrainer" / "model_run").glob("*/tuned.json"))
    lines = first.verdict.splitlines()
    (chosen,) = (line for line in lines if line.startswith("Chosen    "))
    assert f"l1 {tuned['values']['l1']:g}, " in chosen
    shown = [line.partition(" ")[2].strip() for line in lines if line.startswith("Tuner ")]
    assert "compares 24 networks" in shown
    assert any(line.startswith(f"chose l1 {tuned['values']['l1']:g}, l2 ") for line in shown)
    page = Path(first.summary["report_path"]).read_text()
    assert "Of 24 combinations, the Tuner chose l1 " in page
    card = json.loads(next(Path(first.summary["pushed_path"]).glob("**/model_card.json")).read_text())
    assert {name: card["settings"]["model"][name] for name in tuned["values"]} == tuned["values"]


def test_the_search_is_served_from_the_cache(run: Run, first: Completed, root: Path) -> None:
    """Both trainers and the Evaluator are, too."""
    again = run(root, *run.quick)
    assert {"Transform", "Tuner", "Trainer", "BaselineTrainer", "Evaluator"} <= set(again.cached())
    assert again.summary["tuned"] == first.summary["tuned"]


def test_the_search_alone(run: Run, first: Completed, root: Path) -> None:
    """--to-step Tuner ends with the choice; other values to try search again, without rerunning earlier steps."""
    part = run(root, *run.quick, "--set", "tuning.l1=[0.01]", "--to-step", "Tuner")
    assert (part.code, part.summary["status"]) == (0, "partial")
    assert part.ran() == ["Tuner"]
    assert part.summary["tuned"]["trials"] == 6
    assert part.summary["tuned"]["values"]["l1"] != first.summary["tuned"]["values"]["l1"]


def test_fixed_strengths_need_no_search(run: Run, first: Completed, root: Path) -> None:
    """There is no Tuner, and the baseline is taken from the cache: it does not depend on the strengths."""
    fixed = run(root, *run.quick, *FIXED)
    assert fixed.summary["tuned"] is None
    assert "Tuner" not in [*fixed.ran(), *fixed.cached()]
    assert "BaselineTrainer" in fixed.cached()
    assert "Trainer" in fixed.ran()
