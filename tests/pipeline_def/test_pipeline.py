"""The graph: its edges, and the settings that each step depends on."""

from pathlib import Path
from typing import Any

import pytest

from components.common.code_digest import code_digest
from pipeline_def.config.load import load_config
from pipeline_def.launcher.run_options import RunOptions
from pipeline_def.steps import STEP_NAMES

EDGES = {
    "ExampleGen": set(),
    "StatisticsGen": {"ExampleGen"},
    "SchemaGen": {"StatisticsGen"},
    "ExampleValidator": {"StatisticsGen", "SchemaGen"},
    "DataGate": {"ExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator"},
    "DriftGate": {"ExampleGen", "StatisticsGen"},
    "Transform": {"ExampleGen", "SchemaGen", "DataGate", "DriftGate"},
    "Tuner": {"ExampleGen", "Transform"},
    "Trainer": {"ExampleGen", "Transform", "Tuner"},
    "BaselineTrainer": {"ExampleGen", "Transform"},
    "ServedModel": {"ExampleGen", "Trainer"},
    "Evaluator": {"ExampleGen", "Trainer", "BaselineTrainer", "ServedModel"},
    "Pusher": {"StatisticsGen", "Trainer", "Evaluator"},
    "Report": {
        "ExampleGen",
        "StatisticsGen",
        "ExampleValidator",
        "DriftGate",
        "Tuner",
        "Trainer",
        "BaselineTrainer",
        "Evaluator",
        "Pusher",
    },
}
FIXED = ("model.l1=0.0001", "model.l2=0.001", "model.dropout=0.2")


def nodes(root: Path, *overrides: str, **options: Any) -> dict[str, Any]:
    """The compiled nodes by name."""
    from pipeline_def.launcher.compiled_pipeline import compile_local

    config = load_config(None, overrides)
    pipeline = compile_local(config, RunOptions(root=root, **options), "a-run")
    return {node.pipeline_node.node_info.id: node.pipeline_node for node in pipeline.nodes}


@pytest.fixture
def changed(tmp_path: Path) -> Any:
    """`changed(*overrides)`: the steps whose settings differ from the default configuration."""

    def changed(*overrides: str) -> set[str]:
        before, after = nodes(tmp_path), nodes(tmp_path, *overrides)
        return {name for name in STEP_NAMES if before[name].parameters != after[name].parameters}

    return changed


def test_the_graph_has_these_edges_and_no_others(tmp_path: Path) -> None:
    """Each step waits for its inputs; Transform also waits for both gates, so refused data is not trained on."""
    assert {name: set(node.upstream_nodes) for name, node in nodes(tmp_path).items()} == EDGES


def test_without_a_strength_to_choose_there_is_no_tuner(tmp_path: Path) -> None:
    """The other edges stay. Dropout that is auto does not apply to a network without a hidden layer."""
    for fixed in (FIXED, ("model.hidden_units=[]", "model.l1=0", "model.l2=0")):
        found = {name: set(node.upstream_nodes) for name, node in nodes(tmp_path, *fixed).items()}
        assert found == {name: steps - {"Tuner"} for name, steps in EDGES.items() if name != "Tuner"}


def test_without_a_comparison_with_the_served_model_it_is_not_looked_up(tmp_path: Path) -> None:
    """The other edges stay."""
    found = {
        name: set(node.upstream_nodes) for name, node in nodes(tmp_path, "evaluation.served=off").items()
    }
    assert found == {name: steps - {"ServedModel"} for name, steps in EDGES.items() if name != "ServedModel"}
    assert "ServedModel" not in load_config(None, ["evaluation.served=off"]).step_names()


@pytest.mark.parametrize("name", ["l1", "l2", "dropout"])
def test_one_strength_that_is_auto_needs_the_tuner(tmp_path: Path, name: str) -> None:
    assert "Tuner" in nodes(tmp_path, *FIXED, f"model.{name}=auto")


def test_the_order_of_the_steps_is_topological() -> None:
    """Every step comes after its predecessors; without a strength to choose there is no Tuner."""
    assert set(STEP_NAMES) == set(EDGES)
    for number, name in enumerate(STEP_NAMES):
        assert EDGES[name] <= set(STEP_NAMES[:number])
    assert load_config(None).step_names() == STEP_NAMES
    fixed = tuple(name for name in STEP_NAMES if name != "Tuner")
    assert load_config(None, FIXED).step_names() == fixed


@pytest.mark.parametrize(
    ("override", "steps"),
    [
        ("model.l1=0.01", {"Tuner", "Trainer"}),
        ("model.dropout=0.5", {"Tuner", "Trainer"}),
        ("model.l2=[0,0,1]", {"Tuner", "Trainer"}),
        ("training.optimizer=adam", {"Tuner", "Trainer", "BaselineTrainer"}),
        ("training.early_stopping=3", {"Tuner", "Trainer"}),
        ("training.epochs=3", {"Tuner", "Trainer", "BaselineTrainer"}),
        ("training.class_weight=balanced", {"DataGate", "Tuner", "Trainer", "BaselineTrainer"}),
        ("model.hidden_units=[4]", {"Tuner", "Trainer", "BaselineTrainer"}),
        ("evaluation.min_auc=0.7", {"DataGate", "Evaluator"}),
        ("evaluation.slices=[{feature: a, edges: [1]}]", {"DataGate", "Evaluator"}),
        ("serving.directory=/elsewhere", {"DriftGate", "ServedModel", "Pusher"}),
        ("serving.keep_versions=2", {"DriftGate", "ServedModel", "Pusher"}),
        ("evaluation.served=better", {"Evaluator"}),
        ("data.drift=refuse", {"ExampleGen", "DriftGate"}),
        ("tuning.l1=[1]", {"Tuner"}),
        ("tuning.max_rows=100", {"Tuner"}),
        ("kubeflow.host=http://kubeflow", set()),
        ("data.split.test=3", {"ExampleGen"}),
        ("data.split.seed=3", {"ExampleGen"}),
        (
            "data.weight=w",
            {"ExampleGen", "DataGate", "Transform", "Tuner", "Trainer", "BaselineTrainer", "Evaluator"},
        ),
    ],
)
def test_a_key_changes_only_the_steps_that_use_it(changed: Any, override: str, steps: set[str]) -> None:
    """A step receives only the settings that it uses, so TFX's cache runs no other step again.

    DataGate compares keys that only some tasks have with the task of the table.
    """
    assert changed(override) == steps | {"Report"}  # the report shows the whole configuration


def test_the_baseline_has_no_weight_decay(tmp_path: Path) -> None:
    """With the same optimizer, a different decay changes only the candidate and its search."""
    some, more = (
        nodes(tmp_path, "training.optimizer=adamw", f"training.weight_decay={decay}") for decay in (0.1, 0.2)
    )
    assert {n for n in STEP_NAMES if some[n].parameters != more[n].parameters} == {
        "Tuner",
        "Trainer",
        "Report",
    }


def test_a_partial_run_follows_the_order_of_the_steps(tmp_path: Path) -> None:
    """--to-step runs all steps up to that one in the list, even those that it does not depend on."""
    part = nodes(tmp_path, to_step="Transform")
    ran = [name for name in STEP_NAMES if not part[name].execution_options.HasField("skip")]
    assert ran == list(STEP_NAMES[:7])
    part = nodes(tmp_path, to_step="Tuner")
    ran = [name for name in STEP_NAMES if not part[name].execution_options.HasField("skip")]
    assert ran == list(STEP_NAMES[:8])


def test_the_statistics_depend_on_their_code(tmp_path: Path) -> None:
    """A changed line computes them again: the digest of the code is in the step's settings and so in the cache key."""
    handed = nodes(tmp_path)["StatisticsGen"].parameters.parameters["code_digest"].field_value.string_value
    assert handed == code_digest("components.statistics.component")


def test_no_cache(tmp_path: Path) -> None:
    """--no-cache turns the cache off for every step."""
    for use_cache in (True, False):
        options = [
            n.execution_options.caching_options.enable_cache
            for n in nodes(tmp_path, use_cache=use_cache).values()
        ]
        assert options == [use_cache] * len(STEP_NAMES)


def test_an_edited_schema_is_another_file(tmp_path: Path) -> None:
    """The cache key of the importer has only the path, so the path depends on the content."""
    curated = tmp_path / "schema.pbtxt"
    paths = []
    for text in ("feature { name: 'a' }", "feature { name: 'b' }"):
        curated.write_text(text)
        node = nodes(tmp_path, f"data.schema_file={curated}")["SchemaGen"]
        paths.append(Path(node.parameters.parameters["schema_file"].field_value.string_value))
    assert paths[0] != paths[1]
    assert [path.read_text() for path in paths] == ["feature { name: 'a' }", "feature { name: 'b' }"]
