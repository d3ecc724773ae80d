"""`regpipe config`."""

import argparse
from typing import Any

from pipeline_def.cli.arguments import add_config, new_parser, read_config

DESCRIPTION = """\
Prints the effective configuration as YAML: every key with its value, what it
means, what it takes, its unit and its default. What is printed can be used as a
configuration file."""
EPILOG = """\
examples:
  regpipe config
  regpipe config --config pipeline.yaml --set model.l1=0
  regpipe config > pipeline.yaml

exit codes: 0 printed; 2 wrong arguments or configuration"""


def add_command(subparsers: Any) -> None:
    """Adds `config` to argparse's subparsers."""
    parser = new_parser(subparsers, "config", "print the configuration", DESCRIPTION, EPILOG)
    add_config(parser)
    parser.set_defaults(command=config)


def config(args: argparse.Namespace) -> int:
    """`regpipe config`: the effective configuration as YAML on standard output."""
    from pipeline_def.config.config_print import config_yaml

    print(config_yaml(read_config(args)), end="")
    return 0
