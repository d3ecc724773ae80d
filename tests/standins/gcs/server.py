"""A stand-in for Google Cloud Storage, for clients with fixed host names.

The address of TensorFlow's gs:// can't be configured, but it uses the proxy in HTTPS_PROXY and trusts the certificate
authorities in CURL_CA_BUNDLE. So this server is a proxy: it answers connections to www.googleapis.com itself, with a
certificate for that name. It opens no connection to other machines.
"""

import datetime
import json
import ssl
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.standins.gcs.api import Api, Request
from tests.standins.gcs.store import Store

HOSTS = (
    "www.googleapis.com",
    "storage.googleapis.com",
    "oauth2.googleapis.com",
    "iamcredentials.googleapis.com",
)
_PEM, _PLAIN = serialization.Encoding.PEM, serialization.NoEncryption()


class GcsServer:
    """The server; it runs while used as a context manager.

    Args:
        folder: the folder to write its certificate and the credentials of an account to.
        buckets: the names of its buckets.
    """

    def __init__(self, folder: Path, *buckets: str) -> None:
        self.store = Store(*buckets)
        self.api = Api(self.store)
        self.requests: list[tuple[str, str]] = []
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._certificate = _certificate(folder / "certificate.pem", key)
        self._account = _account(folder / "account.json", key)
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.daemon_threads = True
        self._http.api = self.api
        self._http.seen = self.requests
        self._http.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._http.context.load_cert_chain(self._certificate)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))

    def __enter__(self) -> "GcsServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment variables with which TensorFlow, Beam and Google's client use this server and no other."""
        proxy = f"http://127.0.0.1:{self._http.server_port}"
        return {
            "HTTPS_PROXY": proxy,
            "https_proxy": proxy,
            "NO_PROXY": "localhost,127.0.0.1",
            "no_proxy": "localhost,127.0.0.1",
            "CURL_CA_BUNDLE": str(self._certificate),
            "REQUESTS_CA_BUNDLE": str(self._certificate),
            "GOOGLE_APPLICATION_CREDENTIALS": str(self._account),
            "GOOGLE_CLOUD_PROJECT": "regpipe-test",
            "GCS_RETRY_CONFIG_MAX_RETRIES": "3",
            "GCS_RETRY_CONFIG_INIT_DELAY_TIME_US": "10000",
            "NO_GCE_CHECK": "true",  # no request to find out whether this is a machine of Google Cloud
        }


class _Server(ThreadingHTTPServer):
    api: Api
    context: ssl.SSLContext
    seen: list[tuple[str, str]]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self) -> None:
        """Opens a tunnel to one of HOSTS, which ends in this server; other hosts are refused."""
        host = self.path.partition(":")[0]
        if host not in HOSTS:
            self.send_error(403, f"no connection to {host}")
            return
        self.send_response(200, "Connection established")
        self.end_headers()
        server = cast(_Server, self.server)
        try:
            self.connection = server.context.wrap_socket(self.connection, server_side=True)
        except OSError:  # the client refused the certificate
            self.close_connection = True
            return
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", 0)
        self.close_connection = False

    def finish(self) -> None:
        """Also closes the TLS socket, as the server only closes the socket inside it."""
        super().finish()
        self.connection.close()

    def _answer(self) -> None:
        server = cast(_Server, self.server)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self._body())
        server.seen.append((self.command, self.path))
        answer = server.api.answer(request)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _answer  # noqa: N815 (BaseHTTPRequestHandler's names)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def log_message(self, *_: Any) -> None:
        """Logs nothing."""


def _certificate(file: Path, key: rsa.RSAPrivateKey) -> Path:
    """Writes a self-signed certificate and its key to a file."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "regpipe-test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file.write_bytes(_private(key) + certificate.public_bytes(_PEM))
    return file


def _account(file: Path, key: rsa.RSAPrivateKey) -> Path:
    """Writes the key file of a service account in Google's format."""
    known = {
        "type": "service_account",
        "project_id": "regpipe-test",
        "private_key_id": "1",
        "private_key": _private(key).decode(),
        "client_email": "pipe@regpipe-test.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    file.write_text(json.dumps(known))
    return file


def _private(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, _PLAIN)
