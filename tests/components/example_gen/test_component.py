"""The component in a real pipeline, which is compiled and launched with TFX's cache."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tfx.dsl.compiler import compiler, constants
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import launcher, runtime_parameter_utils

from components.common.errors import DataRefused
from components.config.data import DataConfig
from components.example_gen.component import TableExampleGen

Write = Callable[[str, str | bytes], str]
Settings = Callable[..., DataConfig]
_RUNS = itertools.count()


def launch(config: DataConfig, root: Path, code: str = "1", rejected: str = "rejected") -> bool:
    """Runs a pipeline of only this component. Returns whether its output came from the cache."""
    component = TableExampleGen(config, str(root / rejected), code)
    connection = metadata.sqlite_metadata_connection_config(str(root / "metadata.db"))
    compiled = compiler.Compiler().compile(
        pipeline.Pipeline(
            pipeline_name="p",
            pipeline_root=str(root / "artifacts"),
            components=[component],
            enable_cache=True,
            metadata_connection_config=connection,
            beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=none"],
        )
    )
    run_id = {constants.PIPELINE_RUN_ID_PARAMETER_NAME: str(next(_RUNS))}
    runtime_parameter_utils.substitute_runtime_parameter(compiled, run_id)
    deployment = runner_utils.extract_local_deployment_config(compiled)
    node = compiled.nodes[0].pipeline_node
    before = artifacts(root)
    launcher.Launcher(
        pipeline_node=node,
        mlmd_connection=metadata.Metadata(connection),
        pipeline_info=compiled.pipeline_info,
        pipeline_runtime_spec=compiled.runtime_spec,
        executor_spec=runner_utils.extract_executor_spec(deployment, node.node_info.id),
        custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, node.node_info.id),
    ).launch()
    return artifacts(root) == before


def artifacts(root: Path) -> list[Path]:
    return sorted((root / "artifacts").glob("TableExampleGen/examples/*"))


def stored(root: Path) -> Any:
    connection = metadata.sqlite_metadata_connection_config(str(root / "metadata.db"))
    with metadata.Metadata(connection) as handle:
        return handle.store.get_artifacts_by_type("Examples"), handle.store.get_executions()


TABLE = "a,y\n" + "1,0\n2,1\n" * 20


def test_the_same_bytes_and_settings_come_from_the_cache(
    write: Write, settings: Settings, tmp_path: Path
) -> None:
    """Times, folders and settings of later steps do not change the key of the cache; bytes, settings and code do."""
    path = write("t.csv", TABLE)
    assert not launch(settings(path), tmp_path)
    Path(path).touch()
    assert launch(settings(path), tmp_path)
    assert launch(settings(write("moved/t.csv", TABLE)), tmp_path, rejected="elsewhere")
    assert launch(settings(path, min_rows=3), tmp_path)
    assert not launch(settings(path, max_bad_fraction=0.5), tmp_path)
    assert not launch(settings(path), tmp_path, code="2")
    assert not launch(settings(write("t.csv", TABLE.replace("2,1", "3,1", 1))), tmp_path)


def test_a_new_span_is_read_and_recorded(write: Write, settings: Settings, tmp_path: Path) -> None:
    write("days/7/t.csv", TABLE)
    pattern = f"{tmp_path}/days/{{SPAN}}/*.csv"
    assert not launch(settings(pattern), tmp_path)
    assert launch(settings(pattern), tmp_path)
    write("days/8/t.csv", TABLE)
    assert not launch(settings(pattern), tmp_path)
    spans = [artifact.custom_properties["span"].int_value for artifact in stored(tmp_path)[0]]
    assert sorted(set(spans)) == [7, 8]


def test_refused_data_fails_the_execution_and_keeps_the_rejected_rows(
    write: Write, settings: Settings, tmp_path: Path
) -> None:
    """TFX deletes the artifact; the file that the error names remains. No execution is left in the state running."""
    path = write("t.csv", TABLE + "x,0\n" * 20)
    with pytest.raises(DataRefused) as caught:
        launch(settings(path, features=("a",)), tmp_path)
    assert caught.value.rejected_rows is not None
    assert len(Path(caught.value.rejected_rows).read_text().splitlines()) == 20
    assert artifacts(tmp_path) == []
    with pytest.raises(DataRefused, match="found nothing"):
        launch(settings(str(tmp_path / "none.csv")), tmp_path)
    failed = 4  # ml_metadata.proto.metadata_store_pb2.Execution.FAILED
    assert [execution.last_known_state for execution in stored(tmp_path)[1]] == [failed, failed]
