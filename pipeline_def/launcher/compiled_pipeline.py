"""From a configuration to TFX's compiled pipeline, ready to launch node by node."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfx.dsl.compiler import compiler, constants
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import partial_run_utils, runtime_parameter_utils
from tfx.proto.orchestration import pipeline_pb2

from pipeline_def.config.load import PipelineConfig
from pipeline_def.launcher import local_filesystem
from pipeline_def.launcher.stub_executors import only_names
from pipeline_def.pipeline import create_pipeline
from pipeline_def.runs.run_store import RunStore

if TYPE_CHECKING:
    from pipeline_def.local.runner import RunOptions


def compile_pipeline(config: PipelineConfig, options: "RunOptions", run_id: str) -> pipeline_pb2.Pipeline:
    """The pipeline of the local runner as a proto, with the run's id and the part of the graph to run filled in."""
    local_filesystem.prefer()
    pipeline = compiled(create_pipeline(config, options.root.resolve(), use_cache=options.use_cache), run_id)
    if options.from_step or options.to_step:
        _mark_part(pipeline, config.step_names(), options)
    return pipeline


def compiled(graph: Pipeline, run_id: str) -> pipeline_pb2.Pipeline:
    """The pipeline as a proto, with the run's id filled in."""
    with only_names():
        pipeline: pipeline_pb2.Pipeline = compiler.Compiler().compile(graph)
    runtime_parameter_utils.substitute_runtime_parameter(
        pipeline, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id}
    )
    return pipeline


def _mark_part(pipeline: pipeline_pb2.Pipeline, names: Sequence[str], options: "RunOptions") -> None:
    """Has only the steps from `from_step` to `to_step` run, in the order in which a person sees them.

    Raises:
        NoSuchRun: no run has ended the steps before `from_step` well.
    """
    first = names.index(options.from_step) if options.from_step else 0
    last = names.index(options.to_step) if options.to_step else len(names) - 1
    settings = pipeline_pb2.SnapshotSettings()
    if first:
        base = RunStore.open(options.root).latest_with(names[:first])
        partial_run_utils.set_base_pipeline_run_strategy(settings, base)
    else:
        partial_run_utils.set_latest_pipeline_run_strategy(settings)
    partial_run_utils.mark_pipeline(
        pipeline,
        from_nodes=names[first:],
        to_nodes=names[: last + 1],
        snapshot_settings=settings,
    )


def is_skipped(pipeline: pipeline_pb2.Pipeline, node_id: str) -> bool:
    """Whether a partial run leaves this node out."""
    return any(
        node.pipeline_node.node_info.id == node_id and node.pipeline_node.execution_options.HasField("skip")
        for node in pipeline.nodes
    )
