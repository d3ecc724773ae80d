"""`regpipe schema freeze`; the metadata store is a stub."""

from pathlib import Path
from typing import Any

import pytest

from pipeline_def.cli.main import main


def test_freeze_writes_the_schema(store: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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


def test_freeze_of_an_unknown_run_is_a_usage_error(
    store: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def freeze_schema(root: Path, run_id: str | None, output: Path) -> Path:
        raise store.NoSuchRun("runs: run x has no schema.")

    store.freeze_schema = freeze_schema
    assert main(["schema", "freeze", "--run", "x", "-o", str(tmp_path / "s")]) == 2
    assert capsys.readouterr().err == "regpipe: runs: run x has no schema.\n"
