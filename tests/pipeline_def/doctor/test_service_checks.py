"""The checks of Kubeflow Pipelines, the registry, the notification and MLflow, against stand-ins."""

import sys
from collections.abc import Sequence

import pytest

from pipeline_def.config.load import PipelineConfig, load_config
from pipeline_def.doctor import service_checks
from pipeline_def.doctor.image_reference import parse_image
from tests.standins.kfp_api.api_server import ApiServer
from tests.standins.registry import registry
from tests.standins.webhook import SECRET, webhook

IMAGE = "kubeflow.image=regpipe:1"


def config(*settings: str) -> PipelineConfig:
    return load_config(None, settings)


@pytest.fixture(autouse=True)
def _isolated_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hides the addresses and tokens of the user who runs the tests."""
    for name in (
        "KF_PIPELINES_ENDPOINT",
        "KUBEFLOW_TOKEN",
        "KUBERNETES_SERVICE_HOST",
        "REGPIPE_NOTIFY_URL",
        "MLFLOW_TRACKING_URI",
    ):
        monkeypatch.delenv(name, raising=False)


def test_kubeflow_answers() -> None:
    """With its version and the rights: an installation for one user has no others; with several, listing is tried."""
    with ApiServer() as api:
        result = service_checks.kubeflow(config(IMAGE, f"kubeflow.host={api.host}"))
        assert (result.state, result.found) == ("ok", f"{api.host}, version 2.17.0, may list and create runs")
        api.resources.multi_user = True
        team = config(IMAGE, f"kubeflow.host={api.host}", "kubeflow.namespace=team")
        assert service_checks.kubeflow(team).found == f"{api.host}, version 2.17.0, may list runs"
        assert api.writes() == []


@pytest.mark.parametrize(
    ("settings", "tokens", "found"),
    [
        (["kubeflow.auth=bearer"], {"good": True}, "not logged in (401)"),
        (["kubeflow.auth=bearer"], {"T0KEN": False}, "access denied (403)"),
    ],
)
def test_kubeflow_refuses(
    settings: Sequence[str], tokens: dict[str, bool], found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that is unknown, or has no right to list runs; it is not shown."""
    monkeypatch.setenv("KUBEFLOW_TOKEN", "T0KEN")
    with ApiServer(tokens=tokens) as api:
        result = service_checks.kubeflow(config(IMAGE, f"kubeflow.host={api.host}", *settings))
    assert result.fails
    assert found in result.found
    assert "T0KEN" not in f"{result.found}{result.advice}"


def test_kubeflow_is_needed_only_with_an_image() -> None:
    """`compile` and `submit` need one."""
    closed = "kubeflow.host=http://127.0.0.1:9"
    assert service_checks.kubeflow(config()).state == "missing"
    assert not service_checks.kubeflow(config()).fails
    assert not service_checks.kubeflow(config(closed)).fails
    assert service_checks.kubeflow(config(closed, IMAGE)).fails


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("regpipe:1", ("docker.io", "library/regpipe", "1")),
        ("team/regpipe", ("docker.io", "team/regpipe", "latest")),
        ("localhost/regpipe:1", ("localhost", "regpipe", "1")),
        ("registry.example:5000/a/b:1@sha256:0f", ("registry.example:5000", "a/b", "sha256:0f")),
    ],
)
def test_the_parts_of_an_image(image: str, parts: tuple[str, str, str]) -> None:
    """As Docker reads them: github.com/distribution/reference, normalize.go."""
    assert parse_image(image) == parts


@pytest.mark.parametrize(
    ("login", "tag", "state", "fails"),
    [
        ("none", "1", "ok", False),
        ("none", "2", "missing", True),
        ("anonymous", "1", "ok", False),
        ("anonymous", "2", "missing", True),
        ("account", "1", "problem", False),
    ],
)
def test_the_image_in_its_registry(login: str, tag: str, state: str, fails: bool) -> None:
    """Whether a registry that wants a login has the image can't be seen without one."""
    with registry("team/regpipe:1", login=login) as host:
        result = service_checks.image(config(f"kubeflow.image={host}/team/regpipe:{tag}"))
    assert (result.state, result.fails) == (state, fails)


def test_a_registry_that_does_not_answer() -> None:
    """The cluster may reach it."""
    result = service_checks.image(config("kubeflow.image=127.0.0.1:9/regpipe:1"))
    assert (result.state, result.fails) == ("problem", False)
    assert service_checks.image(config()).state == "missing"


@pytest.mark.parametrize(
    ("settings", "url", "state", "fails"),
    [
        ([], None, "missing", False),
        (["notify.when=always"], None, "missing", True),
        (["notify.when=always", "notify.secret=s"], None, "missing", False),
        (["notify.when=problem"], f"http://127.0.0.1:9/{SECRET}", "ok", False),
        (["notify.when=never"], None, "ok", False),
    ],
)
def test_the_url_of_the_notification(
    settings: Sequence[str], url: str | None, state: str, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not requested, and not shown."""
    if url:
        monkeypatch.setenv("REGPIPE_NOTIFY_URL", url)
    result = service_checks.webhook(config(*settings))
    assert (result.state, result.fails) == (state, fails)
    assert SECRET not in result.found


def test_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Client, address and server; the password in the address is not shown."""
    on = "tracking.mlflow.enabled=true"
    monkeypatch.setitem(sys.modules, "mlflow", None)
    assert not service_checks.mlflow(config()).fails
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert service_checks.mlflow(config(on)).found == "no client"
    monkeypatch.setattr("importlib.util.find_spec", lambda _: object())
    assert "MLFLOW_TRACKING_URI" in service_checks.mlflow(config(on)).found
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:PASSW0RD@127.0.0.1:9")
    result = service_checks.mlflow(config(on))
    assert result.fails
    assert result.found.startswith("http://127.0.0.1:9: ")
    assert "PASSW0RD" not in result.found
    with webhook() as server:  # it has no GET: 501
        address = server.url.partition("/hooks")[0]
        result = service_checks.mlflow(config(on, f"tracking.mlflow.uri={address}"))
    assert (result.state, result.found) == ("problem", f"{address}: it answers with 501")
