"""What the subcommands do that publish by hand or look at what is published; imports as in `commands`."""

import argparse
import contextlib
import getpass
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from components.common.formatting import aligned_columns, number
from pipeline_def.cli.usage import UsageError, check_root

if TYPE_CHECKING:
    from components.pusher.publication import Destination
    from pipeline_def.runs.summary import VersionRecord

_SHORT = 12  # digits of a digest, in a table


def bless(args: argparse.Namespace) -> int:
    """`regpipe bless`: publishes the candidate of a run by hand, and records who did it and why.

    Raises:
        UsageError: no reason, no such run, nothing in it to publish, or published already.
    """
    check_root(args.root)
    by, reason = _signed(args)
    from components.common.errors import BadModel
    from pipeline_def.local import blessing as by_hand
    from pipeline_def.local.runner import RootInUse
    from pipeline_def.runs.run_store import NoSuchRun

    try:
        summary = by_hand.bless(args.root, args.run, by=by, reason=reason)
    except (NoSuchRun, RootInUse, by_hand.CannotBless) as error:
        raise UsageError(str(error)) from None
    except (OSError, BadModel) as error:
        return _not_published(error)
    where = f"version {summary.pushed_version} in {summary.pushed_path}"
    if summary.already_published:
        print(f"Blessed by hand; it was published already: {where}.")
    else:
        print(f"Blessed by hand and published: {where}.")
    return 0


def versions(args: argparse.Namespace) -> int:
    """`regpipe versions`: what is published, the newest first. None yet is no error.

    Raises:
        UsageError: the place can't be read.
    """
    destination = _destination(args)
    from pipeline_def.local.published_versions import list_versions

    with _reading(destination):
        records = list_versions(destination)
    if args.json:
        print(json.dumps([record.model_dump(mode="json") for record in records], indent=2))
    elif records:
        print(aligned_columns([_HEADS, *map(_row, records)]))
    else:
        print(f"No version in {destination.directory} yet; `regpipe run` publishes a model that is blessed.")
    return 0


def rollback(args: argparse.Namespace) -> int:
    """`regpipe rollback`: publishes an old version again, as the newest, and records who did it and why.

    Raises:
        UsageError: no such version, going back to it would change nothing, or the place can't be read.
    """
    destination = _destination(args)
    by, reason = _signed(args)
    from components.common.errors import BadModel
    from pipeline_def.local.published_versions import CannotRollBack
    from pipeline_def.local.published_versions import rollback as roll_back
    from pipeline_def.local.runner import RootInUse
    from pipeline_def.terminal.capture import OutputCapture

    try:
        # What TensorFlow has to say about this machine is of no use here.
        with _reading(destination), OutputCapture(Path(os.devnull)):
            published = roll_back(args.root.resolve(), destination, args.version, by=by, reason=reason)
    except (RootInUse, CannotRollBack) as error:
        raise UsageError(str(error)) from None
    except (OSError, BadModel) as error:
        return _not_published(error)
    print(f"Version {args.version} is published again, as version {published.version} in {published.path}.")
    return 0


def _signed(args: argparse.Namespace) -> tuple[str, str]:
    """Who does it, and why, each in one line."""
    for option, text in (("--reason", args.reason), ("--by", args.by)):
        if text is not None and not text.strip():
            raise UsageError(f"{option}: expected text that is not empty, got {text!r}")
    return args.by or getpass.getuser(), " ".join((args.reason or "").split())


def _destination(args: argparse.Namespace) -> "Destination":
    check_root(args.root)
    from pipeline_def.config.destination import destination
    from pipeline_def.config.load import load_config

    return destination(load_config(args.config, args.set), args.root)


@contextlib.contextmanager
def _reading(destination: "Destination") -> Iterator[None]:
    """Has TensorFlow, which reaches what is no local disk, say in a sentence why it does not."""
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


def _not_published(error: Exception) -> int:
    print(f"regpipe: the model could not be published: {error}", file=sys.stderr)
    return 1


_HEADS = ("version", "published", "run", "AUC", "log loss", "digest", "")


def _row(record: "VersionRecord") -> tuple[str, ...]:
    notes = ["current"] if record.current else []
    if record.blessed_by:
        notes.append(f"blessed by {record.blessed_by}")
    if record.rollback:
        notes.append(f"{record.rollback.to_version} again, by {record.rollback.by}")
    return (
        str(record.version),
        record.published or "",
        record.run or "",
        _number(record.auc),
        _number(record.log_loss),
        (record.digest or "")[:_SHORT],
        ", ".join(notes),
    )


def _number(value: float | None) -> str:
    return "" if value is None else number(value)
