"""The command of a step's container: starts the step in a process of its own, again if that process fails.

    python -m pipeline_def.kubeflow.step_attempts --retries 1 --backoff 30 --retry-window 2592000 --timeout 0 \
        --root /mnt/regpipe --run-id ID --step Trainer -- [further arguments of step_entrypoint]

Kubeflow Pipelines retries only a part of the failures, and which part depends on its version (docs/kubeflow.md,
"Retries"). A pipeline spec can't choose it: its RetryPolicy has a number and durations, but no policy. So failed
attempts are repeated here, and Kubeflow Pipelines only replaces lost pods. The attempts of all pods are counted in one
record, so `retries` limits them together.
"""

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from types import FrameType

from pipeline_def.kubeflow import attempt_record
from pipeline_def.kubeflow.attempt_record import AttemptRecord
from pipeline_def.runs.summary import EXIT_CODES
from pipeline_def.terminal.control_characters import escaped_output

# An environment variable of the container: the name of the pod's node in the workflow, from the annotation that Argo
# sets (workflow/common/common.go, AnnotationKeyNodeName). It ends in "(N)" for the N-th automatic retry, from 0.
NODE_VARIABLE = "REGPIPE_WORKFLOW_NODE"
NODE_ANNOTATION = "workflows.argoproj.io/node-name"
WRONG_CONFIGURATION, TIMED_OUT = 2, 124
# A further attempt would end in the same way.
_NOT_RETRIED = frozenset({0, WRONG_CONFIGURATION, EXIT_CODES["data_refused"], EXIT_CODES["not_blessed"]})
_FAILED = EXIT_CODES["failed"]
_LONGEST_WAIT = 3600.0  # seconds
_GRACE = 20.0  # seconds from SIGTERM to SIGKILL; a pod has 30


class _Terminated(Exception):
    """This process has received SIGTERM or SIGINT; the argument is its number."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a step until an attempt succeeds or no further one is allowed; returns the exit code of the last one."""
    args = _parser().parse_args(argv)
    path = attempt_record.path_of(args.root, args.run_id, args.step)
    try:
        record = attempt_record.read(path)
        if record.final:
            code = record.attempts[-1].exit_code
            if code and _is_automatic_retry():
                # Up to 2.16, Kubeflow starts a new pod after each failure, also after one that is not to be retried.
                _print(
                    args.step,
                    f"not tried again, because attempt {len(record.attempts)} ended with exit code {code}",
                )
                return code
            record = AttemptRecord()  # the step is retried by hand, or it succeeded and its pod was lost
        return _run_attempts(args, path, record)
    except OSError as error:
        _print(args.step, f"failed: the attempts can't be counted: {error}")
        return _FAILED
    except _Terminated as error:
        # The record stays without an end: the pod is being deleted, and a new one may continue.
        return 128 + int(error.args[0])


def _run_attempts(args: argparse.Namespace, path: str, record: AttemptRecord) -> int:
    why = "its pod was lost"
    while True:
        number = len(record.attempts) + 1
        if number > 1:
            refused = _why_no_attempt(args, record)
            if refused:
                return _give_up(args, path, record, f"{why}; {refused}")
            wait = wait_before(number, args.backoff)
            _print(
                args.step, f"attempt {number - 1} of {args.retries + 1}: {why}; trying again in {wait:g} s"
            )
            time.sleep(wait)
        record = record.start(time.time())
        attempt_record.write(path, record)
        code = _run_once(_command(args), args.timeout)
        if code in _NOT_RETRIED:
            attempt_record.write(path, record.end(code, final=True))
            return code
        record = record.end(code, final=False)
        attempt_record.write(path, record)
        why = _describe(code, args.timeout)


def wait_before(number: int, backoff: int) -> float:
    """Returns the seconds before an attempt, which is numbered from 1: backoff, 2 backoff, 4 backoff ..., at most 3600.

    >>> [wait_before(number, 30) for number in (2, 3, 4, 100)]
    [30.0, 60.0, 120.0, 3600.0]
    """
    return min(float(backoff) * 2.0 ** (number - 2), _LONGEST_WAIT)


def child_arguments(argv: Sequence[str]) -> list[str]:
    """Returns the arguments that the container with these arguments passes to step_entrypoint."""
    return _command(_parser().parse_args(argv))[3:]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipeline_def.kubeflow.step_attempts", allow_abbrev=False)
    parser.add_argument(
        "--retries", type=int, required=True, help="the number of attempts after the first one"
    )
    parser.add_argument("--backoff", type=int, required=True, help="seconds before the second attempt")
    parser.add_argument(
        "--retry-window", type=int, required=True, help="seconds after the first start; then none is started"
    )
    parser.add_argument("--timeout", type=int, required=True, help="seconds for one attempt; 0: no limit")
    parser.add_argument("--root", required=True)
    parser.add_argument("--run-id", required=True)
    parser.add_argument("--step", required=True)
    parser.add_argument("arguments", nargs="*", help="after --: further arguments of step_entrypoint")
    return parser


def _command(args: argparse.Namespace) -> list[str]:
    step = ["--root", args.root, "--run-id", args.run_id, "--step", args.step]
    return [sys.executable, "-m", "pipeline_def.kubeflow.step_entrypoint", *step, *args.arguments]


def _is_automatic_retry() -> bool:
    """Returns whether Argo has started this pod as a retry of another pod; a retry by hand counts from 0 again."""
    found = re.search(r"\((\d+)\)$", os.environ.get(NODE_VARIABLE, ""))
    return found is not None and int(found[1]) > 0


def _why_no_attempt(args: argparse.Namespace, record: AttemptRecord) -> str | None:
    """Returns why no further attempt may be started, or None if one may."""
    if len(record.attempts) > args.retries:
        return f"there are no more attempts (kubeflow.steps.retries: {args.retries})"
    if time.time() > record.attempts[0].started + args.retry_window:
        return f"the first attempt started more than {args.retry_window} s ago (kubeflow.steps.retry_window)"
    return None


def _give_up(args: argparse.Namespace, path: str, record: AttemptRecord, why: str) -> int:
    """Records that the step failed, also in the run's summary if the step itself could not write it."""
    code = record.attempts[-1].exit_code
    attempt_record.write(path, record.end(_FAILED if code is None else code, final=True))
    if code != _FAILED:
        _run_once([*_command(args), "--failed", f"{args.step}: {why}"], timeout=0)
    if (
        code != _FAILED or len(record.attempts) <= args.retries
    ):  # else the last line of the log is the step's reason
        _print(args.step, why)
    return _FAILED if code is None else code


def _describe(code: int, timeout: int) -> str:
    if code == TIMED_OUT:
        return f"it was ended after {timeout} s (kubeflow.steps.timeout)"
    if code <= 128:
        return f"it ended with exit code {code}"
    try:
        name = signal.Signals(code - 128).name
    except ValueError:
        return f"it ended with exit code {code}"
    memory = ", perhaps because it used more than kubeflow.steps.memory" if name == "SIGKILL" else ""
    return f"it was killed by {name}{memory}"


def _run_once(command: Sequence[str], timeout: int) -> int:
    """Runs a command; returns its exit code, 128 + n if signal n killed it, or TIMED_OUT.

    Raises:
        _Terminated: this process has to end; the command was ended, too.
    """
    # A group of its own, so that the processes which the command leaves behind are ended with it.
    with _signals_as_exceptions(), subprocess.Popen(command, start_new_session=True) as process:
        try:
            code = process.wait(timeout or None)
        except subprocess.TimeoutExpired:
            code = TIMED_OUT
        finally:
            _end_group(process)
    return 128 - code if code < 0 else code


@contextlib.contextmanager
def _signals_as_exceptions() -> Iterator[None]:
    def stop(number: int, _: FrameType | None) -> None:
        raise _Terminated(number)

    previous = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends the process, first by SIGTERM, and what is left of its group."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _print(step: str, message: str) -> None:
    print(f"regpipe: {step}: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    with escaped_output(is_log=True):
        sys.exit(main())
