"""The table of steps agrees with the graph that TFX compiles."""

from pathlib import Path
from typing import Any

import pytest
from tfx.orchestration.local import runner_utils
from tfx.proto.orchestration import executable_spec_pb2, pipeline_pb2

from components.common.code_digest import code_digest
from pipeline_def.config.load import load_config
from pipeline_def.launcher.run_options import RunOptions
from pipeline_def.steps import STEP_NAMES, STEPS, Step, code_of, direct_predecessors


@pytest.fixture(
    params=[(), ("model.l1=0", "model.l2=0", "model.dropout=0")], ids=["default", "without a Tuner"]
)
def compiled(request: pytest.FixtureRequest, tmp_path: Path) -> pipeline_pb2.Pipeline:
    """The compiled pipeline, with the Tuner and without it."""
    return _compiled(tmp_path, *request.param)


def _compiled(root: Path, *overrides: str) -> pipeline_pb2.Pipeline:
    from pipeline_def.launcher.compiled_pipeline import compile_local

    return compile_local(load_config(None, overrides), RunOptions(root=root), "a-run")


def _nodes(pipeline: pipeline_pb2.Pipeline) -> dict[str, Any]:
    return {node.pipeline_node.node_info.id: node.pipeline_node for node in pipeline.nodes}


def _present(pipeline: pipeline_pb2.Pipeline) -> list[Step]:
    return [step for step in STEPS if step.name in _nodes(pipeline)]


def _executor(pipeline: pipeline_pb2.Pipeline, step: str) -> tuple[str, bool]:
    """The module of a step's executor, and whether it runs on Beam."""
    deployment = runner_utils.extract_local_deployment_config(pipeline)
    spec = runner_utils.extract_executor_spec(deployment, step)
    on_beam = isinstance(spec, executable_spec_pb2.BeamExecutableSpec)
    python = spec.python_executor_spec if on_beam else spec
    return str(python.class_path).rpartition(".")[0], on_beam


def test_the_steps_are_those_of_the_graph(compiled: pipeline_pb2.Pipeline) -> None:
    """Only an optional step may be missing from the graph."""
    assert set(_nodes(compiled)) <= set(STEP_NAMES)
    assert all(step.optional for step in STEPS if step.name not in _nodes(compiled))


def test_the_predecessors_are_the_upstream_nodes(compiled: pipeline_pb2.Pipeline) -> None:
    """Each step lists all of them, and comes after them in the table."""
    nodes = _nodes(compiled)
    for step in _present(compiled):
        assert {name for name in step.predecessors if name in nodes} == set(nodes[step.name].upstream_nodes)
        assert set(step.predecessors) <= set(STEP_NAMES[: STEP_NAMES.index(step.name)])


def test_the_executors_are_those_of_the_graph(compiled: pipeline_pb2.Pipeline) -> None:
    """Without an executor module, the executor is in the step's own module. Beam runs exactly the marked steps."""
    for step in _present(compiled):
        module, on_beam = _executor(compiled, step.name)
        assert module in (step.executors or (step.code,)), step.name
        assert on_beam == step.uses_beam, step.name


def test_each_executor_is_used(tmp_path: Path) -> None:
    """An inferred schema, a curated one, and the Tuner make use of every module that the table names."""
    schema = tmp_path / "schema.pbtxt"
    schema.write_text("feature { name: 'a' }")
    pipelines = [
        _compiled(tmp_path),
        _compiled(tmp_path, f"data.schema_file={schema}"),
    ]
    used = {_executor(pipeline, name)[0] for pipeline in pipelines for name in _nodes(pipeline)}
    assert {name for step in STEPS for name in step.executors} <= used


def test_the_digest_of_each_step_s_code_is_in_its_settings(compiled: pipeline_pb2.Pipeline) -> None:
    """So TFX's cache runs the step again after a change. The Pusher and the Report run every time anyway."""
    nodes = _nodes(compiled)
    for step in _present(compiled):
        if step.code and step.name not in ("Pusher", "Report"):
            assert code_digest(step.code) in str(nodes[step.name].parameters), step.name


def test_a_step_without_its_own_code_has_no_digest() -> None:
    assert code_of("Trainer") == "components.trainer.executor"
    with pytest.raises(ValueError, match="its own code, got SchemaGen"):
        code_of("SchemaGen")


def test_direct_predecessors_hold_with_and_without_the_tuner() -> None:
    """What another predecessor implies is left out, unless only the optional Tuner implies it."""
    assert {name: direct_predecessors(name) for name in STEP_NAMES} == {
        "ExampleGen": (),
        "StatisticsGen": ("ExampleGen",),
        "SchemaGen": ("StatisticsGen",),
        "ExampleValidator": ("SchemaGen",),
        "DataGate": ("ExampleValidator",),
        "DriftGate": ("StatisticsGen",),
        "Transform": ("DataGate", "DriftGate"),
        "Tuner": ("Transform",),
        "Trainer": ("Transform", "Tuner"),
        "BaselineTrainer": ("Transform",),
        "ServedModel": ("Trainer",),
        "Evaluator": ("Trainer", "BaselineTrainer", "ServedModel"),
        "Pusher": ("Evaluator",),
        "Report": ("Pusher",),
    }
