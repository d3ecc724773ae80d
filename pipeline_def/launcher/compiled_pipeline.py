"""Compiles a configuration to TFX's pipeline proto, whose nodes can be launched one by one."""

from collections.abc import Sequence
from pathlib import Path

from tfx.dsl.compiler import compiler, constants
from tfx.orchestration.portable import partial_run_utils, runtime_parameter_utils
from tfx.proto.orchestration import pipeline_pb2

from pipeline_def.config.load import PipelineConfig
from pipeline_def.launcher import local_filesystem
from pipeline_def.launcher.metadata_store import Connection, sqlite
from pipeline_def.launcher.run_options import RunOptions
from pipeline_def.launcher.stub_executors import stub_executors
from pipeline_def.runs.run_store import RunStore

with stub_executors():
    from pipeline_def.pipeline import create_pipeline


def compile_local(config: PipelineConfig, options: RunOptions, run_id: str) -> pipeline_pb2.Pipeline:
    """Compiles the pipeline for one run on this machine, with the steps outside `options` marked as skipped.

    Raises:
        NoSuchRun: no run has completed the steps before `options.from_step`.
    """
    local_filesystem.register()  # before `sqlite`, which creates the folder of the file
    root = options.root.resolve()
    pipeline = compile_pipeline(config, root, run_id, connection=sqlite(root), use_cache=options.use_cache)
    if options.from_step or options.to_step:
        _skip_other_steps(pipeline, config.step_names(), options)
    return pipeline


def compile_pipeline(
    config: PipelineConfig,
    root: Path | str,
    run_id: str,
    *,
    connection: Connection,
    use_cache: bool = True,
) -> pipeline_pb2.Pipeline:
    """Compiles the whole pipeline for one run; the arguments are those of `create_pipeline` and the run's id."""
    local_filesystem.register()
    graph = create_pipeline(config, root, connection=connection, use_cache=use_cache)
    with stub_executors():
        pipeline: pipeline_pb2.Pipeline = compiler.Compiler().compile(graph)
    runtime_parameter_utils.substitute_runtime_parameter(
        pipeline, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id}
    )
    return pipeline


def _skip_other_steps(pipeline: pipeline_pb2.Pipeline, names: Sequence[str], options: RunOptions) -> None:
    """Marks the steps before `from_step` and after `to_step` as skipped, in the order of `names`.

    Raises:
        NoSuchRun: no run has completed the steps before `from_step`.
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
    """Whether a partial run skips this node."""
    return any(
        node.pipeline_node.node_info.id == node_id and node.pipeline_node.execution_options.HasField("skip")
        for node in pipeline.nodes
    )
