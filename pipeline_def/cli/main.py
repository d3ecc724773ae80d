"""The command line: arguments in, exit code out. Nothing heavy is imported until a command needs it."""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

from pipeline_def.cli import (
    commands,
    help_texts,
    kubeflow_options,
    predict_command,
    predict_options,
    run_options,
    serve_command,
    serve_options,
    version_options,
)
from pipeline_def.cli.options import Parser, add_config, add_output, add_root, texts
from pipeline_def.cli.usage import UsageError, complain
from pipeline_def.launcher import lazy_imports


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
    lazy_imports.install()
    parser = _parser()
    args = parser.parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        # A column's name must not end a run on a terminal that can't show it.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if not hasattr(args, "command"):
        parser.print_help(sys.stderr)
        return 2
    return _answer(args)


def _answer(args: argparse.Namespace) -> int:
    from components.common.errors import DataRefused
    from pipeline_def.config.load import ConfigError

    try:
        code = int(args.command(args))
        sys.stdout.flush()
    except (UsageError, ConfigError) as error:
        return complain(str(error), 2)
    except DataRefused as error:
        return complain(str(error), 3)
    except KeyboardInterrupt:
        return complain(f"interrupted{getattr(args, 'on_interrupt', '')}", 130)
    except BrokenPipeError:  # `regpipe config | head`; Python would complain once more while it shuts down
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="regpipe", **texts(*help_texts.MAIN))
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    run_options.add_commands(subparsers)
    config = subparsers.add_parser("config", help="print the configuration", **texts(*help_texts.CONFIG))
    add_config(config)
    config.set_defaults(command=commands.config)
    init = subparsers.add_parser("init", help="write a configuration for a table", **texts(*help_texts.INIT))
    init.add_argument("--data", required=True, metavar="PATH", help="the table; becomes data.input")
    init.add_argument("--label", required=True, metavar="NAME", help="the column to predict")
    add_output(init, "pipeline.yaml")
    init.set_defaults(command=commands.init)
    runs = subparsers.add_parser("runs", help="list the runs under a root", **texts(*help_texts.RUNS))
    add_root(runs)
    runs.add_argument("--json", action="store_true", help="print a JSON list instead of a table")
    runs.set_defaults(command=commands.runs)
    version_options.add_commands(subparsers)
    kubeflow_options.add_commands(subparsers)
    serve = subparsers.add_parser(
        "serve", help="serve the newest version on this machine", **texts(*help_texts.SERVE)
    )
    add_config(serve)
    add_root(serve)
    serve_options.add_options(serve)
    serve.set_defaults(command=serve_command.serve)
    predict = subparsers.add_parser("predict", help="add probabilities to rows", **texts(*help_texts.PREDICT))
    predict_options.add_options(predict)
    add_config(predict)
    add_root(predict)
    predict.set_defaults(command=predict_command.predict, on_interrupt="; no file was written")
    report = subparsers.add_parser("report", help="where the report of a run is", **texts(*help_texts.REPORT))
    add_root(report)
    report.add_argument(
        "--run", metavar="ID", help="the run, see `regpipe runs` (default: the last with a report)"
    )
    report.add_argument("--open", action="store_true", help="open it in the browser, too")
    report.set_defaults(command=commands.report)
    schema = subparsers.add_parser("schema", help="keep the schema of a run", **texts(*help_texts.SCHEMA))
    actions = schema.add_subparsers(title="actions", metavar="ACTION", required=True)
    freeze = actions.add_parser("freeze", help="write it to a file", **texts(*help_texts.FREEZE))
    add_root(freeze)
    freeze.add_argument("--run", metavar="ID", help="the run, see `regpipe runs` (default: the last one)")
    add_output(freeze, "schema.pbtxt")
    freeze.set_defaults(command=commands.freeze)
    return parser
