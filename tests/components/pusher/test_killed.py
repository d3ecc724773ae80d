"""Kills a push with SIGKILL at each of its file operations; see killed.py."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from components.saved_model.warmup import replay


@pytest.mark.parametrize("earlier", [0, 2])
def test_killed_at_every_point(tmp_path: Path, make_model: Callable[..., str], earlier: int) -> None:
    """Every integer-named folder is complete, none is lost, and the next push cleans up and succeeds.

    With two versions there already, one is removed after the rename, so that this is walked through, too.
    """
    models = [make_model(answer) for answer in (*(0.25, 0.5)[:earlier], 0.75)]
    script = Path(__file__).with_name("killed.py")
    done = subprocess.run(
        [sys.executable, script, tmp_path / "serving", *models], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["points"] > 50
    assert 0 < result["there"] < result["points"] - 30
    assert replay(result["first"]) == 1
