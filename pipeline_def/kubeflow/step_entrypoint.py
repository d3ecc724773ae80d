"""Runs one step of a run in the step's container; `step_attempts` starts it, once for each attempt.

    python -m pipeline_def.kubeflow.step_entrypoint --root /mnt/regpipe --run-id ID --step Trainer

The first step compiles the pipeline from the configuration and the run's parameters and stores it under the root; the
other steps read it from there, so all steps of a run use the same pipeline. The last step writes the run's outputs.
"""

import argparse
import contextlib
import logging
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.common import storage
from components.common.errors import DataRefused
from components.common.formatting import duration
from pipeline_def.config.destination import destination
from pipeline_def.config.load import ConfigError, PipelineConfig, load_config
from pipeline_def.kubeflow.kfp_outputs import write_kfp_outputs, write_summary
from pipeline_def.kubeflow.parameters import check_paths
from pipeline_def.launcher import lazy_imports
from pipeline_def.runs.run_files import PIPELINE_FILE
from pipeline_def.runs.summary import EXIT_CODES, Status
from pipeline_def.steps import FIRST, LAST
from pipeline_def.terminal.control_characters import escaped_output

if TYPE_CHECKING:
    from tfx.proto.orchestration import pipeline_pb2

    from pipeline_def.runs.run_store import RunStore

_log = logging.getLogger("regpipe.node")
_WRONG_CONFIGURATION = 2


@dataclass(frozen=True)
class _Run:
    """One run on the cluster: the shared root (a folder or a gs:// address), and its id in the metadata store."""

    root: str
    id: str

    @property
    def folder(self) -> str:
        return f"{self.root}/runs/{self.id}"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the step and returns its exit code: 0 done, 1 failed, 2 wrong configuration, 3 data refused."""
    lazy_imports.install()
    args = _parser().parse_args(argv)
    _configure_logging()
    run = _Run(args.root, args.run_id)
    if args.failed is not None:
        return _record_failure(run, args)
    try:
        pipeline = _compile(args, run) if args.step == FIRST else _read_pipeline(run)
    except ConfigError as error:
        _try_write_summary(None, run, "failed", str(error))
        return _exit(f"{args.step}: wrong configuration:\n{error}", _WRONG_CONFIGURATION)
    except Exception as error:
        return _fail(None, run, args.step, error)
    return _launch(pipeline, run, args)


def _configure_logging() -> None:
    """Shows the progress of the steps, and warnings. TFX's info messages are hidden: about a hundred lines a step."""
    from absl import logging as absl_logging

    logging.basicConfig(format="%(asctime)s %(message)s", stream=sys.stderr, force=True)
    logging.getLogger("regpipe").setLevel(logging.INFO)
    absl_logging.set_verbosity(absl_logging.WARNING)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline_def.kubeflow.step_entrypoint", allow_abbrev=False
    )
    parser.add_argument("--root", required=True, help="the folder or the gs:// address that the steps share")
    parser.add_argument("--run-id", required=True)
    parser.add_argument("--step", required=True)
    parser.add_argument("--config", help=f"{FIRST} only: the configuration, as JSON")
    parser.add_argument("--set", action="append", default=[], help=f"{FIRST} only: a key=value for this run")
    parser.add_argument("--report", type=Path, help=f"{LAST} only: the path to write the report to")
    parser.add_argument("--executor-input", help=f"{LAST} only: the ExecutorInput of Kubeflow Pipelines")
    parser.add_argument("--failed", metavar="MESSAGE", help="do not run the step, but record why it failed")
    return parser


def _compile(args: argparse.Namespace, run: _Run) -> "pipeline_pb2.Pipeline":
    """Compiles the pipeline of this run and stores it under the root; a retry overwrites it."""
    config = _load_config(args)
    from google.protobuf import json_format

    from pipeline_def.launcher.compiled_pipeline import compile_pipeline
    from pipeline_def.launcher.metadata_store import shared

    connection = shared(config.kubeflow.metadata)
    pipeline = compile_pipeline(config, run.root, run.id, connection=connection)
    storage.write(f"{run.folder}/{PIPELINE_FILE}", json_format.MessageToJson(pipeline).encode())
    return pipeline


def _load_config(args: argparse.Namespace) -> PipelineConfig:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "configuration.yaml"  # JSON is a subset of YAML
        file.write_text(args.config, encoding="utf-8")
        config = load_config(file, args.set)
    check_paths(config)
    return config


def _read_pipeline(run: _Run) -> "pipeline_pb2.Pipeline":
    from google.protobuf import json_format
    from tfx.proto.orchestration import executable_spec_pb2 as _executable_spec  # noqa: F401 (needed for parsing)
    from tfx.proto.orchestration import metadata_pb2 as _metadata  # noqa: F401 (needed for parsing)
    from tfx.proto.orchestration import pipeline_pb2

    return json_format.Parse(storage.read(f"{run.folder}/{PIPELINE_FILE}"), pipeline_pb2.Pipeline())


def _launch(pipeline: "pipeline_pb2.Pipeline", run: _Run, args: argparse.Namespace) -> int:
    from ml_metadata.metadata_store.metadata_store import MetadataStore

    from pipeline_def.launcher.metadata_store import connection_config
    from pipeline_def.launcher.node import launch_node, register_run
    from pipeline_def.runs.run_store import RunStore

    step, started = args.step, time.monotonic()
    if step not in {node.pipeline_node.node_info.id for node in pipeline.nodes}:
        # The run's parameters have fixed every strength that is auto in the package.
        return _exit(f"{step}: left out, because there is no strength to choose", 0)
    runs: RunStore | None = None
    try:
        runs = RunStore(MetadataStore(connection_config(pipeline)))
        if step == FIRST:
            register_run(pipeline)
            runs.record_destination(run.id, destination(_load_config(args), run.root))
        _clean_up_earlier_attempt(runs, run, step)
        if step == LAST:
            from pipeline_def.runs.report_facts import write_facts

            write_facts(run.root, run.id, runs)
        cached = launch_node(pipeline, step).cached
    except DataRefused as error:
        _try_write_summary(runs, run, "data_refused", error)
        return _exit(f"{step}: the data was refused: {error}", EXIT_CODES["data_refused"])
    except Exception as error:
        return _fail(runs, run, step, error)
    if step == LAST:
        write_kfp_outputs(write_summary(runs, run.id, run.folder), args.report, args.executor_input)
    result = "taken from the cache" if cached else f"done in {duration(time.monotonic() - started)}"
    return _exit(f"{step}: {result}", 0)


def _fail(runs: "RunStore | None", run: _Run, step: str, error: Exception) -> int:
    traceback.print_exception(error)
    message = f"{type(error).__name__}: {error}"
    if runs is not None:
        # TFX leaves the execution of a step as running if its driver or its publisher raises.
        with contextlib.suppress(Exception):
            runs.fail_unfinished(run.id, step)
    _try_write_summary(runs, run, "failed", message)
    return _exit(f"{step}: failed: {message}", EXIT_CODES["failed"])


def _record_failure(run: _Run, args: argparse.Namespace) -> int:
    """Records the failure of a step that could not do it itself, because it was killed."""
    from ml_metadata.metadata_store.metadata_store import MetadataStore

    from pipeline_def.launcher.metadata_store import connection_config
    from pipeline_def.runs.run_store import RunStore

    runs: RunStore | None = None
    try:
        runs = RunStore(MetadataStore(connection_config(_read_pipeline(run))))
        runs.fail_unfinished(run.id, args.step)
    except Exception:  # the summary is written nevertheless
        traceback.print_exc()
    _try_write_summary(runs, run, "failed", args.failed)
    return 0


def _try_write_summary(runs: "RunStore | None", run: _Run, status: Status, error: Exception | str) -> None:
    """Calls `write_summary`, but only prints its errors, because the error that ended the run is more important."""
    try:
        write_summary(runs, run.id, run.folder, status, error)
    except Exception:
        traceback.print_exc()


def _clean_up_earlier_attempt(runs: "RunStore", run: _Run, step: str) -> None:
    """Removes the outputs of a failed attempt at this step, because TFX would reuse its execution and folders."""
    for execution in runs.fail_unfinished(run.id, step):
        _log.info("%s: an earlier attempt failed; its outputs are removed", step)
        artifacts = f"{run.root}/artifacts/{step}"
        for folder in (artifacts, f"{artifacts}/.system"):
            for name in storage.list_folder(folder):
                storage.remove_folder(f"{folder}/{name}/{execution}")


def _exit(message: str, code: int) -> int:
    """Prints the last lines of the log, after the buffered output of libraries, and returns the exit code."""
    sys.stdout.flush()
    print(f"regpipe: {message}", file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    with escaped_output(is_log=True):
        sys.exit(main())
