"""Finds the folder that models are published to, for the commands that read it."""

import argparse
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline_def.cli.arguments import read_config
from pipeline_def.cli.runs_location import root_of
from pipeline_def.cli.usage_errors import UsageError

if TYPE_CHECKING:
    from components.pusher.publication import Destination


def read_destination(args: argparse.Namespace) -> "Destination":
    """Returns where the configuration publishes models.

    Raises:
        UsageError: --root is a file, or the cluster's root is not on this machine.
        ConfigError: see `load_config`.
    """
    config = read_config(args)
    from pipeline_def.config.destination import destination

    return destination(config, root_of(args, config))


@contextlib.contextmanager
def remote_usage_errors(destination: "Destination") -> Iterator[None]:
    """Turns remote-storage errors into one-line usage errors. Errors of a local folder are raised unchanged."""
    try:
        yield
    except Exception as error:
        from components.common.storage import is_remote

        if not is_remote(destination.directory):
            raise
        from tensorflow import errors

        if not isinstance(error, OSError | errors.OpError):
            raise
        reason = error.strerror if isinstance(error, OSError) else error.message
        raise UsageError(f"{destination.directory}: can't be read: {reason}") from None
