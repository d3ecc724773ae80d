"""Connecting to Kubeflow Pipelines through the command line: credentials, and messages when a request fails."""

import datetime
import ipaddress
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pipeline_def.cli.main import main
from pipeline_def.config.kubeflow import KubeflowConfig
from pipeline_def.kubeflow.auth import KubeflowError, create_client
from tests.pipeline_def.kubeflow.conftest import connect
from tests.standins.kfp_api.api_errors import ApiError
from tests.standins.kfp_api.api_server import ApiServer, Fault

TOKEN = "eyJ.secret-token.x"
LIST = ["schedule", "list"]


def refused(capsys: pytest.CaptureFixture[str], *settings: str) -> str:
    """Runs `regpipe schedule list`, which must exit with 1, and returns its standard error."""
    assert main([*LIST, *(f"--set=kubeflow.{setting}" for setting in settings)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    return err.removeprefix("regpipe: ").rstrip("\n")


@pytest.fixture
def shared() -> Iterator[ApiServer]:
    """A server that requires a token; one token has access, another has not."""
    with ApiServer(tokens={TOKEN: True, "bob": False}) as server:
        yield server


def test_a_bearer_token(shared: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read from the environment."""
    monkeypatch.setenv("KUBEFLOW_TOKEN", TOKEN)
    assert main([*LIST, f"--set=kubeflow.host={shared.host}", "--set=kubeflow.auth=bearer"]) == 0


def test_a_service_account_token(shared: ApiServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is read again from its file, which Kubernetes renews, for each request. No message contains a token."""
    file = tmp_path / "token"
    file.write_text("stale-one")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(file))
    kubeflow = connect(shared, "kubeflow.auth=service_account")
    call = kubeflow.client.pipelines.pipeline_service_list_pipelines
    with pytest.raises(KubeflowError) as refused:
        kubeflow.call(call)
    assert str(refused.value) == (
        f"{shared.host}: not logged in (401): Review.Status.Authenticated is false for the token (the token). The "
        f"service account's token is read from {file}."
    )
    file.write_text(f"{TOKEN}\n")
    assert kubeflow.call(call).pipelines is None


@pytest.mark.parametrize(
    ("auth", "host"),
    [
        ("bearer", "http://localhost:1"),
        ("bearer", "http://127.0.0.9:1"),
        ("bearer", "http://[::1]:1"),
        ("bearer", "https://kubeflow.example.org"),
        ("service_account", "http://ml-pipeline.kubeflow.svc.cluster.local:8888"),
        ("service_account", "https://kubeflow.example.org"),
        ("none", "http://kubeflow.example.org"),
    ],
)
def test_where_a_token_may_go(auth: str, host: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Encrypted to any host, and unencrypted to this machine or, as a service account, to a service of the cluster."""
    (tmp_path / "token").write_text(TOKEN)
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setenv("KUBEFLOW_TOKEN", TOKEN)
    create_client(KubeflowConfig(auth=auth, host=host))  # type: ignore[arg-type]


def test_a_kubeconfig(api: ApiServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Requests go through the proxy of the Kubernetes API server, with the token of the current context."""
    cluster = {"name": "c", "cluster": {"server": api.host}}
    user = {"name": "u", "user": {"token": TOKEN}}
    context = {"name": "x", "context": {"cluster": "c", "user": "u"}}
    config = {"current-context": "x", "clusters": [cluster], "users": [user], "contexts": [context]}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    api.tokens = {TOKEN: True}
    api.proxy = "/api/v1/namespaces/ml/services/ml-pipeline:http/proxy"
    assert main([*LIST, "--set=kubeflow.auth=kubeconfig", "--set=kubeflow.installation=ml"]) == 0
    assert api.calls == [f"GET {api.proxy}/apis/v2beta1/{what}" for what in ("healthz", "recurringruns")]


@pytest.mark.parametrize(
    ("settings", "environment", "message"),
    [
        (
            ["host=HOST"], {},
            "HOST: not logged in (401): Request header error: there is no user identity header. kubeflow.auth is none; "
            "set it to bearer, service_account or kubeconfig to log in.",
        ),
        (
            ["host=HOST", "auth=bearer"], {"KUBEFLOW_TOKEN": "expired-one"},
            "HOST: not logged in (401): Review.Status.Authenticated is false for the token (the token). The token in "
            "KUBEFLOW_TOKEN may have expired, or belong to another host.",
        ),
        (
            ["host=HOST", "auth=bearer"], {"KUBEFLOW_TOKEN": "bob"},
            "HOST: access denied (403): User 'ann' is not authorized with reason: (request: kubeflow.org pipelines). "
            "This needs the role kubeflow-pipelines-edit in namespace 'kubeflow'. "
            "The token in KUBEFLOW_TOKEN may have expired, or belong to another host.",
        ),
        (
            ["host=HOST", "auth=bearer"], {},
            "kubeflow.auth: bearer: expected a token in the environment variable KUBEFLOW_TOKEN, got nothing",
        ),
        (
            ["host=HOST", "auth=bearer"], {"KUBEFLOW_TOKEN": "Bearer x"},
            "kubeflow.auth: bearer: expected a token in the environment variable KUBEFLOW_TOKEN, got text with spaces",
        ),
        (
            ["host=HOST", "auth=service_account"], {"KF_PIPELINES_SA_TOKEN_PATH": "/nowhere"},
            "kubeflow.auth: service_account: expected a token in the file /nowhere, got no file. Mount a projected "
            "volume with the audience pipelines.kubeflow.org in this pod, or set KF_PIPELINES_SA_TOKEN_PATH to another "
            "file",
        ),
        (
            [], {},
            "kubeflow.host: expected the address of Kubeflow Pipelines, or kubeflow.auth: kubeconfig, got nothing. "
            "Set kubeflow.host to its address, such as http://localhost:8080 behind "
            "`kubectl port-forward -n kubeflow svc/ml-pipeline-ui 8080:80`",
        ),
        (
            ["auth=kubeconfig"], {"KF_PIPELINES_ENDPOINT": "http://elsewhere"},
            "kubeflow.auth: kubeconfig: expected KF_PIPELINES_ENDPOINT to be unset",
        ),
        (
            ["host=http://kubeflow.example.org/pipeline", "auth=bearer"], {"KUBEFLOW_TOKEN": "t"},
            "kubeflow.host: expected https for the token of kubeflow.auth: bearer, or this machine, as behind "
            "`kubectl port-forward`, got 'http://kubeflow.example.org/pipeline'",
        ),
        (
            ["auth=bearer"], {"KUBEFLOW_TOKEN": "t", "KF_PIPELINES_ENDPOINT": "10.0.0.1:8080"},
            "kubeflow.host: expected https for the token of kubeflow.auth: bearer, or this machine, as behind "
            "`kubectl port-forward`, got '10.0.0.1:8080'",
        ),
        (
            ["auth=bearer"], {"KUBEFLOW_TOKEN": "t", "KF_PIPELINES_ENDPOINT": "http://p.kubeflow.svc:8888"},
            "kubeflow.host: expected https for the token of kubeflow.auth: bearer, or this machine, as behind "
            "`kubectl port-forward`, got 'http://p.kubeflow.svc:8888'",
        ),
        (["host=HOST", "ca_file=/nowhere.pem"], {}, "kubeflow.ca_file: expected a file, got '/nowhere.pem'"),
    ],
)  # fmt: skip
def test_missing_or_wrong_credentials(
    shared: ApiServer,
    settings: list[str],
    environment: dict[str, str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The message has the problem and the key or variable to set, and never a token."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    printed = refused(capsys, *(setting.replace("HOST", shared.host) for setting in settings))
    assert printed.replace(shared.host, "HOST") == message
    assert not any(token in printed for token in ("expired-one", "Bearer x"))


def test_without_a_kubeconfig(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Refused; kfp itself would send requests to localhost."""
    printed = refused(capsys, "auth=kubeconfig")
    assert printed.startswith("kubeflow.auth: kubeconfig: Invalid kube-config file")


def test_the_address_from_the_environment(api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read from KF_PIPELINES_ENDPOINT, which is set in Kubeflow's notebooks."""
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", api.host)
    assert main(LIST) == 0


def test_nothing_listens(capsys: pytest.CaptureFixture[str]) -> None:
    """The message has the address and a command that makes Kubeflow Pipelines reachable."""
    message = refused(capsys, "host=http://localhost:1")
    assert message.startswith(
        "http://localhost:1: Kubeflow Pipelines can't be reached: [Errno 111] Connection refused."
    )
    assert "kubeflow.host" in message
    assert "`kubectl port-forward -n kubeflow svc/ml-pipeline-ui 8080:80`" in message


def test_no_such_host(capsys: pytest.CaptureFixture[str]) -> None:
    printed = refused(capsys, "host=http://kubeflow.invalid")
    assert printed.startswith("http://kubeflow.invalid: Kubeflow Pipelines can't be reached: ")


def test_no_answer_in_time(api: ApiServer, capsys: pytest.CaptureFixture[str]) -> None:
    """kubeflow.timeout applies to each request."""
    api.faults = [Fault("GET .*/pipelines", delay=1.2)]
    kubeflow = connect(api, "kubeflow.timeout=1")
    with pytest.raises(KubeflowError) as late:
        kubeflow.call(kubeflow.client.pipelines.pipeline_service_list_pipelines)
    assert str(late.value) == f"{api.host}: no response within 1 seconds; kubeflow.timeout is the limit"


def test_a_login_page_is_not_the_api(api: ApiServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Kubeflow's login page is a response 200 with HTML, from which kfp's client returns empty objects."""
    api.faults = [Fault(".*", page="<html>Log in</html>")]
    message = refused(capsys, f"host={api.host}")
    assert message.startswith(
        f"{api.host}: expected JSON from the API of Kubeflow Pipelines, got text/html, for example a login page."
    )
    assert "kubeflow.host" in message
    assert "kubeflow.auth" in message


@pytest.mark.parametrize("times", [2, 3])
def test_unavailable_for_a_short_time(api: ApiServer, times: int, capsys: pytest.CaptureFixture[str]) -> None:
    """A read request with response 503 is retried twice; then the server's message is printed."""
    api.faults = [Fault("GET .*/recurringruns", error=ApiError(14, "no healthy upstream"), times=times)]
    if times == 2:
        assert main([*LIST, f"--set=kubeflow.host={api.host}"]) == 0
    else:
        assert refused(capsys, f"host={api.host}") == f"{api.host}: refused (503): no healthy upstream"


def certificate(folder: Path) -> tuple[str, str]:
    """Writes a self-signed certificate for localhost and its key."""
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(secret, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        secret.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return str(files[0]), str(files[1])


def test_tls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A certificate of an unknown authority is refused with a hint on kubeflow.ca_file, and accepted with that."""
    file, key = certificate(tmp_path)
    with ApiServer(tls=(file, key)) as api:
        printed = refused(capsys, f"host={api.host}")
        assert printed.startswith(f"{api.host}: TLS error: [SSL: CERTIFICATE_VERIFY_FAILED]")
        assert "kubeflow.ca_file" in printed
        assert "http://" in printed
        assert main([*LIST, f"--set=kubeflow.host={api.host}", f"--set=kubeflow.ca_file={file}"]) == 0
