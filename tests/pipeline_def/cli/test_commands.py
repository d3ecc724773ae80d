"""`regpipe config`, `init`, `runs` and `schema freeze`; the metadata store is a stub."""

import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import pipeline_def
from pipeline_def.cli.main import main
from pipeline_def.config.load import config_yaml, load_config
from pipeline_def.runs.summary import RunRecord


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Stands for pipeline_def.runs.run_store, which imports the metadata store."""

    class NoSuchRun(LookupError):
        pass

    stub = types.ModuleType("pipeline_def.runs.run_store")
    stub.NoSuchRun = NoSuchRun  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pipeline_def.runs.run_store", stub)
    monkeypatch.setattr(pipeline_def, "runs", stub, raising=False)
    return stub


def test_config_prints_the_effective_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--set", "model.l1=0.5"]) == 0
    assert capsys.readouterr().out == config_yaml(load_config(None, ["model.l1=0.5"]))


def test_runs_as_a_table_and_as_json(store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    records = [
        RunRecord(
            run_id="r2", started="2025-01-31T12:00:00+00:00", status="pushed", steps=10, pushed_version=7
        ),
        RunRecord(run_id="r1", status="interrupted", steps=3),
    ]
    store.list_runs = lambda root: records
    assert main(["runs"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "run  started                    status       steps  version",
        "r2   2025-01-31T12:00:00+00:00  pushed       10     7",
        "r1                              interrupted  3",
    ]
    assert main(["runs", "--json"]) == 0
    assert [record["run_id"] for record in json.loads(capsys.readouterr().out)] == ["r2", "r1"]


def test_a_run_that_was_blessed_by_hand_says_so(store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    store.list_runs = lambda root: [
        RunRecord(run_id="r1", status="pushed", steps=10, pushed_version=7, blessed_by="ann")
    ]
    assert main(["runs"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "r1            pushed, blessed by hand  10     7"


def test_a_run_that_failed_after_its_push_says_so(store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    store.list_runs = lambda root: [
        RunRecord(run_id="r2", status="failed", steps=11, pushed_version=7),
        RunRecord(run_id="r1", status="failed", steps=3),
    ]
    assert main(["runs"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "r2            failed, but pushed  11     7",
        "r1            failed              3",
    ]


def test_no_runs_yet_is_no_error(store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def list_runs(root: Path) -> list[RunRecord]:
        raise store.NoSuchRun

    store.list_runs = list_runs
    assert main(["runs", "--root", "none"]) == 0
    assert capsys.readouterr().out == "No runs under none yet; `regpipe run` makes the first.\n"
    assert main(["runs", "--root", "none", "--json"]) == 0
    assert capsys.readouterr().out == "[]\n"


def test_freeze(store: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls = []

    def freeze_schema(root: Path, run_id: str | None, output: Path) -> Path:
        calls.append((root, run_id, output))
        return output

    store.freeze_schema = freeze_schema
    output = tmp_path / "s.pbtxt"
    assert main(["schema", "freeze", "--run", "r1", "-o", str(output)]) == 0
    assert calls == [(Path("runs"), "r1", output)]
    assert f"Wrote {output}." in capsys.readouterr().out
    output.touch()
    assert main(["schema", "freeze", "-o", str(output)]) == 2
    assert capsys.readouterr().err == f"regpipe: -o: {output} exists; --force overwrites it\n"
    assert main(["schema", "freeze", "-o", str(output), "--force"]) == 0


def test_freeze_of_an_unknown_run(store: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def freeze_schema(root: Path, run_id: str | None, output: Path) -> Path:
        raise store.NoSuchRun("runs: run x has no schema.")

    store.freeze_schema = freeze_schema
    assert main(["schema", "freeze", "--run", "x", "-o", str(tmp_path / "s")]) == 2
    assert capsys.readouterr().err == "regpipe: runs: run x has no schema.\n"


def table(path: Path, labels: tuple[str, ...]) -> None:
    rows = [f"{n}.5,{n * n},town {n},{labels[n % len(labels)]}" for n in range(40)]
    path.write_text("\n".join(["age,income,town,bought", *rows]) + "\n")


def test_init_writes_a_configuration_that_says_what_was_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = tmp_path / "t.csv", tmp_path / "p.yaml"
    table(source, ("yes", "no", "no"))
    assert main(["init", "--data", str(source), "--label", "bought", "-o", str(output)]) == 0
    config = load_config(output)
    assert (config.data.input, config.data.label) == (str(source), "bought")
    assert (config.data.positive_label, config.data.ignore, config.data.features) == ("yes", ("town",), ())
    assert "# A guess out of 'no', 'yes': correct it if it is wrong.\n" in output.read_text()
    assert capsys.readouterr().out.splitlines() == [
        f"{source} (CSV, delimiter ','): 4 columns",
        "  label     'bought' with the values 'no', 'yes'",
        "            'yes' counts as 1, which is a guess: see data.positive_label",
        "  features  2: 'age', 'income'",
        "  warning   Left out, because they hold text throughout: 'town'.",
        f"Wrote {output}. Next: regpipe run --config {output}",
    ]


def test_init_overwrites_only_when_forced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, output = tmp_path / "t.csv", tmp_path / "p.yaml"
    table(source, ("0", "1"))
    output.write_text("mine")
    arguments = ["init", "--data", str(source), "--label", "bought", "-o", str(output)]
    assert main(arguments) == 2
    assert output.read_text() == "mine"
    assert capsys.readouterr().err == f"regpipe: -o: {output} exists; --force overwrites it\n"
    assert main([*arguments, "--force"]) == 0
    assert load_config(output).data.positive_label is None


def test_init_refuses_what_a_run_would_refuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, output = tmp_path / "t.csv", tmp_path / "p.yaml"
    table(source, ("a", "b", "c"))
    assert main(["init", "--data", str(source), "--label", "bought", "-o", str(output)]) == 3
    assert main(["init", "--data", str(source), "--label", "boght", "-o", str(output)]) == 3
    assert main(["init", "--data", str(tmp_path / "none.csv"), "--label", "y", "-o", str(output)]) == 3
    assert not output.exists()
    assert "Did you mean 'bought'?" in capsys.readouterr().err
