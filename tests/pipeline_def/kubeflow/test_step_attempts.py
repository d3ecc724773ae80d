"""How often a step is tried on each backend: the command of a step's container, and a model of Argo around it."""

import functools
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from pipeline_def.config.load import load_config
from pipeline_def.kubeflow import attempt_record, step_attempts
from pipeline_def.kubeflow.compiler import compile_kubeflow
from tests.standins.argo_retries import BACKENDS, Argo, PodDeleted, PodKilled

GUIDE = Path(__file__).parents[3] / "docs" / "kubeflow.md"
RETRIES = 2
LATEST = "2.17.0"
# What an attempt does: an exit code, 128 + a signal, or how its pod ends.
Event = int | type[BaseException]
KILLED, TIMED_OUT = 128 + signal.SIGKILL, 124


@functools.cache
def compiled(*settings: str) -> dict[str, Any]:
    """Returns the compiled pipeline with settings such as "retries=2"."""
    given = ["kubeflow.image=i", "data.input=/d", *(f"kubeflow.steps.{one}" for one in settings)]
    spec: dict[str, Any] = next(yaml.safe_load_all(compile_kubeflow(load_config(None, given))))
    return spec


class Step:
    """One step of a run: the real command of its container, with attempts that do what `events` says.

    Attributes:
        events: what the attempts do; the last one is repeated.
        started: the times of the attempts, in seconds.
        recorded: the messages that were recorded for attempts which could not do it themselves.
    """

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.events: list[Event] = [0]
        self.clock, self.length = 1_000_000.0, 60.0
        self.started: list[float] = []
        self.recorded: list[str] = []
        self._set_variable = monkeypatch.setenv
        monkeypatch.setattr(step_attempts, "_run_once", self._attempt)
        monkeypatch.setattr(step_attempts, "time", SimpleNamespace(time=lambda: self.clock, sleep=self.wait))

    def wait(self, seconds: float) -> None:
        self.clock += seconds

    def _attempt(self, command: list[str], timeout: int) -> int:
        if "--failed" in command:
            self.recorded.append(command[-1])
            return 0
        self.started.append(self.clock)
        self.clock += self.length
        event = self.events.pop(0) if len(self.events) > 1 else self.events[0]
        if isinstance(event, int):
            return event
        raise event

    def pod(self, node: str) -> int:
        """Runs the container of a new pod, and returns its exit code."""
        self._set_variable("REGPIPE_WORKFLOW_NODE", node)
        return step_attempts.main([*self.arguments, "--"])

    def compile(self, *settings: str) -> None:
        """Takes arguments and retry policy from the compiled pipeline."""
        spec = compiled(*settings)
        arguments = spec["deploymentSpec"]["executors"]["exec-trainer"]["container"]["args"]
        replaced = {"{{$.inputs.parameters['run_id']}}": "r1", "/mnt/regpipe": str(self.root)}
        self.arguments = [replaced.get(word, word) for word in arguments if word != "--"]
        self.policy = spec["root"]["dag"]["tasks"]["trainer"].get("retryPolicy")

    def run_on(self, backend: str) -> str:
        """Runs the step on a backend until it ends, and returns its phase."""
        return Argo(BACKENDS[backend], self.policy, lambda: self.clock, self.wait).run(self.pod)[0]


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    made = Step(tmp_path, monkeypatch)
    made.compile(f"retries={RETRIES}")
    return made


# The rows of the table in docs/kubeflow.md, and whether such an attempt is tried again up to 2.16, and on 2.17.
CASES: dict[str, tuple[Event, bool, bool]] = {
    "exits with an error": (1, True, True),
    "is killed (137, also by the memory limit), and its container continues": (KILLED, True, True),
    "takes longer than `kubeflow.steps.timeout`": (TIMED_OUT, True, True),
    "is killed with its whole container, or its pod is evicted": (PodKilled, True, False),
    "loses its pod, because the pod is deleted or the node is lost": (PodDeleted, False, True),
    "refuses the data (exit code 3)": (3, False, False),
    "refuses the configuration (exit code 2)": (2, False, False),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES)
def test_how_often_a_step_is_tried(step: Step, case: str, backend: str) -> None:
    """`retries` + 1 times if the failure is one that is tried again, else once; never more."""
    event, before, since = CASES[case]
    step.events = [event]
    assert step.run_on(backend) in ("Failed", "Error")
    again = since if backend == LATEST else before
    assert len(step.started) == (1 + RETRIES if again else 1)


def test_the_guide_has_this_table() -> None:
    """A row for each case, with yes and no as the model has them."""
    rows = re.findall(r"^\| (.+?) \| (yes|no) \| (yes|no) \|$", GUIDE.read_text("utf-8"), re.MULTILINE)
    words = {True: "yes", False: "no"}
    assert rows == [(case, words[before], words[since]) for case, (_, before, since) in CASES.items()]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("event", [1, KILLED, PodKilled, PodDeleted, TIMED_OUT])
def test_without_retries_there_is_one_attempt(step: Step, event: Event, backend: str) -> None:
    """Also on 2.17, whose defaults replace a deleted pod twice."""
    step.compile("retries=0")
    step.events = [event]
    step.run_on(backend)
    assert len(step.started) == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_step_that_succeeds_after_failures_has_succeeded(step: Step, backend: str) -> None:
    """In one pod, without a further attempt."""
    step.events = [1, KILLED, 0]
    assert step.run_on(backend) == "Succeeded"
    assert len(step.started) == 3


def test_the_attempts_of_all_pods_are_counted_together(step: Step) -> None:
    """A failure, a deleted pod and a failure are three attempts, in two pods."""
    step.events = [1, PodDeleted, 1]
    assert step.run_on(LATEST) == "Failed"
    assert len(step.started) == 3


def test_pods_that_are_lost_too_often(step: Step, capsys: Any) -> None:
    """When Argo starts the step's graph anew, as on 2.17, there is no further attempt, and the failure is recorded."""
    step.events = [PodDeleted]
    assert step.run_on(LATEST) == "Error"
    assert step.run_on(LATEST) == "Failed"
    assert len(step.started) == 1 + RETRIES
    why = "its pod was lost; there are no more attempts (kubeflow.steps.retries: 2)"
    assert step.recorded == [f"Trainer: {why}"]
    assert capsys.readouterr().err.splitlines()[-1] == f"regpipe: Trainer: {why}"


def test_the_waits_double(step: Step) -> None:
    """`backoff` after the end of the first attempt, then twice as long."""
    step.compile("retries=3", "backoff=10")
    step.events = [1]
    step.run_on(LATEST)
    assert [round(at - step.started[0]) for at in step.started] == [0, 70, 150, 250]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("event", "name"), [(1, "retries"), (PodKilled, "pods")])
def test_a_long_attempt_is_tried_again(step: Step, event: Event, name: str, backend: str) -> None:
    """An attempt of three days; kfp's own limit would be an hour for all attempts."""
    step.length = 3 * 86400
    step.events = [event]
    step.run_on(backend)
    assert len(step.started) == (1 if backend == LATEST and name == "pods" else 1 + RETRIES)


def test_the_last_line_of_the_log_is_the_reason(step: Step, capsys: Any) -> None:
    """A step that fails prints its reason last, and nothing follows it."""
    step.events = [1]
    step.run_on(LATEST)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "regpipe: Trainer: attempt 1 of 3: it ended with exit code 1; trying again in 30 s",
        "regpipe: Trainer: attempt 2 of 3: it ended with exit code 1; trying again in 60 s",
    ]


def test_no_attempt_is_started_after_the_window(step: Step, capsys: Any) -> None:
    """It counts from the start of the first attempt."""
    step.compile("retries=9", "retry_window=100", "backoff=0")
    step.events = [1]
    step.run_on(LATEST)
    assert [round(at - step.started[0]) for at in step.started] == [0, 60]
    assert (
        "the first attempt started more than 100 s ago (kubeflow.steps.retry_window)"
        in capsys.readouterr().err
    )


def test_a_failed_step_can_be_retried_by_hand(step: Step) -> None:
    """Kubeflow's button "Retry" starts a pod with the number 0, and the step has all its attempts again."""
    for _ in range(2):
        step.events = [1]
        assert step.run_on("2.16.1") == "Failed"
    assert len(step.started) == 2 * (1 + RETRIES)


def test_a_step_whose_pod_is_lost_after_its_end_runs_again(step: Step) -> None:
    """Because Kubeflow has not read its outputs."""
    assert step.pod("x(0)") == 0
    assert step.pod("x(1)") == 0
    assert len(step.started) == 2


def test_a_killed_step_leaves_a_summary(step: Step) -> None:
    """It can't write one itself; one that failed has written its own."""
    step.events = [1]
    step.run_on(LATEST)
    assert step.recorded == []
    step.events = [KILLED]
    step.run_on(LATEST)
    (message,) = step.recorded
    assert "it was killed by SIGKILL, perhaps because it used more than kubeflow.steps.memory" in message


def test_a_damaged_record_is_ignored(step: Step) -> None:
    """A file that is cut off, of which nothing can be read."""
    file = step.root / "runs" / "r1" / "attempts" / "Trainer.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"attempts": [{"st')
    assert step.run_on(LATEST) == "Succeeded"
    assert json.loads(file.read_text())["attempts"][0]["exit_code"] == 0


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_the_step_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    """The real command: a wrong parameter of the run ends with exit code 2 and a summary, and is not tried again."""
    rules = ["--retries", "1", "--backoff", "0", "--retry-window", "99", "--timeout", "0"]
    arguments = ["--root", str(tmp_path), "--run-id", "r1", "--step", "ExampleGen", "--"]
    wrong = ["--config", "{}", "--set", "training.epochs=0"]
    assert step_attempts.main([*rules, *arguments, *wrong]) == 2
    record = json.loads((tmp_path / "runs/r1/attempts/ExampleGen.json").read_text())
    assert [attempt["exit_code"] for attempt in record["attempts"]] == [2]
    assert "training.epochs" in json.loads((tmp_path / "runs/r1/summary.json").read_text())["error"]


def test_exit_codes_of_processes() -> None:
    """A process that a signal kills has 128 + its number."""
    assert step_attempts._run_once(python("raise SystemExit(3)"), 0) == 3
    killed = python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert step_attempts._run_once(killed, 0) == 137


def test_an_attempt_ends_at_its_timeout(tmp_path: Path) -> None:
    """With the processes that it has started."""
    file = tmp_path / "pid"
    child = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
    )
    code = f"{child}; open({str(file)!r}, 'w').write(str(p.pid)); p.wait()"
    assert step_attempts._run_once(python(code), 2) == TIMED_OUT
    _assert_gone(int(file.read_text()))


def test_a_terminated_container_ends_its_step(tmp_path: Path) -> None:
    """SIGTERM to the container's command, as when its pod is deleted: exit code 143, and the attempt has no end."""
    pid = tmp_path / "pid"
    attempt = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    code = (
        "import sys; from pipeline_def.kubeflow import step_attempts\n"
        f"step_attempts._command = lambda args: {python(attempt)!r}\n"
        "sys.exit(step_attempts.main(sys.argv[1:]))"
    )
    rules = ["--retries", "1", "--backoff", "0", "--retry-window", "99", "--timeout", "0"]
    step = ["--root", str(tmp_path), "--run-id", "r1", "--step", "Trainer"]
    process = subprocess.Popen([*python(code), *rules, *step])
    while not (pid.exists() and pid.read_text()):
        assert process.poll() is None
        time.sleep(0.05)
    process.terminate()
    assert process.wait(60) == 143
    _assert_gone(int(pid.read_text()))
    (recorded,) = json.loads((tmp_path / "runs/r1/attempts/Trainer.json").read_text())["attempts"]
    assert recorded["exit_code"] is None


def _assert_gone(pid: int) -> None:
    """A process that has ended may be a zombie until its parent reads its status."""
    stat = Path(f"/proc/{pid}/stat")
    deadline = time.monotonic() + 30
    while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_record_may_be_on_an_object_store(gcs: Any) -> None:
    """It is read and written by a process that ends, so this one does not import TensorFlow for it."""
    path = attempt_record.path_of("gs://bucket/churn", "r1", "Trainer")
    record = attempt_record.AttemptRecord().start(5.0).end(1, final=True)
    attempt_record.write(path, record)
    assert attempt_record.read(path) == record
