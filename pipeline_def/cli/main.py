"""Parses the arguments, runs one command and returns its exit code.

Heavy imports stay inside the functions of the commands, so that `regpipe --help` is printed at once.
"""

import argparse
import contextlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline_def.cli import (
    bless,
    clean,
    compile,
    config,
    doctor,
    drift,
    init,
    predict,
    report,
    rollback,
    run,
    runs,
    schedule,
    schema,
    serve,
    snapshot,
    study,
    submit,
    versions,
)
from pipeline_def.cli.arguments import CommandParser, help_format
from pipeline_def.cli.usage_errors import UsageError, error_sentence, print_error
from pipeline_def.launcher import lazy_imports
from pipeline_def.local.interruption import Interrupted, ignore_signals, interruptible
from pipeline_def.terminal.control_characters import escaped_output

# The commands, in the order of the help. Each module has `add_command(subparsers)`.
COMMANDS = (
    run,
    study,
    init,
    snapshot,
    config,
    doctor,
    runs,
    report,
    schema,
    bless,
    versions,
    rollback,
    clean,
    serve,
    predict,
    drift,
    compile,
    submit,
    schedule,
)

_LOG = "regpipe-errors.log"
_SIGNAL_CODE = 128  # as a shell reports a process that a signal ended
DESCRIPTION = """\
Turns a table of numeric features and a yes/no label into a served model, and
publishes the model only if it passes the thresholds of a comparison with the
same network trained without regularization."""
EPILOG = f"""\
start here:
  regpipe run                                     run with the sample table
  regpipe run --data churn.csv --label churned    run with your own table
  regpipe init --data churn.csv --label churned   write a configuration for it
  regpipe run --config pipeline.yaml              run with that configuration

`regpipe COMMAND --help` explains each command.

{run.EXIT_CODES}"""


class _Version(argparse.Action):
    """Prints the version. The package metadata is read only here, because reading it takes time."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib import metadata

        try:
            version = metadata.version("regpipe")
        except metadata.PackageNotFoundError:
            version = "(not installed; run from its source)"
        print(f"regpipe {version}")
        parser.exit()


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code.

    Raises:
        SystemExit: raised by argparse, with exit code 2 for wrong arguments and 0 after --help or --version.
    """
    lazy_imports.install()
    for stream in (sys.stdout, sys.stderr):
        # A column name that the terminal can't encode must not end the run.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    with escaped_output():
        parser = make_parser()
        args = parser.parse_args(argv)
        if not hasattr(args, "command"):
            parser.print_help(sys.stderr)
            return 2
        with interruptible():
            return _run_command(args)


def _run_command(args: argparse.Namespace) -> int:
    from components.common.errors import DataRefused
    from pipeline_def.config.load import ConfigError
    from pipeline_def.runs.damaged_store import DamagedStore

    try:
        code = int(args.command(args))
        sys.stdout.flush()
    except (UsageError, ConfigError, DamagedStore) as error:
        return print_error(str(error), 2)
    except DataRefused as error:
        return print_error(str(error), 3)
    except KeyboardInterrupt as error:
        ignore_signals()
        number = error.signal if isinstance(error, Interrupted) else signal.SIGINT
        how = "interrupted" if number == signal.SIGINT else f"ended by {number.name}"
        return print_error(f"{how}{getattr(args, 'on_interrupt', '')}", _SIGNAL_CODE + number)
    except BrokenPipeError:  # as in `regpipe config | head`; Python would print another error at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        return print_error(error_sentence(error) + _log_traceback(getattr(args, "root", None)), 1)
    return code


def _log_traceback(root: Path | None) -> str:
    """Appends the traceback to a log, under the root if there is one; returns where it is, for the message."""
    import datetime
    import tempfile
    import traceback

    folders = [root] if root is not None and root.is_dir() else []
    for folder in (*folders, Path(tempfile.gettempdir())):
        path = folder / _LOG
        with contextlib.suppress(OSError), path.open("a", encoding="utf-8") as log:
            log.write(f"{datetime.datetime.now(datetime.UTC).isoformat()}\n{traceback.format_exc()}\n")
            return f"; see {path}"
    return ""


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of `regpipe` with all commands."""
    parser = CommandParser(prog="regpipe", **help_format(DESCRIPTION, EPILOG))
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in COMMANDS:
        command.add_command(subparsers)
    return parser
