"""The options --reason and --by of the commands that publish a model by hand."""

import argparse

from pipeline_def.cli.usage_errors import UsageError


def add_publisher(parser: argparse.ArgumentParser, *, reason_required: bool) -> None:
    """Adds --reason and --by."""
    parser.add_argument(
        "--reason", required=reason_required, metavar="TEXT", help="the reason, which is recorded"
    )
    parser.add_argument(
        "--by", metavar="NAME", help="your name, which is recorded (default: your login name)"
    )


def read_publisher(args: argparse.Namespace) -> tuple[str, str]:
    """Returns the name and the reason, each on one line; the reason is empty if it was not given.

    Raises:
        UsageError: one of them is given but empty.
    """
    import getpass

    for option, text in (("--reason", args.reason), ("--by", args.by)):
        if text is not None and not text.strip():
            raise UsageError(f"{option}: expected text that is not empty, got {text!r}")
    return args.by or getpass.getuser(), " ".join((args.reason or "").split())


def publisher_arguments(by: str, reason: str) -> list[str]:
    """Returns the options for a command that runs elsewhere on behalf of this person.

    Each is one argument, so that a text that begins with a hyphen is not taken for an option.
    """
    return [f"--by={by}", *([f"--reason={reason}"] if reason else [])]
