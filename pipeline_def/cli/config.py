"""The command `regpipe config`: prints the configuration as YAML."""

import argparse
from typing import TYPE_CHECKING, Any

from pipeline_def.cli.arguments import add_config, new_parser, read_config
from pipeline_def.cli.usage_errors import UsageError

if TYPE_CHECKING:
    from pipeline_def.config.load import PipelineConfig

DESCRIPTION = """\
Prints the effective configuration as YAML: each key with its value, its
meaning, the values that it takes, its unit and its default. The output can be
used as a configuration file. So can a part of it: a key that is left out has
its default."""
EPILOG = """\
examples:
  regpipe config
  regpipe config training                 # one group of keys
  regpipe config kubeflow.schedule        # a group inside a group
  regpipe config model.l1                 # one key
  regpipe config --changed --config pipeline.yaml
  regpipe config --set model.l1=0 > pipeline.yaml

exit codes: 0 printed; 2 wrong arguments or configuration"""


def add_command(subparsers: Any) -> None:
    """Adds `config` to argparse's subparsers."""
    parser = new_parser(subparsers, "config", "print the configuration", DESCRIPTION, EPILOG)
    parser.add_argument(
        "group",
        nargs="?",
        metavar="GROUP",
        help="the group of keys to print, such as data or kubeflow.schedule, or one key (default: all keys)",
    )
    parser.add_argument(
        "--changed", action="store_true", help="print only the keys that differ from their defaults"
    )
    add_config(parser)
    parser.set_defaults(command=config)


def config(args: argparse.Namespace) -> int:
    """`regpipe config`: prints the effective configuration, or a part of it, as YAML on standard output.

    Raises:
        UsageError: GROUP is not a group or a key.
        ConfigError: see `load_config`.
    """
    from pipeline_def.config import config_print

    settings = read_config(args)
    if args.group is None and not args.changed:
        print(config_print.config_yaml(settings), end="")
        return 0
    names = _names(type(settings), args.group)
    if not args.changed:
        head = f"# Only {args.group}; `regpipe config` prints every key."
    else:
        changed = set(config_print.changed_keys(settings))
        names = [name for name in names if name in changed]
        head = "# Only what differs from the defaults; `regpipe config` prints every key."
        if not names:
            head = f"# {_subject(settings, args.group)} is at its default."
    print(config_print.keys_yaml(settings, names, head), end="")
    return 0


def _names(model: "type[PipelineConfig]", group: str | None) -> list[str]:
    """Returns the dotted keys of the group, or of the whole configuration."""
    from pipeline_def.config import config_print, describe

    if group is None:
        return list(describe.keys(model))
    names = config_print.keys_under(model, group)
    if not names:
        hint = describe.hint(model, group)
        raise UsageError(f"GROUP: expected a group of keys or a key, got {group!r}; {hint}")
    return names


def _subject(settings: "PipelineConfig", group: str | None) -> str:
    from pipeline_def.config import describe

    if group is None:
        return "Every key"
    return f"The key {group}" if group in describe.keys(type(settings)) else f"Every key under {group}"
