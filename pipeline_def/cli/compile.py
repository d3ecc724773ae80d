"""The command `regpipe compile`: writes the pipeline for Kubeflow Pipelines."""

import argparse
from typing import Any

from pipeline_def.cli.arguments import add_config, add_output, new_parser, read_config
from pipeline_def.cli.usage_errors import check_output, write_output

DESCRIPTION = """\
Writes the pipeline for Kubeflow Pipelines: one container per step, all from the
image in kubeflow.image. Each container launches its step of the same pipeline
that `regpipe run` runs. The steps share kubeflow.root, which is on the volume
kubeflow.volume or on gs://, and the metadata store of kubeflow.metadata. The
same configuration gives the same bytes.

A run or a schedule can change these values without compiling again: data_input,
span, epochs, learning_rate, l1, l2, group_l1, dropout, min_auc, max_auc_drop,
max_log_loss_rise, max_gap (unless it is null) and push_destination. All other
values are fixed in the compiled pipeline.

A step that fails, is killed or takes longer than kubeflow.steps.timeout is
tried again in its container, kubeflow.steps.retries times. A step that loses
its pod, too: up to Kubeflow Pipelines 2.16 if the pod failed (evicted, or
killed as a whole), from 2.17 on if it was deleted (node lost). Refused data and
a wrong configuration are never tried again.

data.input must be a path in the containers, such as /mnt/regpipe/days.csv, or
on gs://. Passwords are never written: kubeflow.metadata.secret names the
Kubernetes secret from which the containers read them."""
EPILOG = """\
examples:
  regpipe compile --config pipeline.yaml --set kubeflow.image=registry/regpipe:1
  regpipe compile --config pipeline.yaml -o churn.yaml --force
  regpipe submit --config pipeline.yaml --pipeline churn.yaml --param epochs=20

exit codes: 0 written; 2 wrong arguments or configuration

A run on Kubeflow fails if a step failed, if the data was refused, or if the
model was not blessed. With kubeflow.fail_when_not_blessed off, a model that is
not blessed is not a failure."""


def add_command(subparsers: Any) -> None:
    """Adds `compile` to argparse's subparsers."""
    parser = new_parser(
        subparsers, "compile", "write the pipeline for Kubeflow Pipelines", DESCRIPTION, EPILOG
    )
    add_config(parser)
    add_output(parser, "kubeflow.yaml")
    parser.set_defaults(command=compile_pipeline)


def compile_pipeline(args: argparse.Namespace) -> int:
    """`regpipe compile`: writes the pipeline for Kubeflow Pipelines to a file.

    Raises:
        UsageError: the file exists or can't be written.
        ConfigError: see `compile_kubeflow`.
    """
    check_output(args)
    config = read_config(args)
    from pipeline_def.kubeflow.compiler import compile_kubeflow

    write_output(args.output, compile_kubeflow(config))
    print(f"Wrote {args.output}. Next: regpipe submit --pipeline {args.output}")
    return 0
