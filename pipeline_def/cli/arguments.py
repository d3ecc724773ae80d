"""Makes the parser of a command, and adds the options that several commands share."""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline_def.config.load import PipelineConfig


DEFAULT_ROOT = Path("runs")


class CommandParser(argparse.ArgumentParser):
    """An ArgumentParser that reports unknown arguments with the usage of the command, not with that of `regpipe`."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parses the arguments; exits with 2 if one is unknown, so the second value is always empty."""
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}; see `{self.prog} --help`")
        return known, unknown


def new_parser(
    subparsers: Any, name: str, summary: str, description: str, epilog: str
) -> argparse.ArgumentParser:
    """Adds the parser of a command to argparse's subparsers.

    Args:
        subparsers: what `ArgumentParser.add_subparsers` returned.
        name: the name of the command.
        summary: one line for the list of commands.
        description: what its help prints before the options, with its own line breaks.
        epilog: what its help prints after the options.
    """
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name, help=summary, **help_format(description, epilog)
    )
    return parser


def help_format(description: str, epilog: str) -> dict[str, Any]:
    """Returns the arguments of `ArgumentParser` that all commands share: texts keep their line breaks."""
    return {
        "description": description,
        "epilog": epilog,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "allow_abbrev": False,  # an option added later must not change what an old command line means
    }


def add_config(parser: argparse.ArgumentParser) -> None:
    """Adds --config and --set."""
    parser.add_argument(
        "--config", type=local_path, metavar="FILE", help="a YAML file (default: every key is at its default)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set one key, such as training.epochs=5 or 'model.hidden_units=[64, 32]'; may be repeated",
    )


def read_config(args: argparse.Namespace) -> "PipelineConfig":
    """Reads the configuration that --config and --set give.

    Raises:
        ConfigError: see `load_config`.
    """
    from pipeline_def.config.load import load_config

    return load_config(args.config, args.set)


def add_root(parser: argparse._ActionsContainer) -> None:
    """Adds --root to a parser or to a group of it."""
    parser.add_argument(
        "--root",
        type=_folder,
        default=DEFAULT_ROOT,
        metavar="DIR",
        help=f"the folder that holds all data of the runs (default: {DEFAULT_ROOT})",
    )


def _folder(text: str) -> Path:
    if "://" in text:
        raise argparse.ArgumentTypeError(
            f"expected a folder on this machine, got {text!r}; only kubeflow.root may be on gs://"
        )
    return local_path(text)


def path_text(text: str) -> str:
    """Returns the text of an option that is a path or an address; for argparse's `type`."""
    from components.config.base import without_home

    try:
        without_home(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def local_path(text: str) -> Path:
    """Returns the path of an option; for argparse's `type`."""
    return Path(path_text(text))


def add_output(parser: argparse.ArgumentParser, default: str) -> None:
    """Adds -o and --force, for a command that writes one file."""
    parser.add_argument(
        "-o",
        "--output",
        type=local_path,
        default=Path(default),
        metavar="FILE",
        help=f"the file to write (default: {default})",
    )
    parser.add_argument("--force", action="store_true", help="overwrite the file if it exists")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Adds --json, for a command that prints a table."""
    parser.add_argument("--json", action="store_true", help="print a JSON list instead of a table")


def seconds(text: str) -> float:
    """Converts the text of an option to seconds, > 0; for argparse's `type`."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number of seconds > 0, got {text!r}")
    return value
