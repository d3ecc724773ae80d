"""Runs a command on the cluster, for --on-cluster."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence

from pipeline_def.cli.arguments import read_config
from pipeline_def.cli.usage_errors import UsageError, print_error
from pipeline_def.kubeflow.command_result import CommandResult


def run_on_cluster(
    args: argparse.Namespace, command: Sequence[str], save: Callable[[bytes], None] | None = None
) -> int:
    """Runs a command of regpipe as a Kubeflow run of one step, prints its output and returns its exit code.

    Args:
        args: the arguments of the command.
        command: the command and its options, without those that say where the runs are.
        save: called with the content of `OUTPUT_FILE`, if the command has written it; prints the result instead of the
            command's standard output, which names a file of the pod.

    Raises:
        UsageError: the command is too long for Kubeflow Pipelines.
        ConfigError: see `command_package`.
    """
    config = read_config(args)
    from pipeline_def.kubeflow.auth import KubeflowError
    from pipeline_def.kubeflow.command_package import (
        COMMAND,
        MAX_COMMAND_BYTES,
        command_bytes,
        command_package,
    )
    from pipeline_def.kubeflow.kfp_client import KubeflowApi
    from pipeline_def.kubeflow.pod_logs import read_logs
    from pipeline_def.kubeflow.run_submission import submit_run, wait_for_run

    if command_bytes(command) > MAX_COMMAND_BYTES:
        raise UsageError(
            f"--on-cluster: expected a command of at most {MAX_COMMAND_BYTES:,} bytes, got {command_bytes(command):,}; "
            "shorten the reason"
        )
    package = command_package(config)
    try:
        kubeflow = KubeflowApi(config.kubeflow)
        experiment = config.kubeflow.experiment or config.name
        run = submit_run(
            kubeflow, package, {COMMAND: list(command)}, experiment, config.kubeflow.service_account
        )
        page = kubeflow.run_url(run.run_id)
        args.on_interrupt = f"; the command continues on the cluster: {page}"
        _print_progress(f"Run {run.run_id}  {page}")
        state, _ = wait_for_run(kubeflow, run.run_id, package.steps, _print_progress, every=2.0)
        result = CommandResult.find(read_logs(kubeflow, run.run_id, config.kubeflow))
    except KubeflowError as error:
        return print_error(error, 1)
    if result is None:
        return print_error(_without_result(state, page), int(state != "SUCCEEDED" or save is not None))
    if save is None:
        sys.stdout.write(result.output)
    sys.stderr.write(result.errors)
    if result.left_out:
        return print_error(f"{result.left_out} The page of the run has it: {page}", result.exit_code or 1)
    if result.file is not None and save is not None:
        save(result.file)
    return result.exit_code


def run_argument(args: argparse.Namespace) -> list[str]:
    """Returns the option --run of a command, if it was given."""
    return [f"--run={args.run}"] if args.run else []


def _without_result(state: str, page: str) -> str:
    if state == "SUCCEEDED":
        return f"The command succeeded, but its log can't be read from here. The page of the run has its output: {page}"
    outcome = "was canceled" if state == "CANCELED" else "failed"
    return f"The run {outcome}, and its log can't be read from here. The page of the run has it: {page}"


def _print_progress(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)
