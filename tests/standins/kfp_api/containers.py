"""Runs the containers of a pipeline as processes of this machine, one after the other, without images and volumes."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def run_containers(
    spec: Mapping[str, Any], parameters: Mapping[str, Any], folder: Path
) -> tuple[bool, list[str]]:
    """Runs the executors of a pipeline spec with the parameters of its run.

    The placeholders are replaced as by launcher-v2 (component/launcher_v2.go, at 2.17.0): a text by itself, other
    values by JSON.

    Returns:
        Whether all exit codes were 0, and the log of each container.
    """
    succeeded, logs = True, []
    for name, executor in spec["deploymentSpec"]["executors"].items():
        container = executor["container"]

        def value(found: re.Match[str], name: str = name) -> str:
            if found[1] == "outputs.artifacts":
                path = folder / name / found[2]
                path.parent.mkdir(parents=True, exist_ok=True)
                return str(path)
            given = parameters[found[2]]
            return given if isinstance(given, str) else json.dumps(given)

        pattern = r"\{\{\$\.(inputs\.parameters|outputs\.artifacts)\['(\w+)'\](?:\.path)?\}\}"
        words = [re.sub(pattern, value, word) for word in (*container["command"], *container.get("args", ()))]
        if words[0] == "python":
            words[0] = sys.executable
        done = subprocess.run(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
        )
        logs.append(done.stdout)
        if done.returncode:
            succeeded = False
            break
    return succeeded, logs
