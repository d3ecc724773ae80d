"""`regpipe compile`."""

import argparse
from typing import Any

from pipeline_def.cli.arguments import add_config, add_output, new_parser, read_config
from pipeline_def.cli.usage_errors import check_output, write

DESCRIPTION = """\
Writes the pipeline for Kubeflow Pipelines: one container for each step, all of
kubeflow.image, each of which launches its step of the same pipeline as
`regpipe run`. They share kubeflow.root, which is the volume kubeflow.volume or
on gs://, and the metadata store of kubeflow.metadata. The same configuration
gives the same bytes.

A run, or a schedule, may change without compiling: data_input, span, epochs,
learning_rate, l1, l2, dropout, min_auc, max_auc_drop, max_log_loss_rise,
max_gap (unless it is null) and push_destination. Everything else is fixed here.

data.input must be a path in the containers, such as /mnt/regpipe/days.csv, or
gs://. Passwords are never written: kubeflow.metadata.secret names the
Kubernetes secret that the containers read them from."""
EPILOG = """\
examples:
  regpipe compile --config pipeline.yaml --set kubeflow.image=registry/regpipe:1
  regpipe compile --config pipeline.yaml -o churn.yaml --force
  regpipe submit --config pipeline.yaml --pipeline churn.yaml --param epochs=20

exit codes: 0 written; 2 wrong arguments or configuration

A run ends as failed where a step failed, the data was refused, or, unless
kubeflow.fail_when_not_blessed is off, the model was not blessed."""


def add_command(subparsers: Any) -> None:
    """Adds `compile` to argparse's subparsers."""
    parser = new_parser(subparsers, "compile", "write the pipeline for Kubeflow", DESCRIPTION, EPILOG)
    add_config(parser)
    add_output(parser, "kubeflow.yaml")
    parser.set_defaults(command=compile_pipeline)


def compile_pipeline(args: argparse.Namespace) -> int:
    """`regpipe compile`: the pipeline for Kubeflow in a file.

    Raises:
        UsageError: the file is there or can't be written.
        ConfigError: see `compile_kubeflow`.
    """
    check_output(args)
    config = read_config(args)
    from pipeline_def.kubeflow.compiler import compile_kubeflow

    write(args.output, compile_kubeflow(config))
    print(f"Wrote {args.output}. Next: regpipe submit --pipeline {args.output}")
    return 0
