"""The command line: arguments in, exit code out. Nothing heavy is imported until a command needs it."""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline_def import commands, help_texts
from pipeline_def.steps import STEP_NAMES


class _Version(argparse.Action):
    """Looks the version up only when asked: reading package metadata takes time."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib import metadata

        try:
            version = metadata.version("regpipe")
        except metadata.PackageNotFoundError:
            version = "(not installed; run from its source)"
        print(f"regpipe {version}")
        parser.exit()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; argparse itself exits, with 2, on wrong arguments."""
    parser = _parser()
    args = parser.parse_args(argv)
    for stream in (
        sys.stdout,
        sys.stderr,
    ):  # a column's name must not end a run on a terminal that can't show it
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if not hasattr(args, "command"):
        parser.print_help(sys.stderr)
        return 2
    return _answer(args)


def _answer(args: argparse.Namespace) -> int:
    from components.errors import DataRefused
    from pipeline_def.config import ConfigError

    try:
        code = int(args.command(args))
        sys.stdout.flush()
    except (commands.UsageError, ConfigError) as error:
        return _complain(str(error), 2)
    except DataRefused as error:
        return _complain(str(error), 3)
    except KeyboardInterrupt:
        return _complain(f"interrupted{getattr(args, 'on_interrupt', '')}", 130)
    except BrokenPipeError:  # `regpipe config | head`; Python would complain once more while it shuts down
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _complain(message: str, code: int) -> int:
    for line in message.splitlines():
        print(f"regpipe: {line}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="regpipe", **_texts(*help_texts.MAIN))
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    run = subparsers.add_parser("run", help="run the pipeline", **_texts(*help_texts.RUN))
    _add_run_options(run)
    run.set_defaults(command=commands.run, on_interrupt="; finished steps are taken from the cache next time")
    config = subparsers.add_parser("config", help="print the configuration", **_texts(*help_texts.CONFIG))
    _add_config_options(config)
    config.set_defaults(command=commands.config)
    init = subparsers.add_parser("init", help="write a configuration for a table", **_texts(*help_texts.INIT))
    init.add_argument("--data", required=True, metavar="PATH", help="the table; becomes data.input")
    init.add_argument("--label", required=True, metavar="NAME", help="the column to predict")
    _add_output(init, "pipeline.yaml")
    init.set_defaults(command=commands.init)
    runs = subparsers.add_parser("runs", help="list the runs under a root", **_texts(*help_texts.RUNS))
    _add_root(runs)
    runs.add_argument("--json", action="store_true", help="print a JSON list instead of a table")
    runs.set_defaults(command=commands.runs)
    bless = subparsers.add_parser(
        "bless", help="publish a model that was not blessed", **_texts(*help_texts.BLESS)
    )
    bless.add_argument("--run", required=True, metavar="ID", help="the run, see `regpipe runs`")
    bless.add_argument("--reason", required=True, metavar="TEXT", help="why, for whoever asks later")
    bless.add_argument("--by", metavar="NAME", help="who (default: the name you are logged in with)")
    _add_root(bless)
    bless.set_defaults(command=commands.bless)
    report = subparsers.add_parser(
        "report", help="where the report of a run is", **_texts(*help_texts.REPORT)
    )
    _add_root(report)
    report.add_argument(
        "--run", metavar="ID", help="the run, see `regpipe runs` (default: the last with a report)"
    )
    report.add_argument("--open", action="store_true", help="open it in the browser, too")
    report.set_defaults(command=commands.report)
    schema = subparsers.add_parser("schema", help="keep the schema of a run", **_texts(*help_texts.SCHEMA))
    actions = schema.add_subparsers(title="actions", metavar="ACTION", required=True)
    freeze = actions.add_parser("freeze", help="write it to a file", **_texts(*help_texts.FREEZE))
    _add_root(freeze)
    freeze.add_argument("--run", metavar="ID", help="the run, see `regpipe runs` (default: the last one)")
    _add_output(freeze, "schema.pbtxt")
    freeze.set_defaults(command=commands.freeze)
    return parser


def _add_run_options(run: argparse.ArgumentParser) -> None:
    _add_config_options(run)
    run.add_argument("--data", metavar="PATH", help="the table; stands for --set data.input=PATH")
    run.add_argument(
        "--label", metavar="NAME", help="the column to predict; stands for --set data.label=NAME"
    )
    _add_root(run)
    run.add_argument("--no-cache", action="store_true", help="run every step, even those that are unchanged")
    run.add_argument(
        "--json", action="store_true", help="print the summary as JSON, as the last thing on standard output"
    )
    run.add_argument(
        "--from-step", metavar="STEP", help=f"begin with this step, one of {', '.join(STEP_NAMES)}"
    )
    run.add_argument("--to-step", metavar="STEP", help="end with this step")


def _add_config_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="a YAML file (default: every key's default)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override one key, such as training.epochs=5 or 'model.hidden_units=[64, 32]'; may be repeated",
    )


def _add_root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--root",
        type=Path,
        default=Path("runs"),
        metavar="DIR",
        help="the folder that holds everything of the runs (default: runs)",
    )


def _add_output(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path(default),
        metavar="FILE",
        help=f"the file to write (default: {default})",
    )
    parser.add_argument("--force", action="store_true", help="overwrite the file if it exists")


def _texts(description: str, epilog: str) -> dict[str, Any]:
    return {
        "description": description,
        "epilog": epilog,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "allow_abbrev": False,  # an option added later must not change what an old command line means
    }


if __name__ == "__main__":
    sys.exit(main())
