"""The module made.py, which builds a small run by hand."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def made() -> Any:
    """The module, found by its path: tests are no package."""
    spec = importlib.util.spec_from_file_location("made", Path(__file__).with_name("made.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
