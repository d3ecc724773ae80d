"""What the subcommands for Kubeflow do; imports as in `commands`."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline_def.cli.usage import UsageError, check_output, complain, write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline_def.config.load import PipelineConfig
    from pipeline_def.kubeflow.kfp_client import Kubeflow
    from pipeline_def.kubeflow.package import Package
    from pipeline_def.kubeflow.recurring_runs import RecurringRun


def compile_pipeline(args: argparse.Namespace) -> int:
    """`regpipe compile`: the pipeline for Kubeflow in a file.

    Raises:
        UsageError: the file is there or can't be written.
        ConfigError: see `compile_kubeflow`.
    """
    check_output(args)
    config = _config(args)
    from pipeline_def.kubeflow.compiler import compile_kubeflow

    write(args.output, compile_kubeflow(config))
    print(f"Wrote {args.output}. Next: regpipe submit --pipeline {args.output}")
    return 0


def submit(args: argparse.Namespace) -> int:
    """`regpipe submit`: starts one run, and with --wait follows it to its end.

    Raises:
        UsageError: a parameter that the pipeline does not have, or not with this value.
    """
    config = _config(args)
    from pipeline_def.kubeflow.auth import KubeflowError
    from pipeline_def.kubeflow.kfp_client import Kubeflow
    from pipeline_def.kubeflow.package import BadPackage
    from pipeline_def.kubeflow.run_submission import conclusion, follow
    from pipeline_def.kubeflow.run_submission import submit as start

    package = _package(config, args.pipeline)
    try:
        arguments = package.arguments(args.param)
    except BadPackage as error:
        raise UsageError(f"--param: {error}") from None
    try:
        kubeflow = Kubeflow(config.kubeflow)
        experiment = config.kubeflow.experiment or config.name
        run = start(kubeflow, package, arguments, experiment, config.kubeflow.service_account)
        print(
            f"Run      {run.run_id}\nVersion  {package.version}\nPage     {kubeflow.run_url(run.run_id)}",
            flush=True,
        )
        if not args.wait:
            return 0
        state, failed = follow(kubeflow, run.run_id, package.steps, _tell)
    except KubeflowError as error:
        return complain(error, 1)
    code, sentence = conclusion(state, failed)
    print(sentence, file=sys.stderr if code else sys.stdout)
    return code


def apply(args: argparse.Namespace) -> int:
    """`regpipe schedule apply`: makes the schedule what the configuration says.

    Raises:
        UsageError: the configuration has no schedule, or not with this pipeline.
    """
    config = _config(args)
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
    from pipeline_def.kubeflow.kfp_client import Kubeflow
    from pipeline_def.kubeflow.package import BadPackage

    package = _package(config, args.pipeline)
    try:
        new = schedule_plan.wanted(config, package)
    except BadPackage as error:
        raise ConfigError([f"kubeflow.schedule.parameters: {error}"]) from None
    try:
        kubeflow = Kubeflow(config.kubeflow)
        plan = schedule_plan.plan(kubeflow, new)
        made = "" if args.dry_run else schedule_plan.carry_out(kubeflow, plan, package)
    except KubeflowError as error:
        return complain(error, 1)
    print(schedule_table.told(plan, made))
    return 0


def list_schedules(args: argparse.Namespace) -> int:
    """`regpipe schedule list`: all schedules that `apply` made. None yet is no error."""
    config = _config(args)
    from pipeline_def.kubeflow import recurring_runs, schedule_table
    from pipeline_def.kubeflow.auth import KubeflowError
    from pipeline_def.kubeflow.kfp_client import Kubeflow

    try:
        found = recurring_runs.find_all(Kubeflow(config.kubeflow))
    except KubeflowError as error:
        return complain(error, 1)
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

    def tell(_: "Kubeflow", found: "Sequence[RecurringRun]") -> None:
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


def _then(verb: str, outcome: str) -> "Callable[[Kubeflow, Sequence[RecurringRun]], None]":
    def act(kubeflow: "Kubeflow", found: "Sequence[RecurringRun]") -> None:
        from pipeline_def.kubeflow import recurring_runs

        getattr(recurring_runs, verb)(kubeflow, found)
        print(f"The schedule {found[0].schedule.name} {outcome}.")

    return act


def _with_schedule(
    args: argparse.Namespace, act: "Callable[[Kubeflow, Sequence[RecurringRun]], None]"
) -> int:
    """Finds the schedule that is named (or the configuration's) and does something with it."""
    config = _config(args)
    from pipeline_def.kubeflow.auth import KubeflowError
    from pipeline_def.kubeflow.kfp_client import Kubeflow
    from pipeline_def.kubeflow.recurring_runs import find

    name = args.name or config.name
    try:
        kubeflow = Kubeflow(config.kubeflow)
        found = find(kubeflow, name)
        if found:
            act(kubeflow, found)
            return 0
    except KubeflowError as error:
        return complain(error, 1)
    raise UsageError(f"there is no schedule {name!r} on {kubeflow.host}; `regpipe schedule list` shows all")


def _config(args: argparse.Namespace) -> "PipelineConfig":
    from pipeline_def.config.load import load_config

    return load_config(args.config, args.set)


def _package(config: "PipelineConfig", file: Path | None) -> "Package":
    """The pipeline of the configuration, compiled here or before."""
    from pipeline_def.kubeflow.package import BadPackage, Package

    if file is None:
        from pipeline_def.kubeflow.compiler import compile_kubeflow

        return Package(config.name, compile_kubeflow(config))
    try:
        package = Package(config.name, file.read_text(encoding="utf-8"))
        package.steps  # noqa: B018 - that it is one
    except (OSError, UnicodeDecodeError, BadPackage) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"--pipeline: {file}: {reason}") from None
    return package


def _tell(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)
