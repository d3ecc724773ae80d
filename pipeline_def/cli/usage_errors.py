"""Usage errors, and the checks of arguments that several commands share."""

import argparse
import contextlib
import sys
from collections.abc import Iterable
from pathlib import Path

_MAX_MESSAGE = 500  # characters


class UsageError(Exception):
    """The arguments can't be used. The message names the option, what was expected and what was found."""


def print_error(problem: object, code: int) -> int:
    """Prints the lines of a problem to standard error, each after `regpipe: `; returns the exit code."""
    print_warnings(str(problem).splitlines())
    return code


def print_warnings(lines: Iterable[str]) -> None:
    """Prints each line to standard error, after `regpipe: `."""
    with contextlib.suppress(OSError):  # The terminal may have been closed.
        for line in lines:
            print(f"regpipe: {line}", file=sys.stderr)


def error_sentence(error: Exception) -> str:
    """Returns an error that no command handles, in one line."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}"
    text = " ".join(str(error).split())[:_MAX_MESSAGE]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def check_root(root: Path) -> None:
    """Raises a UsageError if the root is a file. A root that does not exist yet is valid."""
    if root.exists() and not root.is_dir():
        raise UsageError(f"--root: expected a folder, got the file {str(root)!r}")


def check_output(args: argparse.Namespace) -> None:
    """Raises a UsageError if -o is a folder, or a file that exists and --force is not given."""
    if args.output.is_dir():
        raise UsageError(f"-o: expected a file, got the folder {str(args.output)!r}")
    if args.output.exists() and not args.force:
        raise UsageError(f"-o: {args.output} exists; --force overwrites it")


def write_output(path: Path, text: str) -> None:
    """Writes the file that -o names.

    Raises:
        UsageError: it can't be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(output_error(path, error)) from None


def output_error(path: Path, error: OSError) -> str:
    """Returns the message for a file of -o that can't be written."""
    return f"-o: {path} can't be written: {(error.strerror or str(error)).lower()}"
