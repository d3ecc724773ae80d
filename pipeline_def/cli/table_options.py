"""The options of the commands that train: --config, --set, --data, --label and --root."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from components.common.commands import CommandOptions
from pipeline_def.cli.arguments import DEFAULT_ROOT, add_config, add_root

if TYPE_CHECKING:
    from pipeline_def.config.load import PipelineConfig

_REPOSITORY = Path(__file__).resolve().parents[2]


def add_table_options(parser: argparse.ArgumentParser) -> None:
    """Adds --config, --set, --data, --label and --root."""
    add_config(parser)
    parser.add_argument("--data", metavar="PATH", help="the table; short for --set data.input=PATH")
    parser.add_argument(
        "--label", metavar="NAME", help="the column to predict; short for --set data.label=NAME"
    )
    add_root(parser)


def command_options(args: argparse.Namespace) -> CommandOptions:
    """Returns the options that the commands printed after this one need, as they were given."""
    root = [] if args.root == DEFAULT_ROOT else ["--root", str(args.root)]
    config = ["--config", str(args.config)] if args.config else []
    table = [
        part
        for option, value in (("--data", args.data), ("--label", args.label))
        if value is not None
        for part in (option, value)
    ]
    keys = [part for key in args.set for part in ("--set", key)]
    return CommandOptions(runs=(*root, *config, *keys), training=(*root, *config, *table, *keys))


def read_table_config(args: argparse.Namespace) -> "PipelineConfig":
    """Reads the configuration from --config, --set, --data and --label.

    Raises:
        ConfigError: see `load_config`.
    """
    from pipeline_def.config.load import Flag, load_config

    flags = [Flag("--data", "data.input", args.data), Flag("--label", "data.label", args.label)]
    return _with_sample_path(
        load_config(args.config, [*args.set, *(flag for flag in flags if flag.text is not None)])
    )


def _with_sample_path(config: "PipelineConfig") -> "PipelineConfig":
    """Replaces the path of the sample table, if it is not in the working directory, by its path in this repository."""
    sample = type(config)().data.input
    beside_the_code = _REPOSITORY / sample
    if config.data.input != sample or Path(sample).exists() or not beside_the_code.exists():
        return config
    return config.model_copy(update={"data": config.data.model_copy(update={"input": str(beside_the_code)})})
