"""`regpipe schema freeze`; the metadata store is a stub."""

import sys
import types
from pathlib import Path
from typing import Any

import pytest

import pipeline_def.runs
from pipeline_def.cli.main import main


@pytest.fixture
def schemas(store: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str | None, bytes]:
    """The schemas of runs, by their ids; None: of the last run that has one."""
    found: dict[str | None, bytes] = {}

    def read_schema(_: Any, run_id: str | None) -> bytes:
        if run_id not in found:
            raise store.NoSuchRun(f"runs: run {run_id} has no schema")
        return found[run_id]

    stub = types.ModuleType("pipeline_def.runs.schema_file")
    stub.read_schema = read_schema  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pipeline_def.runs.schema_file", stub)
    monkeypatch.setattr(pipeline_def.runs, "schema_file", stub, raising=False)
    return found


def test_freeze_writes_the_schema(
    schemas: dict[str | None, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schemas |= {"r1": b"feature {}", None: b"feature { }"}
    output = tmp_path / "s.pbtxt"
    assert main(["schema", "freeze", "--run", "r1", "-o", str(output)]) == 0
    assert output.read_text() == "feature {}"
    assert f"Wrote {output}." in capsys.readouterr().out
    assert main(["schema", "freeze", "-o", str(output)]) == 2
    assert capsys.readouterr().err == f"regpipe: -o: {output} exists; --force overwrites it\n"
    assert main(["schema", "freeze", "-o", str(output), "--force"]) == 0
    assert output.read_text() == "feature { }"


@pytest.mark.usefixtures("schemas")
def test_freeze_of_an_unknown_run_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schema", "freeze", "--run", "x", "-o", str(tmp_path / "s")]) == 2
    assert capsys.readouterr().err == (
        f"regpipe: runs: run x has no schema. The root is {Path('runs').resolve()}; --root names another one, and "
        "--config the configuration of its runs.\n"
    )
