"""The command `regpipe study`: compares kinds and strengths of regularization."""

import argparse
import sys
from typing import Any

from components.config.regularization import STUDY_PATHS
from pipeline_def.cli.arguments import new_parser
from pipeline_def.cli.browser import open_page
from pipeline_def.cli.table_options import add_table_options, read_table_config
from pipeline_def.cli.usage_errors import UsageError, check_root

MAX_STRENGTHS = 50

DESCRIPTION = """\
Trains the network of the configuration many times on the same data: without
regularization; with L1, L2, elastic net, dropout, weight decay or early
stopping alone; with all of them as configured; and with l1, l2 and dropout from
weak to strong. For each training it reports the loss on the splits train and
eval, the gap between them, a score (AUC, macro AUC or R2), the share of weights
that are exactly 0, and the size of the weights, as a table and as a page with
charts. The test split is not used; `regpipe run` needs it for the verdict."""
EPILOG = """\
examples:
  regpipe study
  regpipe study --data churn.csv --label churned --open
  regpipe study --config pipeline.yaml --strengths 15   # more strengths
  regpipe study --strengths 0                           # none
  regpipe study --json > study.json

The data steps share the cache with `regpipe run`. Each result is stored under
the root, in studies/: a study after an interrupted one, or with other
strengths, trains only what is missing. The page is studies/ID/study.html.

exit codes: 0 done; 1 a step or a training failed; 2 wrong arguments or
configuration; 3 the data was refused; 130 interrupted with Ctrl-C"""


def add_command(subparsers: Any) -> None:
    """Adds `study` to argparse's subparsers."""
    parser = new_parser(subparsers, "study", "compare regularizations on the same data", DESCRIPTION, EPILOG)
    add_table_options(parser)
    parser.add_argument(
        "--strengths",
        type=_strengths,
        default=7,
        metavar="N",
        help=f"how many strengths to train for each of {', '.join(STUDY_PATHS)}, from weak to strong; 0: none "
        "(default: 7)",
    )
    parser.add_argument("--open", action="store_true", help="also open the page in the browser")
    parser.add_argument(
        "--json", action="store_true", help="print the results as JSON at the end of standard output"
    )
    parser.set_defaults(command=study, on_interrupt="; finished trainings are kept")


def study(args: argparse.Namespace) -> int:
    """`regpipe study`: compares regularizations and prints a table.

    The table is on standard output. With --json it is on standard error, and the results on standard output.

    Raises:
        UsageError: a root that is a file or is in use.
        ConfigError: see `load_config`.
    """
    check_root(args.root)
    config = read_table_config(args)
    from pipeline_def.local import study_runner as studies
    from pipeline_def.local.runner import CannotUseRoot

    try:
        finished = studies.study(config, args.root, args.strengths)
    except CannotUseRoot as error:
        raise UsageError(str(error)) from None
    except studies.DataStepsFailed as error:
        from pipeline_def.terminal.summary_view import show as show_summary

        show_summary(error.summary, sys.stderr)
        return error.summary.exit_code
    except studies.StudyFailed as error:
        print(f"regpipe: the study failed: {error}", file=sys.stderr)
        return 1
    from pipeline_def.terminal.study_table import show

    show(finished.study, finished.page, sys.stderr if args.json else sys.stdout)
    if args.json:
        sys.stderr.flush()
        print(finished.study.to_json())
    if args.open:
        open_page(finished.page)
    return 0


def _strengths(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else -1
    if number != 0 and not 2 <= number <= MAX_STRENGTHS:
        raise argparse.ArgumentTypeError(f"expected 0 or a number from 2 to {MAX_STRENGTHS}, got {text!r}")
    return number
