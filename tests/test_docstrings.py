"""The examples in docstrings run and print what they show."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in ("components", "pipeline_def", "serving")
    for path in (ROOT / package).rglob("*.py")
    if ">>> " in path.read_text("utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    """Every line after `>>>` prints what follows it."""
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted > 0
    assert result.failed == 0


def test_there_are_examples() -> None:
    """What people call has an example."""
    expected = {
        "components.common.formatting",
        "components.common.suggestions",
        "components.evaluator.metrics",
        "components.saved_model.input_names",
        "components.training.optimizers",
        "pipeline_def.config.cron",
        "pipeline_def.config.load",
    }
    assert expected <= set(MODULES)
