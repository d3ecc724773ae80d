"""The main use: the sample table, from the file to a published model, and again from the cache."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pipeline_def.config.load import load_config

Run: TypeAlias = Any  # of conftest.py
Completed: TypeAlias = Any

STEPS = load_config(None).step_names()
CONSUMER = """
import sys, json
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
raw = {f"f{i}": tf.constant([0.5, float("nan"), 1e9]) for i in range(20)}
answer = model.signatures["serving_default"](**raw)["probability"].numpy().tolist()
assert not any(name.partition(".")[0] in ("components", "pipeline_def", "tfx", "keras_tuner") for name in sys.modules)
print(json.dumps(answer))
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sample")


@pytest.fixture(scope="module")
def first(run: Run, root: Path) -> Completed:
    return run(root, as_a_user=True)


def test_the_sample_with_defaults_is_pushed(first: Completed, root: Path) -> None:
    """The regularized model beats its baseline on log loss, every threshold is passed, and the model is published."""
    assert first.code == 0, first.verdict
    summary = first.summary
    assert summary["status"] == "pushed"
    assert summary["exit_code"] == 0
    assert sum(summary["rows"][split] for split in ("train", "eval", "test")) == 1_000
    assert summary["rows"]["rejected"] == 0
    metrics = summary["metrics"]
    assert metrics["candidate"]["log_loss"] < metrics["baseline"]["log_loss"] - 0.02
    assert all(threshold["passed"] for threshold in summary["thresholds"])
    assert [step["name"] for step in summary["steps"]] == list(STEPS)
    assert summary["pushed_path"] == str(root / "serving" / str(summary["pushed_version"]))
    assert (Path(summary["pushed_path"]) / "saved_model.pb").is_file()
    folders = [path.name for path in (root / "serving").iterdir() if path.is_dir()]
    assert folders == [str(summary["pushed_version"])]


def test_the_summary_on_standard_output_is_the_one_in_the_folder_of_the_run(
    first: Completed, root: Path
) -> None:
    """Without --json, the same object can be read from the file."""
    path = root / "runs" / first.summary["run_id"] / "summary.json"
    assert json.loads(path.read_text()) == first.summary
    expected = {
        "run_id", "status", "exit_code", "rows", "metrics", "thresholds", "steps", "pushed_version", "pushed_path",
        "report_path",
    }  # fmt: skip
    assert expected <= set(first.summary)
    assert Path(first.summary["report_path"]).is_file()


def test_the_terminal_shows_epochs_but_no_logs_of_libraries(first: Completed, root: Path) -> None:
    """The terminal has epoch lines and the verdict; the output of TensorFlow and Beam is in the steps' logs."""
    lines = first.verdict.splitlines()
    assert any(line.startswith("Trainer           epoch 1/100 loss ") for line in lines)
    assert any(line.startswith("BaselineTrainer   epoch 100/100 loss ") for line in lines)
    assert "oneDNN" not in first.verdict
    assert "INFO" not in first.verdict
    logs = root / "runs" / first.summary["run_id"] / "logs"
    assert {path.stem for path in logs.iterdir()} == {"startup", *STEPS}


def test_the_published_model_works_without_this_project(first: Completed, tmp_path: Path) -> None:
    """In a process with TensorFlow only: an ordinary row, one with missing values, one far out of range."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", CONSUMER, first.summary["pushed_path"]],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert len(answers) == 3
    assert all(0 <= answer <= 1 for answer in answers)


def test_a_second_run_is_served_from_the_cache(run: Run, first: Completed, root: Path) -> None:
    """All steps except the Pusher, which finds the same version published, and the Report are cached."""
    again = run(root)
    assert again.code == 0
    assert again.cached() == list(STEPS[:-2])
    assert again.summary["already_published"]
    assert again.summary["pushed_version"] == first.summary["pushed_version"]
    assert again.summary["metrics"] == first.summary["metrics"]


def test_a_changed_threshold_trains_nothing_again(run: Run, first: Completed, root: Path) -> None:
    """With an impossible threshold, the model is not blessed, and any served model is unchanged.

    DataGate, which takes a moment, checks that the task of the table has this threshold.
    """
    before = sorted((root / "serving").iterdir())
    refused = run(root, "--set", "evaluation.min_auc=0.99")
    assert refused.code == 4
    assert refused.summary["status"] == "not_blessed"
    assert refused.ran() == ["DataGate", "Evaluator", "Pusher", "Report"]
    assert "Not blessed: the AUC is 0." in refused.verdict
    assert "not at least 0.99." in refused.verdict
    assert refused.summary["pushed_path"] is None
    assert sorted((root / "serving").iterdir()) == before


def test_a_changed_penalty_runs_the_candidate_but_not_the_baseline(
    run: Run, first: Completed, root: Path
) -> None:
    """The baseline has no penalty, so it does not depend on one. The Tuner chooses the other strengths again."""
    changed = run(root, "--set", "model.l2=0.002")
    assert changed.ran() == ["Tuner", "Trainer", "ServedModel", "Evaluator", "Pusher", "Report"]


def test_the_same_rows_in_another_place_make_the_same_model(
    run: Run, first: Completed, tmp_path: Path
) -> None:
    """Same data, configuration and seed: the same splits, weights and metrics, to the last digit."""
    assert run(tmp_path / "root").summary["metrics"] == first.summary["metrics"]


def test_without_regularization_candidate_and_baseline_are_the_same(run: Run, tmp_path: Path) -> None:
    """The baseline is the candidate with all regularization off, so without regularization they are equal."""
    off = [f"{key}=0" for key in ("model.l1", "model.l2", "model.dropout", "training.early_stopping")]
    same = run(tmp_path, *run.quick, *(word for key in off for word in ("--set", key)))
    assert same.code == 0
    assert same.summary["metrics"]["candidate"] == same.summary["metrics"]["baseline"]


def test_mirrored_strategy_runs_without_a_gpu(run: Run, first: Completed, root: Path) -> None:
    """MirroredStrategy on the CPU gives the same model, within floating-point error."""
    mirrored = run(root, "--set", "training.strategy=mirrored")
    assert mirrored.code == 0
    assert mirrored.summary["metrics"]["candidate"]["log_loss"] == pytest.approx(
        first.summary["metrics"]["candidate"]["log_loss"], abs=0.02
    )


def test_a_part_of_the_pipeline_can_be_run(run: Run, tmp_path: Path) -> None:
    """--to-step ends a run early; --from-step takes the earlier steps from the last run that has them."""
    part = run(tmp_path, "--to-step", "Transform")
    assert (part.code, part.summary["status"]) == (0, "partial")
    assert part.ran() == [
        "ExampleGen",
        "StatisticsGen",
        "SchemaGen",
        "ExampleValidator",
        "DataGate",
        "DriftGate",
        "Transform",
    ]
    rest = run(tmp_path, "--from-step", "Tuner", *run.quick)
    assert rest.code == 0
    assert rest.ran() == [
        "Tuner",
        "Trainer",
        "BaselineTrainer",
        "ServedModel",
        "Evaluator",
        "Pusher",
        "Report",
    ]
    assert rest.summary["rows"] == part.summary["rows"]


def test_from_step_without_an_earlier_run_is_refused(run: Run, tmp_path: Path) -> None:
    """Exit code 2, and no folder of a run remains."""
    done = run.regpipe("run", "--root", tmp_path, "--from-step", "SchemaGen")
    assert done.returncode == 2
    assert done.stderr.endswith(
        f"regpipe: {tmp_path}: no run yet (expected {tmp_path / 'metadata.sqlite'}).\n"
    )
    assert not list((tmp_path / "runs").iterdir())


def test_one_changed_digit_is_a_changed_table(run: Run, tmp_path: Path) -> None:
    """Also if its modification time is the same. A training on other data is never cached: see test_nights.py."""
    table = tmp_path / "table.csv"
    table.write_bytes(run.sample.read_bytes())
    data_steps = ("--data", table, "--to-step", "Transform")
    run(tmp_path / "root", *data_steps)
    stat = table.stat()
    lines = run.sample.read_text().splitlines()
    lines[5] = "9" + lines[5].lstrip("-")[1:]
    table.write_text("\n".join(lines) + "\n")
    os.utime(table, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    changed = run(tmp_path / "root", *data_steps)
    assert {"ExampleGen", "StatisticsGen", "Transform"} <= set(changed.ran())


def test_a_model_that_was_not_blessed_is_published_by_hand(run: Run, first: Completed, root: Path) -> None:
    """By `regpipe bless`, once, to the served folder; who and why is in the summary and in the list of runs."""
    refused = run(root, "--set", "evaluation.min_auc=0.98")
    assert refused.code == 4
    run_id = refused.summary["run_id"]
    arguments = ("bless", "--root", root, "--run", run_id, "--reason", "recall matters more", "--by", "ann")
    done, again = (
        subprocess.run(run.command(*arguments), capture_output=True, text=True, timeout=300) for _ in range(2)
    )
    assert (done.returncode, done.stderr) == (0, "")
    summary = json.loads((root / "runs" / run_id / "summary.json").read_text())
    assert summary["status"] == "pushed"
    assert (summary["override"]["by"], summary["override"]["reason"]) == ("ann", "recall matters more")
    assert (Path(summary["pushed_path"]) / "saved_model.pb").is_file()
    assert done.stdout.endswith(f"version {summary['pushed_version']} in {summary['pushed_path']}.\n")
    assert again.returncode == 2
    assert again.stderr == f"regpipe: run {run_id} was pushed already.\n"
    listed = run.regpipe("runs", "--root", root)
    (line,) = [line for line in listed.stdout.splitlines() if line.startswith(run_id)]
    assert "pushed, blessed by hand" in line
