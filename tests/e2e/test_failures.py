"""Runs with a step that fails: exit code, message and what is published."""

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline_def.runs.run_store import RunStore

Run: TypeAlias = Any  # of conftest.py
Completed: TypeAlias = Any


def test_a_misspelt_slice_is_refused_before_anything_is_trained(run: Run, tmp_path: Path) -> None:
    """By DataGate, with exit code 3 and a suggestion. With the right name, earlier steps come from the cache."""
    root = tmp_path / "root"
    columns = run.sample.read_text().splitlines()[0].split(",")
    name, edges = columns[0], "edges: [0.5]"
    misspelt = run(root, *run.quick, "--set", f"evaluation.slices=[{{feature: {name}_, {edges}}}]")
    assert misspelt.code == 3
    assert misspelt.summary["steps"][-1]["name"] == "DataGate"
    assert re.split(" {2,}", misspelt.summary["error"].splitlines()[-1]) == [
        f"{name}_", "no such feature", "a feature of the data (evaluation.slices)", f"did you mean {name!r}?"
    ]  # fmt: skip
    right = run(root, *run.quick, "--set", f"evaluation.slices=[{{feature: {name}, {edges}}}]")
    assert right.code == 0
    assert right.cached() == ["ExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator"]
    assert right.summary["slices"][0]["name"] == f"{name} <= 0.5"


def test_a_training_that_diverges(run: Run, tmp_path: Path) -> None:
    """Exit code 1; the message has the step, the epoch and the keys to change; nothing is evaluated or published."""
    strengths = ("model.l1=0.1", "model.l2=1.0", "model.dropout=0")
    settings = ("training.learning_rate=1e6", "training.optimizer=sgd", *strengths)
    done = run(tmp_path / "root", *(word for setting in settings for word in ("--set", setting)))
    assert done.code == 1
    assert done.summary["steps"][-1]["name"] == "Trainer"
    sentence = (
        "expected a finite validation loss, got nan after epoch 1 of 100; try a lower training.learning_rate "
        "(now 1e+06, with training.optimizer sgd) or weaker penalties (model.l1, model.l2)."
    )
    assert done.summary["error"] == f"TrainingDiverged: {sentence}"
    assert "Failed in Trainer: TrainingDiverged: " in done.verdict


def test_a_search_in_which_every_network_diverges(run: Run, tmp_path: Path) -> None:
    """It fails in the Tuner, and names the key to change."""
    settings = (
        "training.learning_rate=1e6",
        "training.optimizer=sgd",
        "tuning.l2=[1000]",
        "training.epochs=2",
    )
    done = run(tmp_path / "root", *(word for setting in settings for word in ("--set", setting)))
    assert done.code == 1
    assert done.summary["steps"][-1]["name"] == "Tuner"
    assert done.summary["error"] == (
        "TrainingDiverged: expected a finite validation loss of at least one of 8 networks, got none; try a lower "
        "training.learning_rate (now 1e+06, with training.optimizer sgd) or weaker strengths (tuning.l1, tuning.l2)."
    )


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root where a file is in the place of the Report step's folder."""
    root = tmp_path_factory.mktemp("root")
    (root / "artifacts").mkdir()
    (root / "artifacts" / "Report").write_text("in the way")
    return root


def test_a_report_that_fails_does_not_hide_that_the_model_was_pushed(run: Run, root: Path) -> None:
    """Exit code 1, as a step failed; the version is in the summary, on the terminal, in the list of runs and served."""
    done = run(root, *run.quick)
    assert (done.code, done.summary["status"]) == (1, "failed")
    version, path = done.summary["pushed_version"], done.summary["pushed_path"]
    assert re.search(
        rf"^Failed in Report: .*\n(.+\n)*The model was pushed before that: version {version} is being served.$",
        done.verdict,
        re.MULTILINE,
    )
    assert f"\nModel     version {version} in {path}\n" in done.verdict
    assert (Path(path) / "saved_model.pb").is_file()
    listed = run.regpipe("runs", "--root", root).stdout
    assert re.split(" {2,}", listed.splitlines()[1])[2:] == [
        "failed, but pushed",
        str(len(done.summary["steps"])),
        str(version),
    ]


def states(root: Path) -> set[str]:
    """The states of all executions in the metadata store."""
    executions = RunStore.open(root).store.get_executions()
    return {mlmd.Execution.State.Name(execution.last_known_state) for execution in executions}


def test_an_error_outside_the_executor_leaves_no_step_running(root: Path) -> None:
    """TFX creates the folder of the outputs before it handles errors; the runner marks the execution as failed."""
    assert states(root) == {"COMPLETE", "FAILED"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_a_signal_ends(run: Run, tmp_path: Path, number: signal.Signals) -> None:
    """Exit code 128 + signal with a line, also in a training and if the signal comes twice; nothing is left over."""
    root, temporary = tmp_path / "root", tmp_path / "tmp"
    temporary.mkdir()
    process = subprocess.Popen(
        run.command("run", "--root", root, *run.quick, "--set", "training.epochs=100000",
                    "--set", "training.early_stopping=0", "--set", "model.l1=1e-4", "--set", "model.l2=1e-3",
                    "--set", "model.dropout=0.1"),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": str(temporary)},
    )  # fmt: skip
    assert process.stderr is not None
    lines = iter(process.stderr.readline, "")
    next(line for line in lines if line.startswith("Trainer") and " epoch " in line)
    for _ in range(2):
        process.send_signal(number)
    *_, last = lines
    process.stderr.close()
    assert process.wait(60) == 128 + number
    assert last == f"regpipe: ended by {number.name}; the next run takes finished steps from the cache\n"
    assert states(root) == {"COMPLETE", "CANCELED"}
    assert not list(temporary.iterdir())


def test_it_is_not_published_twice_by_hand(run: Run, root: Path) -> None:
    """`regpipe bless` refuses a run that has failed, but pushed."""
    failed = run.regpipe("runs", "--root", root).stdout
    run_id = failed.splitlines()[1].split()[0]
    arguments = ("bless", "--root", root, "--run", run_id, "--reason", "why", "--by", "ann")
    refused = run.regpipe(*arguments)
    assert (refused.returncode, refused.stderr) == (2, f"regpipe: run {run_id} was pushed already.\n")


@pytest.fixture(scope="module")
def repaired(run: Run, root: Path) -> tuple[Path, Completed]:
    """The root, and the next run, for which nothing is in the way."""
    (root / "artifacts" / "Report").unlink()
    return root, run(root, *run.quick)


def test_it_is_not_published_twice_by_the_next_run(repaired: tuple[Path, Completed]) -> None:
    """Which writes the missing report."""
    root, again = repaired
    assert (again.code, again.summary["status"]) == (0, "pushed")
    assert again.ran() == ["Pusher", "Report"]
    assert again.summary["already_published"]
    versions = [path.name for path in (root / "serving").iterdir() if path.name.isdecimal()]
    assert versions == [str(again.summary["pushed_version"])]


def test_damaged_records_in_the_cache_are_made_anew(run: Run, repaired: tuple[Path, Completed]) -> None:
    """A truncated verdict makes the Evaluator run again, and a truncated ingest record ExampleGen."""
    root, _ = repaired
    for record, step in (("verdict.json", "Evaluator"), ("ingest.json", "ExampleGen")):
        (file,) = root.glob(f"artifacts/{step}/*/*/{record}")
        file.write_bytes(file.read_bytes()[:200])
        again = run(root, *run.quick)
        assert (again.code, again.summary["status"]) == (0, "pushed")
        assert step in again.ran()
        assert "Transform" in again.cached() or step == "ExampleGen"
        file.unlink()
