"""The option --pipeline: reads the compiled pipeline to submit or schedule, or compiles it."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline_def.cli.arguments import local_path
from pipeline_def.cli.usage_errors import UsageError

if TYPE_CHECKING:
    from pipeline_def.config.load import PipelineConfig
    from pipeline_def.kubeflow.package import Package


def add_pipeline(parser: argparse.ArgumentParser) -> None:
    """Adds --pipeline."""
    parser.add_argument(
        "--pipeline",
        type=local_path,
        metavar="FILE",
        help="a pipeline that `regpipe compile` wrote (default: compile the configuration)",
    )


def read_package(config: "PipelineConfig", file: Path | None) -> "Package":
    """Returns the compiled pipeline that --pipeline names, or compiles the configuration.

    Raises:
        UsageError: the file can't be read, or is not a compiled pipeline.
        ConfigError: see `compile_kubeflow`.
    """
    from pipeline_def.kubeflow.package import BadPackage, Package

    if file is None:
        from pipeline_def.kubeflow.compiler import compile_kubeflow

        return Package(config.name, compile_kubeflow(config))
    try:
        package = Package(config.name, file.read_text(encoding="utf-8"))
        package.steps  # noqa: B018 - raises BadPackage if the file is not a compiled pipeline
    except (OSError, UnicodeDecodeError, BadPackage) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"--pipeline: {file}: {reason}") from None
    return package
