"""`regpipe doctor` prints each result, and returns 2 only if something required is not ok."""

import json
import time
from collections.abc import Callable

import pytest

from pipeline_def.cli.main import main
from pipeline_def.doctor import examination
from pipeline_def.doctor.check_result import CheckResult, optional, unused

OK = CheckResult("ok", "3.11")
MISSING = CheckResult("missing", "no Java", "install it")


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], CheckResult]]:
    """The checks, to be filled by the test."""
    named: dict[str, Callable[[], CheckResult]] = {}
    monkeypatch.setattr(examination, "checks", lambda config, root: named)
    return named


def test_what_is_not_needed_does_not_count(
    found: dict[str, Callable[[], CheckResult]], capsys: pytest.CaptureFixture[str]
) -> None:
    """It is shown with what could be done."""
    found |= {
        "Python": lambda: OK,
        "registry": lambda: optional(MISSING),
        "Java": lambda: unused(MISSING, "Beam on Flink"),
        "Docker": lambda: unused(OK, "an image"),
    }
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Python          ok       3.11",
        "registry        missing  no Java (not needed)",
        "                         -> install it",
        "Java            unused   no Java; needed only for Beam on Flink",
        "Docker          ok       3.11",
        "",
        "Everything that this configuration needs is there.",
    ]


def test_what_is_needed_counts(
    found: dict[str, Callable[[], CheckResult]], capsys: pytest.CaptureFixture[str]
) -> None:
    """A check that raises is a problem, too; with --json there is a list."""

    def broken() -> CheckResult:
        raise RuntimeError("no")

    found |= {"Java": lambda: MISSING, "store": broken}
    assert main(["doctor"]) == 2
    assert capsys.readouterr().out.splitlines()[-1] == "2 of what this configuration needs are not ok."
    assert main(["doctor", "--json"]) == 2
    java, store = json.loads(capsys.readouterr().out)
    assert java == {
        "check": "Java",
        "state": "missing",
        "found": "no Java",
        "advice": "install it",
        "required": True,
    }
    assert (store["state"], store["found"]) == ("problem", "RuntimeError: no")


def test_slow_checks_run_at_the_same_time(found: dict[str, Callable[[], CheckResult]]) -> None:
    """Ten of half a second each take much less than five seconds."""

    def slow() -> CheckResult:
        time.sleep(0.5)
        return OK

    found |= {str(number): slow for number in range(10)}
    started = time.monotonic()
    assert main(["doctor"]) == 0
    assert time.monotonic() - started < 3


def test_a_wrong_configuration_is_reported_as_usual(capsys: pytest.CaptureFixture[str]) -> None:
    """No check is run."""
    assert main(["doctor", "--set", "model.l1=x"]) == 2
    assert "model.l1: expected" in capsys.readouterr().err
