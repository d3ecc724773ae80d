"""The commands that compute, with their options."""

import argparse
from typing import Any

from pipeline_def.cli import commands, help_texts
from pipeline_def.cli.options import add_config, add_root, texts
from pipeline_def.steps import STEP_NAMES

MOST_STRENGTHS = 50


def add_commands(subparsers: Any) -> None:
    """Adds `run` and `study` to argparse's subparsers."""
    run = subparsers.add_parser("run", help="run the pipeline", **texts(*help_texts.RUN))
    _add_run_options(run)
    run.set_defaults(command=commands.run, on_interrupt="; finished steps are taken from the cache next time")
    study = subparsers.add_parser(
        "study", help="compare regularizations on the same data", **texts(*help_texts.STUDY)
    )
    _add_study_options(study)
    study.set_defaults(command=commands.study, on_interrupt="; networks that are trained are kept")


def _add_run_options(run: argparse.ArgumentParser) -> None:
    _add_table_options(run)
    run.add_argument("--no-cache", action="store_true", help="run every step, even those that are unchanged")
    run.add_argument(
        "--json", action="store_true", help="print the summary as JSON, as the last thing on standard output"
    )
    run.add_argument(
        "--from-step", metavar="STEP", help=f"begin with this step, one of {', '.join(STEP_NAMES)}"
    )
    run.add_argument("--to-step", metavar="STEP", help="end with this step")


def _add_study_options(study: argparse.ArgumentParser) -> None:
    _add_table_options(study)
    study.add_argument(
        "--strengths",
        type=_strengths,
        default=7,
        metavar="N",
        help="how many strengths of l1, of l2 and of dropout to train, from weak to strong; 0: none (default: 7)",
    )
    study.add_argument("--open", action="store_true", help="open the page in the browser, too")
    study.add_argument(
        "--json", action="store_true", help="print the results as JSON, as the last thing on standard output"
    )


def _strengths(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else -1
    if number != 0 and not 2 <= number <= MOST_STRENGTHS:
        raise argparse.ArgumentTypeError(f"expected 0 or a number from 2 to {MOST_STRENGTHS}, got {text!r}")
    return number


def _add_table_options(parser: argparse.ArgumentParser) -> None:
    """What to compute, and under which root: the same for all commands that compute."""
    add_config(parser)
    parser.add_argument("--data", metavar="PATH", help="the table; stands for --set data.input=PATH")
    parser.add_argument(
        "--label", metavar="NAME", help="the column to predict; stands for --set data.label=NAME"
    )
    add_root(parser)
