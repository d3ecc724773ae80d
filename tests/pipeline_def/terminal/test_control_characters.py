"""Control characters of data never reach a terminal."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pipeline_def.terminal.control_characters import EscapingBytes, escape_controls, escaped_output, unescaped
from pipeline_def.terminal.run_display import RunDisplay

SEQUENCE = "\x1b]0;title\x07"  # changes the title of the window


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, é, 年\n\tnext", "plain, é, 年\n\tnext"),
        ("\x1b[31mred\x1b]0;title\x07", "\\x1b[31mred\\x1b]0;title\\x07"),
        ("a\rb\x08c\x00\x7f", "a\\rb\\x08c\\x00\\x7f"),
        ("\x9b31m\x85", "\\x9b31m\\x85"),  # C1: some terminals take \x9b for ESC [
        ("1\u202e2\u2066", "1\\u202e2\\u2066"),
    ],
)
def test_escapes(text: str, shown: str) -> None:
    """All control characters but newline and tab, and those that reverse text, are escapes; nothing else changes."""
    assert escape_controls(text) == shown
    binary = io.BytesIO()
    assert EscapingBytes(binary).write(text.encode()) == len(text.encode())
    assert binary.getvalue().decode() == shown


def test_standard_output_and_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal and standard error get escapes; a file gets the text; a library can write its own sequences."""
    out, err = Terminal(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    with escaped_output():
        print("a\x1b[0mb")
        print("c\x1b[0md", file=sys.stderr)
        sys.stdout.writelines(["\x07\n"])
        unescaped(sys.stdout).write("\x1b[1m")
    assert (sys.stdout, sys.stderr) == (out, err)
    assert out.getvalue() == "a\\x1b[0mb\n\\x07\n\x1b[1m"
    assert err.getvalue() == "c\\x1b[0md\n"
    file = io.StringIO()
    monkeypatch.setattr(sys, "stdout", file)
    with escaped_output():
        print("a\x1b[0mb")
    assert file.getvalue() == "a\x1b[0mb\n"


@pytest.mark.parametrize("live", [True, False])
def test_the_display_of_a_run(live: bool) -> None:
    """Progress and notes are escaped, on a terminal and elsewhere."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100) if live else None
    with RunDisplay(["Trainer"], stream, console) as display:
        display.start("Trainer")
        display.progress("Trainer", "epoch 1 of \x1b]0;title\x07")
        display.note("column 'a\x1b[8mb'")
    for shown in ("epoch 1 of \\x1b]0;title\\x07", "column 'a\\x1b[8mb'"):
        assert shown in stream.getvalue()
    assert "\x1b]0;" not in stream.getvalue()


def on_a_terminal(arguments: list[str], folder: Path) -> str:
    """Runs `regpipe` with a terminal for its output; returns what the terminal gets."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pipeline_def.cli", *arguments]
    done = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
    os.close(theirs)
    received = b""
    try:
        while part := os.read(ours, 65_536):
            received += part
    except OSError:  # Linux's end of a terminal
        pass
    finally:
        os.close(ours)
        done.wait(60)
    return received.decode()


def test_a_command(tmp_path: Path) -> None:
    """The names of columns, and the error about a file, have escapes on a terminal."""
    title = "x\x1b]0;title\x07"
    rows = "".join(f"{number / 7},{number % 2}\n" for number in range(40))
    (tmp_path / "t.csv").write_text(f"{title},y\n{rows}")
    arguments: dict[str, Any] = {
        "columns": ["init", "--data", "t.csv", "--label", "y"],
        "error": ["init", "--data", f"{title}.csv", "--label", "y", "-o", "other.yaml"],
    }
    for given in arguments.values():
        printed = on_a_terminal(given, tmp_path)
        assert "x\\x1b]0;title\\x07" in printed
        assert "\x1b]0;" not in printed


STEP = ["--run-id", "r1", "--step", "ExampleGen"]
ATTEMPTS = ["--retries", "0", "--backoff", "1", "--retry-window", "9", "--timeout", "0"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["verdict_step", "--status", "failed", "--message", f"the column 'a{SEQUENCE}' is empty"],
        [
            "step_entrypoint",
            *STEP,
            "--root",
            "ROOT",
            "--config",
            "{}",
            "--set",
            f"training.epochs={SEQUENCE}",
        ],
        ["step_attempts", *STEP, "--root", f"/proc/a{SEQUENCE}", *ATTEMPTS],
    ],
    ids=lambda arguments: str(arguments[0]),
)
def test_the_log_of_a_step_on_kubeflow(arguments: list[str], tmp_path: Path) -> None:
    """`kubectl logs` prints it on a terminal."""
    module, *options = [str(tmp_path) if word == "ROOT" else word for word in arguments]
    command = [sys.executable, "-m", f"pipeline_def.kubeflow.{module}", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "\\x1b]0;title\\x07" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_standard_output_of_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    with escaped_output(is_log=True):
        print("a\x1b[0mb")
    assert out.getvalue() == "a\\x1b[0mb\n"
