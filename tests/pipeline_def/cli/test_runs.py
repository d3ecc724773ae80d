"""`regpipe runs`; the metadata store is a stub."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline_def.cli.main import main
from pipeline_def.runs.summary import RunRecord


def test_runs_as_a_table_and_as_json(store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    records = [
        RunRecord(
            run_id="r2", started="2025-01-31T12:00:00+00:00", status="pushed", steps=10, pushed_version=7
        ),
        RunRecord(run_id="r1", status="interrupted", steps=3),
    ]
    store.list_runs = lambda runs, unfinished: records
    assert main(["runs"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "run  started                    status       steps  version",
        "r2   2025-01-31T12:00:00+00:00  pushed       10     7",
        "r1                              interrupted  3",
    ]
    assert main(["runs", "--json"]) == 0
    assert [record["run_id"] for record in json.loads(capsys.readouterr().out)] == ["r2", "r1"]


def test_a_run_that_was_blessed_by_hand_is_marked(store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    store.list_runs = lambda runs, unfinished: [
        RunRecord(run_id="r1", status="pushed", steps=10, pushed_version=7, blessed_by="ann")
    ]
    assert main(["runs"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "r1            pushed, blessed by hand  10     7"


def test_a_run_that_failed_after_its_push_is_marked(store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    store.list_runs = lambda runs, unfinished: [
        RunRecord(run_id="r2", status="failed", steps=11, pushed_version=7),
        RunRecord(run_id="r1", status="failed", steps=3),
    ]
    assert main(["runs"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "r2            failed, but pushed  11     7",
        "r1            failed              3",
    ]


def test_an_empty_list_of_runs_is_not_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--root", "none"]) == 0
    assert capsys.readouterr().out == (
        f"No runs under none yet; `regpipe run` makes the first one. The root is {Path('none').resolve()}; --root "
        "names another one, and --config the configuration of its runs.\n"
    )
    assert main(["runs", "--root", "none", "--json"]) == 0
    assert capsys.readouterr().out == "[]\n"
