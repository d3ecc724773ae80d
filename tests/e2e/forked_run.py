"""Runs `regpipe` in a fork of a process that has imported what a run imports, which costs 10 s of processor time.

That process, multiprocessing's fork server, does nothing but import: before the fork TensorFlow has no device, gRPC no
channel and Beam no worker. The fork does what `python -m pipeline_def.cli` does, with the environment and the folder of
the test and its outputs in files.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_MODULE = "tests.e2e.imported"


def run_forked(arguments: Sequence[str], seconds: float) -> "subprocess.CompletedProcess[str]":
    """Returns what `subprocess.run` returns for a program: the exit code, and the texts of both outputs.

    Raises:
        TimeoutExpired: it took longer than `seconds`, and was killed.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_MODULE])
    with tempfile.TemporaryDirectory() as folder:
        outputs = [Path(folder) / name for name in ("stdout", "stderr")]
        process = context.Process(target=_regpipe, args=(arguments, dict(os.environ), Path.cwd(), outputs))
        process.start()
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(list(arguments), seconds)
        stdout, stderr = (path.read_text() for path in outputs)
    return subprocess.CompletedProcess(list(arguments), process.exitcode, stdout, stderr)


def _regpipe(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, outputs: Sequence[Path]
) -> None:
    # The fork server ignores what it can't import.
    assert _MODULE in sys.modules, f"the fork server could not import {_MODULE}"
    for number, path in enumerate(outputs, 1):
        with path.open("wb") as file:
            os.dup2(file.fileno(), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["regpipe", *arguments]
    from pipeline_def.cli.main import main

    sys.exit(main(arguments))
