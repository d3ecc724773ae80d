"""`regpipe schedule` and its actions."""

import argparse
from typing import TYPE_CHECKING, Any

from pipeline_def.cli.arguments import add_config, add_json, new_parser, read_config
from pipeline_def.cli.pipeline_package import add_pipeline, read_package
from pipeline_def.cli.usage_errors import UsageError, print_error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline_def.kubeflow.kfp_client import KubeflowApi
    from pipeline_def.kubeflow.recurring_runs import RecurringRun

DESCRIPTION = """\
Has Kubeflow Pipelines run the pipeline again and again, as kubeflow.schedule
says: a cron of six fields or an interval, from a start to an end, with runtime
parameters of its own."""
EPILOG = """\
examples:
  regpipe schedule apply --config pipeline.yaml --dry-run
  regpipe schedule apply --config pipeline.yaml
  regpipe schedule pause --config pipeline.yaml"""

APPLY_DESCRIPTION = """\
Makes the schedule what the configuration says, and does nothing if it is. A
change makes a new one, then removes the one before: if it is interrupted there
are two, never none, and the next `apply` removes the old one. A schedule that
was paused by hand stays paused, also when it is changed.

With kubeflow.schedule.catch_up and a start in the past, a new schedule makes up
for every run since then: after a change, once more."""
APPLY_EPILOG = """\
examples:
  regpipe schedule apply --config pipeline.yaml --dry-run
  regpipe schedule apply --set 'kubeflow.schedule.cron=0 30 2 * * *'

exit codes: 0 done, or with --dry-run: told; 1 Kubeflow Pipelines can't be
reached or refuses; 2 wrong arguments or configuration"""

LIST_DESCRIPTION = """\
Lists the schedules that `regpipe schedule apply` made, of all pipelines."""
LIST_EPILOG = """\
examples:
  regpipe schedule list --config pipeline.yaml
  regpipe schedule list --json

exit codes: 0 listed, even if there is none; 1 Kubeflow Pipelines can't be
reached or refuses; 2 wrong arguments or configuration"""

_CODES = """\
exit codes: 0 done; 1 Kubeflow Pipelines can't be reached or refuses; 2 wrong
arguments or configuration, or no such schedule"""

SHOW_DESCRIPTION = "Shows a schedule as Kubeflow Pipelines has it."
SHOW_EPILOG = f"example:\n  regpipe schedule show churn --json\n\n{_CODES}"

PAUSE_DESCRIPTION = "Lets a schedule start no more runs; those under way go on. `apply` does not\nresume it."
PAUSE_EPILOG = f"example:\n  regpipe schedule pause churn\n\n{_CODES}"

RESUME_DESCRIPTION = """\
Lets a paused schedule start runs again. Without kubeflow.schedule.catch_up, only
the latest of the runs that it missed is made up for."""
RESUME_EPILOG = f"example:\n  regpipe schedule resume churn\n\n{_CODES}"

DELETE_DESCRIPTION = "Removes a schedule. Its runs and the versions of the pipeline stay."
DELETE_EPILOG = f"example:\n  regpipe schedule delete churn\n\n{_CODES}"


def add_command(subparsers: Any) -> None:
    """Adds `schedule` and its actions to argparse's subparsers."""
    parser = new_parser(subparsers, "schedule", "have Kubeflow run it again and again", DESCRIPTION, EPILOG)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    parser = new_parser(
        actions, "apply", "make it what the configuration says", APPLY_DESCRIPTION, APPLY_EPILOG
    )
    add_config(parser)
    add_pipeline(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    parser.set_defaults(command=apply)
    parser = new_parser(actions, "list", "list all schedules", LIST_DESCRIPTION, LIST_EPILOG)
    add_config(parser)
    add_json(parser)
    parser.set_defaults(command=list_schedules)
    add_json(_add_action(actions, "show", "show one", (SHOW_DESCRIPTION, SHOW_EPILOG), show))
    _add_action(actions, "pause", "let it start no more runs", (PAUSE_DESCRIPTION, PAUSE_EPILOG), pause)
    _add_action(actions, "resume", "end a pause", (RESUME_DESCRIPTION, RESUME_EPILOG), resume)
    _add_action(actions, "delete", "remove one; its runs stay", (DELETE_DESCRIPTION, DELETE_EPILOG), delete)


def _add_action(
    actions: Any,
    name: str,
    summary: str,
    texts: tuple[str, str],
    command: "Callable[[argparse.Namespace], int]",
) -> argparse.ArgumentParser:
    """Adds an action on one schedule, which is named or the configuration's."""
    parser = new_parser(actions, name, summary, *texts)
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="the schedule (default: the name in the configuration)"
    )
    add_config(parser)
    parser.set_defaults(command=command)
    return parser


def apply(args: argparse.Namespace) -> int:
    """`regpipe schedule apply`: makes the schedule what the configuration says.

    Raises:
        UsageError: the configuration has no schedule, or not with this pipeline.
    """
    config = read_config(args)
    from pipeline_def.config.load import ConfigError

    if not config.kubeflow.schedule.given:
        raise ConfigError(
            [
                "kubeflow.schedule: expected cron or interval, got neither; `regpipe schedule delete` removes a "
                "schedule that is there"
            ]
        )
    from pipeline_def.kubeflow import schedule_plan, schedule_table
    from pipeline_def.kubeflow.auth import KubeflowError
    from pipeline_def.kubeflow.kfp_client import KubeflowApi
    from pipeline_def.kubeflow.package import BadPackage

    package = read_package(config, args.pipeline)
    try:
        new = schedule_plan.configured_schedule(config, package)
    except BadPackage as error:
        raise ConfigError([f"kubeflow.schedule.parameters: {error}"]) from None
    try:
        kubeflow = KubeflowApi(config.kubeflow)
        plan = schedule_plan.plan(kubeflow, new)
        made = "" if args.dry_run else schedule_plan.apply_plan(kubeflow, plan, package)
    except KubeflowError as error:
        return print_error(error, 1)
    print(schedule_table.describe_plan(plan, made))
    return 0


def list_schedules(args: argparse.Namespace) -> int:
    """`regpipe schedule list`: all schedules that `apply` made. None yet is no error."""
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
        print("No schedule yet; `regpipe schedule apply` makes one.")
    return 0


def show(args: argparse.Namespace) -> int:
    """`regpipe schedule show`: everything about one schedule.

    Raises:
        UsageError: there is none of this name.
    """

    def tell(_: "KubeflowApi", found: "Sequence[RecurringRun]") -> None:
        from pipeline_def.kubeflow import schedule_table

        if args.json:
            print(schedule_table.as_json(found))
            return
        print("\n\n".join(map(schedule_table.details, found)))
        if len(found) > 1:
            print("\nA change was interrupted: `regpipe schedule apply` leaves one.")

    return _with_schedule(args, tell)


def pause(args: argparse.Namespace) -> int:
    """`regpipe schedule pause`: no more runs until it is resumed. Raises as `show` does."""
    return _with_schedule(args, _then("pause", "is paused; runs under way go on"))


def resume(args: argparse.Namespace) -> int:
    """`regpipe schedule resume`: the end of a pause. Raises as `show` does."""
    return _with_schedule(args, _then("resume", "starts runs again"))


def delete(args: argparse.Namespace) -> int:
    """`regpipe schedule delete`: the end of a schedule; its runs stay. Raises as `show` does."""
    return _with_schedule(args, _then("delete", "is deleted; its runs stay"))


def _then(verb: str, outcome: str) -> "Callable[[KubeflowApi, Sequence[RecurringRun]], None]":
    def act(kubeflow: "KubeflowApi", found: "Sequence[RecurringRun]") -> None:
        from pipeline_def.kubeflow import recurring_runs

        getattr(recurring_runs, verb)(kubeflow, found)
        print(f"The schedule {found[0].schedule.name} {outcome}.")

    return act


def _with_schedule(
    args: argparse.Namespace, act: "Callable[[KubeflowApi, Sequence[RecurringRun]], None]"
) -> int:
    """Finds the schedule that is named (or the configuration's) and does something with it."""
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
    raise UsageError(f"there is no schedule {name!r} on {kubeflow.host}; `regpipe schedule list` shows all")
