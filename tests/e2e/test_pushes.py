"""Publishing in whole runs: killed runs, servers that poll, and rollbacks."""

import json
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import tensorflow as tf
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.common.model_files import model_digest
from components.pusher.publication import Destination, publish, version_store
from pipeline_def.runs.run_store import RunStore
from tests.waiting import wait_until

Run: TypeAlias = Any  # of conftest.py
HERE = Path(__file__).parent
PUSHES = 50
SECONDS = 60.0  # the limit of each wait


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    """A root in which every step up to the Evaluator is done."""
    root = tmp_path_factory.mktemp("publication")
    assert run(root, "--to-step", "Evaluator", *run.quick).code == 0
    return root


def regpipe(run: Run, *arguments: object) -> str:
    done = run.regpipe(*arguments)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def kill(when: str, run: Run, root: Path) -> None:
    arguments = ["run", "--root", root, *run.quick]
    done = subprocess.run(
        [sys.executable, HERE / "killed_run.py", when, *map(str, arguments)], capture_output=True, timeout=300
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def published(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "serving").iterdir() if path.is_dir())


def test_a_run_that_is_killed_while_publishing(run: Run, root: Path) -> None:
    """Before the rename there is no version, after it a complete one; the next run cleans up and records the version.

    Every push in the metadata store exists in the folder.
    """
    kill("before", run, root)
    (remaining,) = published(root)
    assert remaining.startswith("incoming-")
    kill("after", run, root)
    (version,) = published(root)
    assert version.isdecimal()
    signatures = tf.saved_model.load(str(root / "serving" / version)).signatures
    assert "serving_default" in signatures
    last = run(root, *run.quick)
    assert last.ran() == ["Pusher", "Report"]
    assert (last.code, last.summary["pushed_version"], last.summary["already_published"]) == (
        0,
        int(version),
        True,
    )
    assert f"serving/{version} (published already)" in last.verdict
    assert published(root) == [version]
    store = RunStore.open(root)
    pushed = [
        artifact.custom_properties["pushed_destination"].string_value
        for artifact in store.store.get_artifacts_by_type("PushedModel")
        if artifact.custom_properties["pushed"].int_value
    ]
    assert pushed == [str(root / "serving" / version)]
    executions = store.store.get_executions()
    assert mlmd.Execution.RUNNING not in {execution.last_known_state for execution in executions}
    summaries = [path.parent.name for path in root.glob("runs/*/summary.json")]
    assert sorted(path.name for path in root.glob("runs/*")) == sorted(summaries)
    listed = json.loads(regpipe(run, "runs", "--root", root, "--json"))
    assert [record["status"] for record in listed] == ["pushed", "interrupted", "interrupted", "partial"]


def test_a_candidate_that_was_replaced_after_the_evaluator_is_not_published(run: Run, tmp_path: Path) -> None:
    """Here by the baseline: the Trainer and the Evaluator come from the cache, and the Pusher fails."""
    root = tmp_path / "root"
    assert run(root, "--to-step", "Evaluator", *run.quick).code == 0
    candidate, baseline = (
        next((root / "artifacts").glob(f"{step}/model/*/Format-Serving"))
        for step in ("Trainer", "BaselineTrainer")
    )
    shutil.rmtree(candidate)
    shutil.copytree(baseline, candidate)
    done = run(root, *run.quick)
    assert (done.code, done.summary["steps"][-1]["name"]) == (1, "Pusher")
    assert done.summary["error"].startswith(
        f"BadModel: {candidate} was not published. Expected the model that was judged"
    )
    assert published(root) == []


def test_a_version_that_was_deleted_is_published_again(run: Run, root: Path) -> None:
    """The push is not taken from the cache, and gets a higher number."""
    before = run(root, *run.quick).summary["pushed_version"]
    subprocess.run(["rm", "-r", root / "serving" / str(before)], check=True)
    again = run(root, *run.quick)
    assert again.summary["pushed_version"] > before
    assert not again.summary["already_published"]
    assert published(root) == [str(again.summary["pushed_version"])]


def test_the_pipeline_does_not_undo_a_rollback(run: Run, root: Path) -> None:
    """The next run with the same model is not pushed: exit code 4, and the message names who rolled back and why.

    It was compared with the version of the rollback.
    """
    old = run(root, *run.quick).summary["pushed_version"]
    changed = (*run.quick, "--set", "model.l2=0.05")
    new = run(root, *changed).summary["pushed_version"]
    printed = regpipe(run, "rollback", old, "--root", root, "--by", "ann", "--reason", "complaints")
    assert printed.startswith(f"Version {old} is published again, as version ")
    (current, *_) = json.loads(regpipe(run, "versions", "--root", root, "--json"))
    assert (current["rollback"]["from_version"], current["rollback"]["to_version"]) == (new, old)
    assert model_digest(current["path"]) == model_digest(str(root / "serving" / str(old)))
    refused = run(root, *changed)
    assert (refused.code, refused.summary["pushed_version"]) == (4, None)
    reason = refused.summary["held_back"]
    assert reason == f"ann rolled back from this model on {current['rollback']['at']}: complaints"
    text = " ".join(refused.verdict.split())
    assert f"Not pushed: {reason}." in text
    assert refused.summary["served"]["outcome"] == "compared"
    assert "from a rollback by ann on 20" in refused.summary["served"]["sentence"]
    assert "Nothing was published" in text
    assert f"Blessed, but not pushed: {reason}." in Path(refused.summary["report_path"]).read_text("utf-8")
    assert run(root, *run.quick).summary["pushed_version"] == current["version"]


def test_a_failed_step_shows_the_end_of_its_log(run: Run, root: Path, tmp_path: Path) -> None:
    """A push to a file instead of a folder: exit code 1, the step, the error, the last lines and path of the log."""
    blocked = tmp_path / "serving"
    blocked.write_text("not a folder")
    done = run(root, *run.quick, "--set", f"serving.directory={blocked}")
    assert done.code == 1
    assert done.summary["status"] == "failed"
    sentence = f"NotADirectoryError: {blocked}: expected a folder to publish to, found a file."
    assert done.summary["error"] == sentence
    assert done.summary["log_tail"][-1] == sentence
    assert "Failed in Pusher: " in done.verdict
    assert done.summary["logs"] in done.verdict
    assert blocked.read_text() == "not a folder"


class Pollers:
    """Runs poller.py in a process that is killed, soon after it has read a version, and started again.

    Attributes:
        starts: the number of processes started.
    """

    def __init__(self, directory: Path, mark: Path, output: Path) -> None:
        self._command = [sys.executable, str(HERE / "poller.py"), str(directory), str(mark)]
        self._output = output
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.starts = 0

    def _work(self) -> None:
        chance = random.Random(1)
        while not self._done.is_set():
            before = self._output.stat().st_size
            with self._output.open("a") as output:
                process = subprocess.Popen(self._command, stdout=output)
            self.starts += 1
            wait_until(partial(self._has_read, before), SECONDS)
            self._done.wait(chance.uniform(0, 0.5))  # so that it is killed at a random point of its work
            process.kill()
            process.wait()

    def _has_read(self, size_before: int) -> bool:
        return self._done.is_set() or self._output.stat().st_size > size_before

    def __enter__(self) -> "Pollers":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


class Loader:
    """A thread that loads the highest version with TensorFlow; at random, it discards what it has loaded.

    Attributes:
        answers: each version that was loaded, with the model's prediction.
        errors: the errors of loading or predicting.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.answers: list[tuple[int, float]] = []
        self.errors: list[Exception] = []

    def _work(self) -> None:
        chance = random.Random(2)
        loaded = 0
        while not self._done.is_set():
            names = [path.name for path in self._directory.glob("*")]
            highest = max((int(name) for name in names if name.isdecimal()), default=0)
            try:
                if highest != loaded:
                    model = tf.saved_model.load(str(self._directory / str(highest)))
                    answer = model.signatures["serving_default"](x=tf.constant([1.0]))["probability"]
                    self.answers.append((highest, round(float(answer[0]), 2)))
            except Exception as error:
                self.errors.append(error)
            loaded = 0 if chance.random() < 0.2 else highest

    def __enter__(self) -> "Loader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def test_pollers_that_restart_see_complete_versions_and_no_older_ones(
    tmp_path: Path, make_model: Callable[..., str]
) -> None:
    """During 50 pushes, each version that is loaded is complete, and not older than one published before.

    The pushes follow each other without a pause, except that every fourth waits until both readers have its version.
    """
    serving, mark, output = tmp_path / "serving", tmp_path / "mark", tmp_path / "output"
    mark.touch()
    output.touch()
    models = {number / 100: make_model(number / 100) for number in range(1, PUSHES + 1)}
    place = Destination(directory=str(serving), keep_versions=5, model_name="m")
    made: dict[int, float] = {}
    with Pollers(serving, mark, output) as pollers, Loader(serving) as loader:
        for answer, model in models.items():
            version = publish(model, place, {}).version
            made[version] = answer
            beside = mark.with_name("mark.new")
            beside.write_text(str(version))
            beside.replace(mark)
            if len(made) % 4 == 0 or len(made) == PUSHES:
                wait_until(partial(have_read, version, output, loader), SECONDS)
    seen = list(lines(output))
    assert [line["error"] for line in seen if "error" in line] == []
    assert loader.errors == []
    assert pollers.starts > 5
    digests = {line["version"]: line["digest"] for line in seen}
    assert digests == {version: model_digest(models[made[version]]) for version in digests}
    assert all(made[version] == answer for version, answer in loader.answers)
    assert max(digests) == max(made) == loader.answers[-1][0]
    assert len(digests) > PUSHES / 5
    assert len({version for version, _ in loader.answers}) > PUSHES / 5
    assert version_store(place).versions() == list(made)[-5:]


def have_read(version: int, output: Path, loader: Loader) -> bool:
    """Returns whether both the poller and the loader have read the version; true also after an error."""
    found = list(lines(output))
    failed = bool(loader.errors) or any("error" in line for line in found)
    polled = any(line.get("version") == version for line in found)
    return failed or (polled and any(loaded == version for loaded, _ in loader.answers))


def lines(output: Path) -> Iterator[dict[str, Any]]:
    """Yields what the poller has printed; a line that is not complete yet is left out."""
    for line in output.read_text().split("\n")[:-1]:
        yield json.loads(line)
