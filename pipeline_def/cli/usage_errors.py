"""What the commands have in common: how wrong arguments are refused."""

import argparse
import sys
from pathlib import Path


class UsageError(Exception):
    """The arguments can't be used. The message is a sentence for the person who typed them."""


def print_error(problem: object, code: int) -> int:
    """Writes a problem to standard error, each line with the name of the program; returns the exit code."""
    for line in str(problem).splitlines():
        print(f"regpipe: {line}", file=sys.stderr)
    return code


def check_root(root: Path) -> None:
    """Refuses a root that is a file; one that is not there yet is fine."""
    if root.exists() and not root.is_dir():
        raise UsageError(f"--root: expected a folder, got the file {str(root)!r}")


def check_output(args: argparse.Namespace) -> None:
    """Refuses an -o that is a folder, or a file that is there without --force."""
    if args.output.is_dir():
        raise UsageError(f"-o: expected a file, got the folder {str(args.output)!r}")
    if args.output.exists() and not args.force:
        raise UsageError(f"-o: {args.output} exists; --force overwrites it")


def write(path: Path, text: str) -> None:
    """Writes the file that -o names."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(unwritable(path, error)) from None


def unwritable(path: Path, error: OSError) -> str:
    """Why the file that -o names can't be written."""
    return f"-o: {path} can't be written: {(error.strerror or str(error)).lower()}"
