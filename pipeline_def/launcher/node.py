"""Launches one node of the compiled pipeline with TFX's driver, cache and lineage, for both runners."""

import contextlib
import copy
import dataclasses
import logging
from collections.abc import Iterator
from typing import Any

from absl import flags
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx import types
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import (
    base_executor_operator,
    beam_executor_operator,
    launcher,
    partial_run_utils,
    python_executor_operator,
)
from tfx.orchestration.portable.mlmd import context_lib
from tfx.proto.orchestration import executable_spec_pb2, pipeline_pb2
from tfx.types import artifact_utils
from tfx_bsl.coders import batch_util as _batch_util  # noqa: F401 (defines the flag)

from components.common.drift_record import DriftRecord
from components.common.ingest_record import IngestRecord
from components.common.library_versions import versions_text
from components.common.served_record import ServedRecord
from components.common.stored_record import StoredRecord
from components.common.training_statistics import TrainingStatistics
from components.common.verdict_record import Verdict
from pipeline_def.config.beam import LOCAL_ARGS
from pipeline_def.launcher import beam_inspection, lazy_imports, local_filesystem
from pipeline_def.launcher.metadata_store import connection_config
from pipeline_def.runs.run_store import COMPLETED_STATES

_PROGRESS = logging.getLogger("regpipe.progress")
# By the name of the output.
_RECORDS: dict[str, type[StoredRecord]] = {
    "examples": IngestRecord,
    "statistics": TrainingStatistics,
    "drift": DriftRecord,
    "evaluation": Verdict,
    "served_model": ServedRecord,
}


class StepFailed(Exception):
    """A step did not run or did not complete, and raised no error of its own."""


@dataclasses.dataclass(frozen=True)
class NodeResult:
    """The id of a node's execution in the metadata store, and whether its outputs came from the cache."""

    execution_id: int
    cached: bool


class _LazyOperator(base_executor_operator.BaseExecutorOperator):  # type: ignore[misc]
    """Creates TFX's operator, which imports the executor, only when the executor runs.

    So a step that is taken from the cache does not import its executor.
    """

    OPERATORS = {  # noqa: RUF012 (as TFX's)
        executable_spec_pb2.PythonClassExecutableSpec: python_executor_operator.PythonExecutorOperator,
        executable_spec_pb2.BeamExecutableSpec: beam_executor_operator.BeamExecutorOperator,
    }
    SUPPORTED_EXECUTOR_SPEC_TYPE = list(OPERATORS)  # noqa: RUF012
    SUPPORTED_PLATFORM_CONFIG_TYPE: list[Any] = []  # noqa: RUF012

    def run_executor(self, execution_info: Any) -> Any:
        with lazy_imports.importing():
            operator = self.OPERATORS[type(self._executor_spec)](self._executor_spec, self._platform_config)
            beam_inspection.install()
        operator.with_execution_watcher(self._execution_watcher_address)
        return operator.run_executor(execution_info)


def use_large_batches() -> None:
    """Makes TFX's data steps read about 8,000 rows at a time; by default they start with one and reach 1,000.

    tfx_bsl reads this from an absl flag, which has no effect until the flags have been parsed.
    """
    if not flags.FLAGS.is_parsed():
        flags.FLAGS(["regpipe", "--tfxio_use_byte_size_batching"])


def reuse_earlier_steps(pipeline: pipeline_pb2.Pipeline) -> None:
    """In a partial run, registers the earlier run's outputs of the skipped steps as outputs of this run."""
    if any(node.pipeline_node.execution_options.run.perform_snapshot for node in pipeline.nodes):
        with metadata.Metadata(connection_config(pipeline)) as handle:
            partial_run_utils.snapshot(handle, pipeline)


def register_run(pipeline: pipeline_pb2.Pipeline) -> None:
    """Registers the run in the metadata store before its first step, so that it can be described there."""
    with metadata.Metadata(connection_config(pipeline)) as handle:
        context_lib.prepare_contexts(handle, pipeline.nodes[0].pipeline_node.contexts)


def launch_node(pipeline: pipeline_pb2.Pipeline, node_id: str) -> NodeResult:
    """Runs one node in this process. Its inputs must be in the metadata store already.

    Args:
        pipeline: the pipeline as compiled for this run.
        node_id: the node's name.

    Raises:
        StepFailed: an input of the node is missing.
        Exception: any error of the step itself.
    """
    use_large_batches()
    local_filesystem.register()
    node = next(n.pipeline_node for n in pipeline.nodes if n.pipeline_node.node_info.id == node_id)
    deployment = runner_utils.extract_local_deployment_config(pipeline)
    connection = metadata.Metadata(connection_config(pipeline))
    spec = runner_utils.extract_executor_spec(deployment, node_id)
    launch = launcher.Launcher(
        pipeline_node=node,
        mlmd_connection=connection,
        pipeline_info=pipeline.pipeline_info,
        pipeline_runtime_spec=pipeline.runtime_spec,
        executor_spec=cache_key_spec(spec),
        custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, node_id),
        custom_executor_operators={
            kind: lambda executor_spec, platform_config: _LazyOperator(spec, platform_config)  # noqa: ARG005
            for kind in _LazyOperator.OPERATORS
        },
    ).launch
    with _damaged_records_are_not_reused():
        result = launch()
    # The launcher does not raise if an input is missing: the state of the execution shows it.
    if result is None or not result.execution_id:
        raise StepFailed(f"{node_id} was not run: an output of an earlier step is missing.")
    with connection as handle:
        (execution,) = handle.store.get_executions_by_id([result.execution_id])
    if execution.last_known_state not in COMPLETED_STATES:
        state = mlmd.Execution.State.Name(execution.last_known_state)
        raise StepFailed(f"{node_id} ended as {state}: an output of an earlier step is missing.")
    return NodeResult(result.execution_id, execution.last_known_state == mlmd.Execution.CACHED)


@contextlib.contextmanager
def _damaged_records_are_not_reused() -> Iterator[None]:
    """Makes TFX's cache check not only that the folders of the outputs exist, but also that their records can be read.

    If not, TFX takes the outputs of an older execution, or runs the step anew.
    """
    verify = artifact_utils.verify_artifacts

    def verify_with_records(artifacts: dict[str, list[types.Artifact]]) -> None:
        verify(artifacts)
        for output, artifact in ((name, artifact) for name, found in artifacts.items() for artifact in found):
            record = _RECORDS.get(output)
            try:
                if record is not None:
                    record.read(artifact.uri)
            except (ValueError, OSError) as error:
                _PROGRESS.warning("an output in the cache is damaged: %s", error)
                raise RuntimeError(str(error)) from error  # as TFX's function does for a missing folder

    artifact_utils.verify_artifacts = verify_with_records
    try:
        yield
    finally:
        artifact_utils.verify_artifacts = verify


def cache_key_spec(spec: Any) -> Any:
    """Returns an executor spec for TFX's cache key, with the versions of the libraries and the default Beam arguments.

    The outputs of a step depend on the libraries, also those of the steps whose code is TFX's. They do not depend on
    where Beam runs, so the key must not depend on it either.
    """
    local = copy.deepcopy(spec)
    is_beam = isinstance(spec, executable_spec_pb2.BeamExecutableSpec)
    (local.python_executor_spec if is_beam else local).extra_flags.append(versions_text())
    if not is_beam:
        return local
    del local.beam_pipeline_args[:], local.beam_pipeline_args_placeholders[:]
    local.beam_pipeline_args.extend(LOCAL_ARGS)
    for argument in LOCAL_ARGS:
        local.beam_pipeline_args_placeholders.add().value.string_value = argument
    return local
