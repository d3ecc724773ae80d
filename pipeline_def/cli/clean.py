"""The command `regpipe clean`: shows and removes files that no later run needs."""

import argparse
from typing import TYPE_CHECKING, Any

from pipeline_def.cli.arguments import add_root, new_parser
from pipeline_def.cli.usage_errors import UsageError, check_root

if TYPE_CHECKING:
    from pipeline_def.local.cleaning import Removable

DESCRIPTION = """\
Shows the files under a root that no later run needs, and their size: what runs
that were interrupted left behind, artifacts that the metadata store does not
know, checkpoints of trainings that did not end, and the rejected rows of
refused tables; with --keep-runs also old runs. --yes removes them. Published
versions and studies are never removed."""
EPILOG = """\
examples:
  regpipe clean                          # shows what would be removed
  regpipe clean --keep-runs 20 --yes

A run removes what earlier interrupted runs left behind, except checkpoints. A
step whose artifacts were removed runs again. A run without artifacts has no
report and can't be blessed.

exit codes: 0 done, also if there is nothing to remove; 2 wrong arguments, or a
root that can't be used"""


def add_command(subparsers: Any) -> None:
    """Adds `clean` to argparse's subparsers."""
    parser = new_parser(subparsers, "clean", "remove files that no run needs", DESCRIPTION, EPILOG)
    parser.add_argument(
        "--keep-runs", type=_count, metavar="N", help="also remove what only runs before the newest N use"
    )
    parser.add_argument("--yes", action="store_true", help="remove the files; without it they are only shown")
    add_root(parser)
    parser.set_defaults(command=clean)


def clean(args: argparse.Namespace) -> int:
    """`regpipe clean`: prints what can be removed, and removes it with --yes.

    Raises:
        UsageError: the root can't be used.
    """
    check_root(args.root)
    from pipeline_def.local import cleaning
    from pipeline_def.local.runner import CannotUseRoot
    from pipeline_def.runs.run_store import NoSuchRun

    try:
        removable = cleaning.clean(args.root, args.keep_runs, remove_them=args.yes)
    except NoSuchRun:
        removable = []
    except CannotUseRoot as error:
        raise UsageError(str(error)) from None
    _print(removable, removed=args.yes)
    return 0


def _print(removable: "list[Removable]", *, removed: bool) -> None:
    from components.common.formatting import aligned_columns

    if not removable:
        print("There is nothing to remove.")
        return
    print(aligned_columns([(item.kind, _megabytes(item.bytes), str(item.path)) for item in removable]))
    total = _megabytes(sum(item.bytes for item in removable))
    print(f"Removed: {total}." if removed else f"Together: {total}. Nothing was removed; --yes removes them.")


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"expected a number of runs >= 1, got {text!r}")
    return int(text)
