"""The command `regpipe schedule`: manages recurring runs on Kubeflow Pipelines."""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from pipeline_def.cli.arguments import add_config, add_json, new_parser, read_config
from pipeline_def.cli.pipeline_package import add_pipeline, read_package
from pipeline_def.cli.usage_errors import UsageError, print_error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline_def.kubeflow.kfp_client import KubeflowApi
    from pipeline_def.kubeflow.recurring_runs import RecurringRun

DESCRIPTION = """\
Manages recurring runs on Kubeflow Pipelines. kubeflow.schedule configures them:
a cron expression of six fields or an interval, a start, an end, and runtime
parameters."""
EPILOG = """\
examples:
  regpipe schedule apply --config pipeline.yaml --dry-run
  regpipe schedule apply --config pipeline.yaml
  regpipe schedule pause --config pipeline.yaml"""

APPLY_DESCRIPTION = """\
Creates the schedule of the configuration, or replaces it if it differs. A
change creates the new schedule before it removes the old one: an interrupted
command leaves both, and the next `apply` removes the old one. A schedule that
was paused by hand stays paused, also after a change.

With kubeflow.schedule.catch_up and a start in the past, a new schedule starts
all runs since then. A schedule that replaces another starts them again."""
APPLY_EPILOG = """\
examples:
  regpipe schedule apply --config pipeline.yaml --dry-run
  regpipe schedule apply --set 'kubeflow.schedule.cron=0 30 2 * * *'

exit codes: 0 done, or with --dry-run: printed; 1 Kubeflow Pipelines can't be
reached or returned an error; 2 wrong arguments or configuration"""

LIST_DESCRIPTION = """\
Lists the schedules that `regpipe schedule apply` created, of all pipelines."""
LIST_EPILOG = """\
examples:
  regpipe schedule list --config pipeline.yaml
  regpipe schedule list --json

exit codes: 0 listed, also if there is no schedule; 1 Kubeflow Pipelines can't
be reached or returned an error; 2 wrong arguments or configuration"""

_CODES = """\
exit codes: 0 done; 1 Kubeflow Pipelines can't be reached or returned an error;
2 wrong arguments or configuration, or no such schedule"""

SHOW_DESCRIPTION = """\
Prints a schedule as Kubeflow Pipelines stores it."""
SHOW_EPILOG = f"example:\n  regpipe schedule show churn --json\n\n{_CODES}"

PAUSE_DESCRIPTION = """\
Pauses a schedule: it starts no more runs. Current runs continue. `apply` does
not resume it."""
PAUSE_EPILOG = f"example:\n  regpipe schedule pause churn\n\n{_CODES}"

RESUME_DESCRIPTION = """\
Resumes a paused schedule. Only the latest of the runs that it missed is
started. With kubeflow.schedule.catch_up, all of them are started."""
RESUME_EPILOG = f"example:\n  regpipe schedule resume churn\n\n{_CODES}"

DELETE_DESCRIPTION = """\
Deletes a schedule. Its runs and the versions of the pipeline are kept."""
DELETE_EPILOG = f"example:\n  regpipe schedule delete churn\n\n{_CODES}"


_NO_SCHEDULE = (
    "kubeflow.schedule: expected cron or interval, got neither; `regpipe schedule delete` deletes "
    "an existing schedule"
)


_NO_SCHEMA = """\
Hint: data.schema_file is not set, so each run infers a schema from its own
data. `regpipe schema freeze` saves that of a run whose data is right; then a run
stops if columns, types or values have changed."""


def add_command(subparsers: Any) -> None:
    """Adds `schedule` and its actions to argparse's subparsers."""
    parser = new_parser(
        subparsers, "schedule", "manage recurring runs on Kubeflow Pipelines", DESCRIPTION, EPILOG
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    parser = new_parser(
        actions,
        "apply",
        "create or change the schedule of the configuration",
        APPLY_DESCRIPTION,
        APPLY_EPILOG,
    )
    add_config(parser)
    add_pipeline(parser)
    parser.add_argument("--dry-run", action="store_true", help="print what would change, and change nothing")
    parser.set_defaults(command=apply)
    parser = new_parser(actions, "list", "list all schedules", LIST_DESCRIPTION, LIST_EPILOG)
    add_config(parser)
    add_json(parser)
    parser.set_defaults(command=list_schedules)
    add_json(_add_action(actions, "show", "print one schedule", (SHOW_DESCRIPTION, SHOW_EPILOG), show))
    _add_action(actions, "pause", "pause a schedule", (PAUSE_DESCRIPTION, PAUSE_EPILOG), pause)
    _add_action(actions, "resume", "resume a paused schedule", (RESUME_DESCRIPTION, RESUME_EPILOG), resume)
    _add_action(
        actions, "delete", "delete a schedule; its runs are kept", (DELETE_DESCRIPTION, DELETE_EPILOG), delete
    )


def _add_action(
    actions: Any,
    name: str,
    summary: str,
    texts: tuple[str, str],
    command: "Callable[[argparse.Namespace], int]",
) -> argparse.ArgumentParser:
    """Adds an action on one schedule: the schedule NAME, or by default the schedule of the configuration."""
    parser = new_parser(actions, name, summary, *texts)
    parser.add_argument("name", nargs="?", metavar="NAME", help="the schedule (default: the key `name`)")
    add_config(parser)
    parser.set_defaults(command=command)
    return parser


def apply(args: argparse.Namespace) -> int:
    """`regpipe schedule apply`: creates the schedule of the configuration, or replaces it if it differs.

    Raises:
        ConfigError: the configuration has no schedule, or the pipeline does not have its parameters.
        UsageError: --pipeline can't be read.
    """
    config = read_config(args)
    from pipeline_def.config.load import ConfigError
    from pipeline_def.kubeflow import schedule_plan, schedule_table
    from pipeline_def.kubeflow.auth import KubeflowError
    from pipeline_def.kubeflow.kfp_client import KubeflowApi
    from pipeline_def.kubeflow.package import BadPackage

    problems = [] if config.kubeflow.schedule.given else [_NO_SCHEDULE]
    try:
        package = read_package(config, args.pipeline)
        new = schedule_plan.configured_schedule(config, package)
    except ConfigError as error:
        problems += error.problems
    except BadPackage as error:
        problems += [f"kubeflow.schedule.parameters: {problem}" for problem in error.problems]
    if problems:
        raise ConfigError(problems)
    try:
        kubeflow = KubeflowApi(config.kubeflow)
        plan = schedule_plan.plan(kubeflow, new)
        made = "" if args.dry_run else schedule_plan.apply_plan(kubeflow, plan, package)
    except KubeflowError as error:
        return print_error(error, 1)
    print(schedule_table.describe_plan(plan, made))
    if config.data.schema_file is None:
        print(_NO_SCHEMA, file=sys.stderr)
    return 0


def list_schedules(args: argparse.Namespace) -> int:
    """`regpipe schedule list`: prints all schedules that `apply` created. An empty list is not an error."""
    config = read_config(args)
    from pipeline_def.kubeflow import recurring_runs, schedule_table
    from pipeline_def.kubeflow.auth import KubeflowError
    from pipeline_def.kubeflow.kfp_client import KubeflowApi

    try:
        found = recurring_runs.find_all(KubeflowApi(config.kubeflow))
    except KubeflowError as error:
        return print_error(error, 1)
    if args.json:
        print(schedule_table.as_json(found))
    elif found:
        print(schedule_table.table(found))
    else:
        print("No schedule yet; `regpipe schedule apply` creates one.")
    return 0


def show(args: argparse.Namespace) -> int:
    """`regpipe schedule show`: prints one schedule.

    Raises:
        UsageError: no schedule has this name.
    """

    def print_schedule(_: "KubeflowApi", found: "Sequence[RecurringRun]") -> None:
        from pipeline_def.kubeflow import schedule_table

        if args.json:
            print(schedule_table.as_json(found))
            return
        print("\n\n".join(map(schedule_table.details, found)))
        if len(found) > 1:
            print("\nA change was interrupted: `regpipe schedule apply` removes the old schedule.")

    return _with_schedule(args, print_schedule)


def pause(args: argparse.Namespace) -> int:
    """`regpipe schedule pause`: pauses a schedule. Raises as `show` does."""
    from pipeline_def.kubeflow import recurring_runs

    return _change(args, recurring_runs.pause, "is paused; current runs continue")


def resume(args: argparse.Namespace) -> int:
    """`regpipe schedule resume`: resumes a paused schedule. Raises as `show` does."""
    from pipeline_def.kubeflow import recurring_runs

    return _change(args, recurring_runs.resume, "is resumed")


def delete(args: argparse.Namespace) -> int:
    """`regpipe schedule delete`: deletes a schedule; its runs are kept. Raises as `show` does."""
    from pipeline_def.kubeflow import recurring_runs

    return _change(args, recurring_runs.delete, "is deleted; its runs are kept")


def _change(
    args: argparse.Namespace, change: "Callable[[KubeflowApi, Sequence[RecurringRun]], None]", outcome: str
) -> int:
    """Changes one schedule and prints the outcome."""

    def act(kubeflow: "KubeflowApi", found: "Sequence[RecurringRun]") -> None:
        change(kubeflow, found)
        print(f"The schedule {found[0].schedule.name} {outcome}.")

    return _with_schedule(args, act)


def _with_schedule(
    args: argparse.Namespace, act: "Callable[[KubeflowApi, Sequence[RecurringRun]], None]"
) -> int:
    """Calls `act` with the schedule NAME, or by default with the schedule of the configuration.

    If a change was interrupted, the schedule has two recurring runs: `act` gets both.

    Raises:
        UsageError: no schedule has this name.
    """
    config = read_config(args)
    from pipeline_def.kubeflow.auth import KubeflowError
    from pipeline_def.kubeflow.kfp_client import KubeflowApi
    from pipeline_def.kubeflow.recurring_runs import find

    name = args.name or config.name
    try:
        kubeflow = KubeflowApi(config.kubeflow)
        found = find(kubeflow, name)
        if found:
            act(kubeflow, found)
            return 0
    except KubeflowError as error:
        return print_error(error, 1)
    raise UsageError(
        f"NAME: expected a schedule on {kubeflow.host}, got {name!r}; `regpipe schedule list` lists them"
    )
