"""A stub of the metadata store of a root on this machine."""

import sys
import types
from typing import Any

import pytest

import pipeline_def.runs


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A stub of pipeline_def.runs.run_store, which would import the metadata store."""

    class NoSuchRun(LookupError):
        pass

    stub = types.ModuleType("pipeline_def.runs.run_store")
    stub.NoSuchRun = NoSuchRun  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pipeline_def.runs.run_store", stub)
    monkeypatch.setattr(pipeline_def.runs, "run_store", stub, raising=False)
    root = types.SimpleNamespace(runs=None, shared=False)
    for command in ("runs", "schema"):
        monkeypatch.setattr(f"pipeline_def.cli.{command}.open_runs", lambda args, files=True: root)
    return stub
