"""The command `regpipe submit`: starts one run on Kubeflow Pipelines."""

import argparse
import sys
import time
from typing import Any

from pipeline_def.cli.arguments import add_config, new_parser, read_config
from pipeline_def.cli.pipeline_package import add_pipeline, read_package
from pipeline_def.cli.usage_errors import UsageError, print_error

DESCRIPTION = """\
Starts one run on Kubeflow Pipelines. Uploads the pipeline as a version that is
named by the digest of its content, unless that version exists. Prints the ID
and the page of the run. --wait follows the run and prints a line whenever the
state of a step changes.

kubeflow.host and kubeflow.auth configure the connection. A token is read from
the environment variable KUBEFLOW_TOKEN, never from the configuration."""
EPILOG = """\
examples:
  regpipe submit --config pipeline.yaml
  regpipe submit --config pipeline.yaml --param span=12 --wait
  regpipe submit --set kubeflow.host=http://localhost:8080

exit codes: 0 submitted, or with --wait: the run succeeded; 1 Kubeflow Pipelines
can't be reached or returned an error, or the run failed or was canceled, also
if the data was refused, because the API does not give the reason; 2 wrong
arguments or configuration; 4 all steps ran but the model was not blessed; 130
interrupted: the run continues"""


def add_command(subparsers: Any) -> None:
    """Adds `submit` to argparse's subparsers."""
    parser = new_parser(subparsers, "submit", "start one run on Kubeflow Pipelines", DESCRIPTION, EPILOG)
    add_config(parser)
    add_pipeline(parser)
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a runtime parameter; may be repeated",
    )
    parser.add_argument("--wait", action="store_true", help="wait until the run ends, and print its progress")
    parser.set_defaults(command=submit, on_interrupt="; a submitted run continues")


def submit(args: argparse.Namespace) -> int:
    """`regpipe submit`: starts one run; --wait waits until it ends.

    Raises:
        UsageError: a parameter that the pipeline does not have, or a value that it can't have.
    """
    config = read_config(args)
    from pipeline_def.kubeflow.auth import KubeflowError
    from pipeline_def.kubeflow.kfp_client import KubeflowApi
    from pipeline_def.kubeflow.package import BadPackage
    from pipeline_def.kubeflow.run_submission import exit_code_and_message, submit_run, wait_for_run

    package = read_package(config, args.pipeline)
    try:
        arguments = package.arguments(args.param)
    except BadPackage as error:
        raise UsageError("\n".join(f"--param: {problem}" for problem in error.problems)) from None
    try:
        kubeflow = KubeflowApi(config.kubeflow)
        experiment = config.kubeflow.experiment or config.name
        run = submit_run(kubeflow, package, arguments, experiment, config.kubeflow.service_account)
        print(
            f"Run      {run.run_id}\nVersion  {package.version}\nPage     {kubeflow.run_url(run.run_id)}",
            flush=True,
        )
        if not args.wait:
            return 0
        state, failed = wait_for_run(kubeflow, run.run_id, package.steps, _print_progress)
    except KubeflowError as error:
        return print_error(error, 1)
    code, sentence = exit_code_and_message(state, failed)
    print(sentence, file=sys.stderr if code else sys.stdout)
    return code


def _print_progress(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)
