"""Endpoints: which texts are valid, and which are rejected before a request is sent."""

import ssl
import subprocess
from pathlib import Path

import grpc
import numpy as np
import pytest

from serving.client.connect import connect
from serving.client.endpoint import EXPECTED, Tls, parse
from serving.client.exceptions import ServerUnavailable
from serving.client.grpc import GrpcClient
from serving.client.rest import RestClient
from serving.client.retries import RetryPolicy
from tests.standins.tf_serving import scripted_server

COLUMNS = {"a": np.zeros(2, np.float32)}


@pytest.mark.parametrize(
    ("given", "url", "authority", "path"),
    [
        ("http://localhost:8501", "http://localhost:8501", "localhost:8501", ""),
        ("https://models.example/tfs/", "https://models.example/tfs", "models.example", "/tfs"),
        ("grpc://10.0.0.7:8500", "grpc://10.0.0.7:8500", "10.0.0.7:8500", ""),
        ("grpcs://[::1]:8500", "grpcs://[::1]:8500", "[::1]:8500", ""),
        ("localhost:8500", "grpc://localhost:8500", "localhost:8500", ""),
    ],
)
def test_endpoints(given: str, url: str, authority: str, path: str) -> None:
    """The scheme decides the protocol and the encryption; without a scheme it is gRPC."""
    endpoint = parse(given, "regpipe", None)
    assert (endpoint.url, endpoint.authority, endpoint.path) == (url, authority, path)
    assert endpoint.is_grpc == url.startswith("grpc")
    assert endpoint.is_encrypted == (":" in url and url.partition(":")[0].endswith("s"))
    kind = GrpcClient if endpoint.is_grpc else RestClient
    assert isinstance(connect(given), kind)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "localhost",
        "grpc://localhost",
        "ftp://localhost:21",
        "http://",
        "localhost:port",
        "http://localhost:99999",
        "http://user:secret@localhost:8501",
        "http://localhost:8501?a=b",
    ],
)
def test_what_is_no_endpoint(given: str) -> None:
    """The message has what was expected and what was given."""
    with pytest.raises(ValueError, match=r".") as error:
        connect(given)
    assert str(error.value) == f"the endpoint must be {EXPECTED}, got {given!r}."


@pytest.mark.parametrize(
    "given", ["http://localhost:8501/v1/models/regpipe:predict", "localhost:8500/regpipe"]
)
def test_a_path_too_many(given: str) -> None:
    """The client adds the model's path."""
    with pytest.raises(ValueError, match="without the model's path, got"):
        connect(given)


@pytest.mark.parametrize("model", ["", "a/b", "a:predict"])
def test_what_is_no_model(model: str) -> None:
    """TF Serving's REST paths can't contain it."""
    with pytest.raises(ValueError, match=r"^the model's name must not be empty or contain / or :, got "):
        connect("localhost:8500", model=model)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """A self-signed certificate for localhost."""
    folder = tmp_path_factory.mktemp("tls")
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    subprocess.run([*command, *subject, *files], check=True, capture_output=True)
    return Tls(certificate=folder / "cert.pem", key=folder / "key.pem")


def test_tls_over_rest(certificate: Tls) -> None:
    """The request succeeds if the server's certificate is trusted; otherwise it fails at once."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert certificate.certificate is not None
    context.load_cert_chain(certificate.certificate, certificate.key)
    with scripted_server.rest(scripted_server.Script(), context) as endpoint:
        client = connect(endpoint, tls=Tls(ca=certificate.certificate))
        assert client.predict(COLUMNS).tolist() == [0.5, 0.5]
        client.close()
        with pytest.raises(ServerUnavailable, match="certificate verify failed"):
            connect(endpoint).predict(COLUMNS)


def test_tls_over_grpc_on_both_sides(certificate: Tls) -> None:
    """The server requires the client's certificate, too; without trust the request fails."""
    files = certificate.grpc_arguments()
    cert = files["certificate_chain"]
    credentials = grpc.ssl_server_credentials([(files["private_key"], cert)], cert, require_client_auth=True)
    with scripted_server.grpc_server(scripted_server.Script(), credentials) as endpoint:
        tls = Tls(ca=certificate.certificate, certificate=certificate.certificate, key=certificate.key)
        assert connect(endpoint, tls=tls).predict(COLUMNS).tolist() == [0.5, 0.5]
        with pytest.raises(ServerUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            connect(endpoint, retry_policy=RetryPolicy(attempts=1)).predict(COLUMNS)


def test_half_a_client_certificate() -> None:
    """A certificate requires its key."""
    with pytest.raises(ValueError, match=r"^expected both a client certificate and its key, or neither\.$"):
        Tls(certificate=Path("cert.pem"))
