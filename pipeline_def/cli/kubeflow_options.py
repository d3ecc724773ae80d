"""The commands for Kubeflow, with their options."""

import argparse
from pathlib import Path
from typing import Any

from pipeline_def.cli import kubeflow_commands, kubeflow_help_texts
from pipeline_def.cli.options import add_config, add_output, texts


def add_commands(subparsers: Any) -> None:
    """Adds `compile`, `submit` and `schedule` to argparse's subparsers."""
    compile_ = subparsers.add_parser(
        "compile", help="write the pipeline for Kubeflow", **texts(*kubeflow_help_texts.COMPILE)
    )
    add_config(compile_)
    add_output(compile_, "kubeflow.yaml")
    compile_.set_defaults(command=kubeflow_commands.compile_pipeline)
    submit = subparsers.add_parser(
        "submit", help="start one run on Kubeflow", **texts(*kubeflow_help_texts.SUBMIT)
    )
    add_config(submit)
    _add_pipeline(submit)
    submit.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a runtime parameter; may be repeated",
    )
    submit.add_argument("--wait", action="store_true", help="follow the run to its end")
    submit.set_defaults(command=kubeflow_commands.submit, on_interrupt="; a run that was submitted goes on")
    schedule = subparsers.add_parser(
        "schedule", help="have Kubeflow run it again and again", **texts(*kubeflow_help_texts.SCHEDULE)
    )
    actions = schedule.add_subparsers(title="actions", metavar="ACTION", required=True)
    apply = actions.add_parser(
        "apply", help="make it what the configuration says", **texts(*kubeflow_help_texts.APPLY)
    )
    add_config(apply)
    _add_pipeline(apply)
    apply.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    apply.set_defaults(command=kubeflow_commands.apply)
    listing = actions.add_parser("list", help="list all schedules", **texts(*kubeflow_help_texts.LIST))
    add_config(listing)
    _add_json(listing)
    listing.set_defaults(command=kubeflow_commands.list_schedules)
    show = actions.add_parser("show", help="show one", **texts(*kubeflow_help_texts.SHOW))
    _add_json(show)
    pause = actions.add_parser("pause", help="let it start no more runs", **texts(*kubeflow_help_texts.PAUSE))
    resume = actions.add_parser("resume", help="end a pause", **texts(*kubeflow_help_texts.RESUME))
    delete = actions.add_parser(
        "delete", help="remove one; its runs stay", **texts(*kubeflow_help_texts.DELETE)
    )
    for parser, command in (
        (show, kubeflow_commands.show),
        (pause, kubeflow_commands.pause),
        (resume, kubeflow_commands.resume),
        (delete, kubeflow_commands.delete),
    ):
        parser.add_argument(
            "name", nargs="?", metavar="NAME", help="the schedule (default: the name in the configuration)"
        )
        add_config(parser)
        parser.set_defaults(command=command)


def _add_pipeline(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--pipeline",
        type=Path,
        metavar="FILE",
        help="a compiled pipeline, as `regpipe compile` writes it (default: compile the configuration)",
    )


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print a JSON list instead of a table")
