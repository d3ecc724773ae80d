"""The commands that look at what is published or publish by hand, with their options."""

import argparse
from typing import Any

from pipeline_def.cli import help_texts, version_commands
from pipeline_def.cli.options import add_config, add_root, texts


def add_commands(subparsers: Any) -> None:
    """Adds `versions`, `rollback` and `bless` to argparse's subparsers."""
    versions = subparsers.add_parser("versions", help="list what is published", **texts(*help_texts.VERSIONS))
    add_config(versions)
    add_root(versions)
    versions.add_argument("--json", action="store_true", help="print a JSON list instead of a table")
    versions.set_defaults(command=version_commands.versions)
    rollback = subparsers.add_parser(
        "rollback", help="publish an old version again", **texts(*help_texts.ROLLBACK)
    )
    rollback.add_argument("version", type=int, metavar="VERSION", help="see `regpipe versions`")
    _add_who_and_why(rollback, required=False)
    add_config(rollback)
    add_root(rollback)
    rollback.set_defaults(command=version_commands.rollback)
    bless = subparsers.add_parser(
        "bless", help="publish a model that was not blessed", **texts(*help_texts.BLESS)
    )
    bless.add_argument("--run", required=True, metavar="ID", help="the run, see `regpipe runs`")
    _add_who_and_why(bless, required=True)
    add_root(bless)
    bless.set_defaults(command=version_commands.bless)


def _add_who_and_why(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument("--reason", required=required, metavar="TEXT", help="why, for whoever asks later")
    parser.add_argument("--by", metavar="NAME", help="who (default: the name you are logged in with)")
