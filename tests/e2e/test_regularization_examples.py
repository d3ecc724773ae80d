"""The configurations in docs/regularization.md show what the sentences below them say."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest
import yaml

Run: TypeAlias = Any  # of conftest.py
PAGE = Path(__file__).parents[2] / "docs" / "regularization.md"


class Example(NamedTuple):
    """What a run left: the histories and the weights of both models, and the Tuner's trials."""

    candidate: list[dict[str, float]]
    baseline: list[dict[str, float]]
    weights: dict[str, Any]
    baseline_weights: dict[str, Any]
    trials: list[dict[str, float]]


def configurations() -> dict[str, str]:
    """Returns the YAML text by the heading above it."""
    found = re.findall(r"^### (.+?)\n\n```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return dict(found)


@pytest.fixture(scope="module")
def example(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`example(heading)` runs that configuration up to the BaselineTrainer, under a root that all share.

    A step that is taken from the cache was run by the example before it, so the newest artifact is that of the example.
    """
    root = tmp_path_factory.mktemp("examples")

    def artifact(step: str, kind: str, name: str) -> Any:
        files = sorted(
            (root / "artifacts" / step / kind).glob(f"*/{name}"), key=lambda file: file.stat().st_mtime
        )
        return json.loads(files[-1].read_text()) if files else []

    def example(heading: str) -> Example:
        file = root / "example.yaml"
        file.write_text(configurations()[heading], "utf-8")
        done = run(root, "--config", file, "--to-step", "BaselineTrainer")
        assert done.code == 0, done.verdict
        return Example(
            candidate=artifact("Trainer", "model_run", "history.json"),
            baseline=artifact("BaselineTrainer", "model_run", "history.json"),
            weights=artifact("Trainer", "model_run", "weights.json"),
            baseline_weights=artifact("BaselineTrainer", "model_run", "weights.json"),
            trials=artifact("Tuner", "tuner_results", "tuner_results.json"),
        )

    return example


def zero_share(weights: dict[str, Any]) -> float:
    layers = weights["layers"]
    return float(sum(x["zero"] * x["weights"] for x in layers) / sum(x["weights"] for x in layers))


def largest_weight(weights: dict[str, Any]) -> float:
    return max(abs(float(edge)) for x in weights["layers"] for edge in x["histogram"]["edges"])


def best(history: list[dict[str, float]]) -> dict[str, float]:
    return min(history, key=lambda epoch: epoch["val_log_loss"])


def test_five_epochs(example: Any) -> None:
    history = example("Five epochs").candidate
    losses = [epoch["loss"] for epoch in history]
    assert len(history) == 5
    assert losses == sorted(losses, reverse=True)
    assert losses[0] >= 0.65
    assert losses[-1] <= 0.37
    assert history[0]["accuracy"] == pytest.approx(0.6, abs=0.1)
    assert history[-1]["accuracy"] >= 0.8


def test_l1_gives_zeros_and_l2_small_weights(example: Any) -> None:
    l1, l2 = example("L1 sets weights to zero"), example("L2 keeps weights small")
    assert zero_share(l1.weights) > 0.5
    assert zero_share(l2.weights) == 0
    assert largest_weight(l2.weights) < largest_weight(l2.baseline_weights)
    assert best(l2.candidate)["val_log_loss"] == pytest.approx(best(l1.candidate)["val_log_loss"], abs=0.01)


def test_a_smaller_gap(example: Any) -> None:
    found = example("A smaller gap")
    assert len(found.candidate) == len(found.baseline) == 15
    gaps = [last["val_log_loss"] - last["log_loss"] for last in (found.candidate[-1], found.baseline[-1])]
    assert gaps[0] < gaps[1]


def test_from_weak_to_strong(example: Any) -> None:
    trials = sorted(example("From weak to strong").trials, key=lambda trial: trial["l1"])
    losses = [trial["score"] for trial in trials]
    assert len(trials) == 6
    assert 0 < losses.index(min(losses)) < 5
    assert [trial["l1"] for trial in trials if trial["chosen"]] == [trials[losses.index(min(losses))]["l1"]]
    assert trials[-1]["zero_share"] == 1
    assert losses[-1] == pytest.approx(0.69, abs=0.01)


def test_every_example_is_tested() -> None:
    tested = re.findall(r'example\("(.+?)"\)', Path(__file__).read_text("utf-8"))
    assert set(tested) == set(configurations())
    assert all(yaml.safe_load(text) for text in configurations().values())
