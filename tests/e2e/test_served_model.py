"""Whole runs at one destination: each candidate is compared with the model that is served then."""

import json
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pipeline_def.config.load import load_config

Run: TypeAlias = Any  # of conftest.py
STEPS = load_config(None).step_names()
CHANGED = ("--set", "model.l2=0.05")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def first(run: Run, root: Path) -> Any:
    return run(root, *run.quick)


@pytest.fixture(scope="module")
def second(run: Run, root: Path, first: Any) -> Any:
    """Another model. The destination keeps one version, so that the first one is removed."""
    return run(root, *run.quick, *CHANGED, "--set", "serving.keep_versions=1")


def regpipe(run: Run, *arguments: object) -> None:
    done = run.regpipe(*arguments)
    assert done.returncode == 0, done.stderr


def test_the_first_run_is_compared_with_none(first: Any) -> None:
    assert (first.code, first.summary["served"]["outcome"]) == (0, "none")
    assert "No model was served before this one, so it is compared with none." in first.verdict.splitlines()


def test_the_next_model_is_compared_with_the_first(root: Path, first: Any, second: Any) -> None:
    """It has the metrics that it had as a candidate, as the test rows are the same."""
    served = second.summary["served"]
    assert (second.code, served["outcome"]) == (0, "compared")
    assert served["version"] == first.summary["pushed_version"]
    assert second.summary["metrics"]["served"] == first.summary["metrics"]["candidate"]
    assert served["sentence"] in " ".join(second.verdict.split())
    assert not (root / "serving" / str(served["version"])).exists()
    card = json.loads((Path(second.summary["pushed_path"]) / "assets.extra" / "model_card.json").read_text())
    assert card["evaluation"]["served"]["digest"] == served["digest"]


def test_a_repeated_run_is_taken_from_the_cache(run: Run, root: Path, second: Any) -> None:
    """Its candidate is what is served now: it is compared with the model that it replaced, and that was removed."""
    again = run(root, *run.quick, *CHANGED)
    assert again.cached() == list(STEPS[:-2])
    assert again.summary["already_published"]
    for part in ("metrics", "thresholds", "served"):
        assert again.summary[part] == second.summary[part]


def test_without_the_copy_there_is_no_comparison_with_a_removed_version(
    run: Run, root: Path, first: Any, second: Any
) -> None:
    done = run(root, *run.quick, *CHANGED, "--no-cache")
    assert (done.code, done.summary["served"]["outcome"]) == (0, "removed")
    version = first.summary["pushed_version"]
    assert f"The model that was served before this one (version {version}) is no longer" in done.verdict
    assert done.summary["already_published"]


def test_a_worse_model_is_refused_and_can_be_published_by_hand(run: Run, root: Path, second: Any) -> None:
    """Its baseline is as bad. The next candidate is compared with it, and the sentence says who blessed it."""
    assert run(root, *run.quick).code == 0  # the first model again, which is better than the second
    worse = ("--set", "training.epochs=1", "--set", "evaluation.min_auc=0")
    refused = run(root, *worse)
    assert refused.code == 4
    failed = [item["rule"] for item in refused.summary["thresholds"] if not item["passed"]]
    assert set(failed) == {"served"}
    assert any("evaluation.served=off" in step for step in refused.summary["next_steps"])
    options = ["--root", root, "--run", refused.summary["run_id"], "--by", "ann", "--reason", "it is new"]
    regpipe(run, "bless", *options)
    better = run(root, *run.quick, "--set", "evaluation.served=better")
    assert better.code == 0, better.verdict
    assert better.summary["served"]["published_by"] == "override"
    assert "blessed by hand by ann on 20" in better.summary["served"]["sentence"]
    off = run(root, *worse, "--set", "evaluation.served=off")
    assert (off.code, off.summary["served"]) == (0, None)
    assert "ServedModel" not in [step["name"] for step in off.summary["steps"]]


def test_a_broken_served_model_does_not_block_a_good_one(
    run: Run, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The run warns, and publishes; with a damaged card the Pusher stops, as before, for it may be a rollback's."""
    root = tmp_path_factory.mktemp("broken")
    done = run(root, *run.quick)
    for file, problem, code, l2 in (
        ("saved_model.pb", "its files are not those that were published", 0, 0.05),
        ("assets.extra/model_card.json", "expected a model card", 1, 0.02),
    ):
        (Path(done.summary["pushed_path"]) / file).write_bytes(b"{")
        done = run(root, *run.quick, "--set", f"model.l2={l2}")
        assert done.summary["served"]["outcome"] == "damaged"
        assert any(problem in warning for warning in done.summary["warnings"])
        assert done.code == code, done.verdict


def test_other_splits_and_other_features_do_not_decide(run: Run, root: Path, second: Any) -> None:
    """A worse model is published: the comparison is shown with a warning, or there is none."""
    other = run(root, *run.quick, "--set", "data.split.seed=3")
    assert (other.code, other.summary["served"]["outcome"]) == (0, "other_split")
    assert other.summary["metrics"]["served"] is not None
    assert "served" not in {item["rule"] for item in other.summary["thresholds"]}
    (warning,) = other.summary["warnings"]
    assert "test rows may be among its training rows" in warning
    assert "the seed (0, not 3)" in warning
    fewer = run(root, *run.quick, "--set", "data.ignore=[f0]", "--set", "data.split.seed=3")
    assert (fewer.code, fewer.summary["served"]["outcome"]) == (0, "incompatible")
    assert any("the examples lack its features 'f0'" in warning for warning in fewer.summary["warnings"])
