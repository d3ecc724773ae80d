"""The command `regpipe run`: runs the pipeline on this machine."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from components.common.suggestions import closest
from pipeline_def.cli.arguments import new_parser
from pipeline_def.cli.table_options import add_table_options, command_options, read_table_config
from pipeline_def.cli.usage_errors import UsageError, check_root, error_sentence, print_warnings
from pipeline_def.steps import SERVED_MODEL, STEP_NAMES, TUNER

EXIT_CODES = """\
exit codes:
  0    the model was pushed, or all steps up to --to-step are done
  1    a step failed
  2    wrong arguments or configuration; no step was run
  3    the data was refused
  4    all steps ran, but nothing was pushed: the model was not blessed, or it
       is a model that a person has rolled back from
  130  interrupted with Ctrl-C; 129 and 143: by SIGHUP and SIGTERM"""

DESCRIPTION = """\
Runs the pipeline: reads the table, validates it, trains the candidate and its
unregularized baseline, compares the two on the test split, and pushes the
candidate if it passes every threshold. If the inputs, settings and code of a
step have not changed, its result is taken from the cache."""
EPILOG = f"""\
examples:
  regpipe run
  regpipe run --data 'days/*.csv' --label churned --set data.positive_label=yes
  regpipe run --config pipeline.yaml --set 'model.hidden_units=[64, 32]'
  regpipe run --set model.l1=1e-3     # fixes l1; the Tuner chooses the rest
  regpipe run --from-step Trainer     # takes earlier steps from the last run
  regpipe run --json > run.json       # prints the verdict to standard error

If a key is given more than once, --data and --label win over --set, --set wins
over the file, and the file wins over the default. `regpipe config` prints every
key.

{EXIT_CODES}"""


def add_command(subparsers: Any) -> None:
    """Adds `run` to argparse's subparsers."""
    parser = new_parser(subparsers, "run", "run the pipeline", DESCRIPTION, EPILOG)
    add_table_options(parser)
    parser.add_argument("--no-cache", action="store_true", help="run every step, even if nothing has changed")
    parser.add_argument(
        "--json", action="store_true", help="print the summary as JSON at the end of standard output"
    )
    parser.add_argument(
        "--from-step", metavar="STEP", help=f"the first step to run, one of {', '.join(STEP_NAMES)}"
    )
    parser.add_argument("--to-step", metavar="STEP", help="the last step to run")
    parser.set_defaults(command=run, on_interrupt="; the next run takes finished steps from the cache")


def run(args: argparse.Namespace) -> int:
    """`regpipe run`: runs the pipeline and prints the verdict.

    The verdict is on standard output. With --json it is on standard error, and the summary on standard output.

    Raises:
        UsageError: an unknown step, or a root that is a file, is in use or is damaged.
        ConfigError: see `load_config`.
    """
    check_root(args.root)
    config = read_table_config(args)
    _check_steps(config.step_names(), args.from_step, args.to_step)

    from pipeline_def.launcher.run_options import RunOptions
    from pipeline_def.local import runner
    from pipeline_def.local.interruption import RunInterrupted, ignore_signals
    from pipeline_def.local.run_end import report_end, report_error, report_interruption
    from pipeline_def.runs.damaged_store import DamagedStore
    from pipeline_def.runs.run_store import NoSuchRun
    from pipeline_def.terminal.summary_view import show

    options = RunOptions(
        root=args.root,
        use_cache=not args.no_cache,
        from_step=args.from_step,
        to_step=args.to_step,
        commands=command_options(args),
    )
    try:
        summary = runner.run(config, options)
    except (runner.CannotUseRoot, NoSuchRun, DamagedStore) as error:
        print_warnings(report_error(config, str(error), 2))
        raise UsageError(str(error)) from None
    except Exception as error:
        print_warnings(report_error(config, error_sentence(error), 1))
        raise
    except RunInterrupted as interruption:
        ignore_signals()
        print_warnings(report_interruption(config, interruption))
        raise
    try:
        show(summary, sys.stderr if args.json else sys.stdout)
        if args.json:
            sys.stderr.flush()
            print(summary.to_json())
        sys.stdout.flush()
    finally:  # also if standard output was closed, as in `regpipe run | head`
        print_warnings(report_end(config, summary, args.root))
    return summary.exit_code


def _check_steps(names: Sequence[str], first: str | None, last: str | None) -> None:
    """Raises a UsageError if a step is unknown, or the first comes after the last."""
    for option, step in (("--from-step", first), ("--to-step", last)):
        if step is not None and step.lower() == TUNER.lower() and TUNER not in names:
            raise UsageError(
                f"{option}: expected a step of this configuration, got {step!r}; it chooses the strengths that are "
                "auto, as with --set model.l1=auto"
            )
        if step is not None and step.lower() == SERVED_MODEL.lower() and SERVED_MODEL not in names:
            raise UsageError(
                f"{option}: expected a step of this configuration, got {step!r}; evaluation.served is off"
            )
        if step is not None and step not in names:
            meant = closest(step, names)
            hint = f"did you mean {meant}?" if meant else f"there are {', '.join(names)}"
            raise UsageError(f"{option}: expected the name of a step, got {step!r}; {hint}")
    if first is not None and last is not None and names.index(first) > names.index(last):
        raise UsageError(f"--from-step: expected {last} (--to-step) or a step before it, got {first!r}")
