"""Runs a command of regpipe in a container on the cluster, on the cluster's root and metadata store.

    python -m pipeline_def.kubeflow.command_step --config JSON --command '["runs", "--json"]' --output FILE

It prints what the command prints, then its result for the machine that has submitted it (`command_result`), and ends
with the exit code of the command.
"""

import argparse
import html
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from components.common import storage
from pipeline_def.kubeflow.command_result import OUTPUT_FILE, CommandResult
from pipeline_def.terminal.control_characters import escaped_output


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    args = _parser().parse_args(argv)
    result = _run(json.loads(args.command), args.config)
    print(result.output, end="")
    print(result.errors, end="", file=sys.stderr, flush=True)
    storage.write(args.output, _page(result))
    print("\n".join(result.log_lines()), flush=True)
    return result.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipeline_def.kubeflow.command_step", allow_abbrev=False)
    parser.add_argument("--config", required=True, help="the configuration, as JSON")
    parser.add_argument("--command", required=True, help="the command and its options, as a JSON list")
    parser.add_argument(
        "--output", required=True, help="the file for the page that Kubeflow Pipelines displays"
    )
    return parser


def _run(command: Sequence[str], config: str) -> CommandResult:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "configuration.yaml"  # JSON is a subset of YAML
        file.write_text(config, encoding="utf-8")
        where = ["--cluster-root", "--config", str(file)]
        done = subprocess.run(
            [sys.executable, "-m", "pipeline_def.cli", *command, *where],
            cwd=folder,
            capture_output=True,
            text=True,
            errors="backslashreplace",
            check=False,
        )
        written = Path(folder) / OUTPUT_FILE
        content = written.read_bytes() if written.exists() else None
    return CommandResult(done.returncode, done.stdout, done.stderr, content)


def _page(result: CommandResult) -> bytes:
    """Returns the file that the command has written or, if it is not a page or there is none, the text as a page."""
    if result.file is not None and result.file.startswith(b"<!DOCTYPE html>"):
        return result.file
    text = (result.file or b"").decode(errors="backslashreplace") or result.output
    return f"<!DOCTYPE html>\n<meta charset=utf-8>\n<pre>{html.escape(text)}</pre>\n".encode()


if __name__ == "__main__":
    with escaped_output(is_log=True):
        sys.exit(main())
