"""Fixtures: a stand-in API server of Kubeflow Pipelines, pipelines compiled by kfp, and the command line."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kfp import compiler, dsl

from pipeline_def.cli.main import main
from pipeline_def.config.load import load_config
from pipeline_def.kubeflow.auth import TOKEN_VARIABLE
from pipeline_def.kubeflow.kfp_client import KubeflowApi
from tests.standins.kfp_api.api_server import ApiServer

Run = Callable[..., int]


@pytest.fixture(autouse=True)
def _isolated_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hides the token, address, kubeconfig and kfp context of the user who runs the tests."""
    for name in (
        TOKEN_VARIABLE,
        "KF_PIPELINES_ENDPOINT",
        "KF_PIPELINES_UI_ENDPOINT",
        "KUBERNETES_SERVICE_HOST",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("kfp.Client._LOCAL_KFP_CONTEXT", str(tmp_path / "context.json"))
    monkeypatch.setattr(
        "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig")
    )


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with ApiServer() as server:
        yield server


def connect(api: ApiServer, *settings: str) -> KubeflowApi:
    """Connects to the server, with settings such as "kubeflow.timeout=1"."""
    return KubeflowApi(load_config(None, [f"kubeflow.host={api.host}", *settings]).kubeflow)


def compiled(folder: Path, image: str = "regpipe:1") -> str:
    """A pipeline of two steps with a parameter of each type, compiled by kfp."""

    @dsl.container_component  # type: ignore[untyped-decorator]
    def step(span: str) -> dsl.ContainerSpec:
        return dsl.ContainerSpec(image=image, command=["echo"], args=[span])

    @dsl.pipeline(name="churn")  # type: ignore[untyped-decorator]
    def churn(
        span: str = "latest",
        epochs: int = 5,
        l2: float = 1e-3,
        push: bool = True,
        units: list[int] = [128, 64],  # noqa: B006 - kfp takes its default from here
        slices: dict[str, float] = {},  # noqa: B006
    ) -> None:
        first = step(span=span).set_display_name("ExampleGen")
        step(span=span).set_display_name("Verdict").after(first)

    path = folder / "pipeline.yaml"
    compiler.Compiler().compile(churn, str(path))
    return path.read_text()


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A compiled pipeline."""
    return compiled(tmp_path_factory.mktemp("compiled"))


@pytest.fixture(scope="session")
def other_pipeline(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same pipeline with another image."""
    return compiled(tmp_path_factory.mktemp("compiled"), "regpipe:2")


@pytest.fixture
def regpipe(api: ApiServer, pipeline: str, tmp_path: Path) -> Run:
    """Runs a command against the server, for a pipeline named churn that is scheduled daily."""
    file = tmp_path / "compiled.yaml"
    file.write_text(pipeline)
    config = tmp_path / "churn.yaml"
    config.write_text(
        f"name: churn\nkubeflow:\n  host: {api.host}\n  timeout: 5\n  schedule:\n    cron: 0 30 2 * * *\n"
    )

    def run(*arguments: str, compiled: str | None = None) -> int:
        if compiled is not None:
            file.write_text(compiled)
        takes_pipeline = arguments[0] == "submit" or arguments[1] == "apply"
        given = ["--pipeline", str(file)] if takes_pipeline else []
        return main([*arguments, "--config", str(config), *given])

    return run
