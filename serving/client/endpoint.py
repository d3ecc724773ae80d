"""The address of a model on a server, and the certificates for TLS."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

# For each scheme: whether it is gRPC, and whether it is encrypted.
SCHEMES = {"http": (False, False), "https": (False, True), "grpc": (True, False), "grpcs": (True, True)}
EXPECTED = "http(s)://HOST:PORT for REST, or grpc(s)://HOST:PORT or HOST:PORT for gRPC"


@dataclass(frozen=True, kw_only=True)
class Tls:
    """Certificate files (PEM) for https and grpcs.

    Args:
        ca: CA bundle for verifying the server; None means the CA certificates of the system or of gRPC.
        certificate: the client's certificate, for a server that requires one (mutual TLS).
        key: the private key of `certificate`.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("expected both a client certificate and its key, or neither.")

    def ssl_context(self) -> ssl.SSLContext:
        """Returns the certificates for Python's ssl."""
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except ssl.SSLError:
            raise ValueError(f"{self.ca}: expected certificates in PEM format, found none.") from None
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        return context

    def grpc_arguments(self) -> dict[str, bytes | None]:
        """Returns the arguments of grpc.ssl_channel_credentials."""
        self.ssl_context()  # Raises for invalid files, for which gRPC only reports a failed connection.
        files = {"root_certificates": self.ca, "private_key": self.key, "certificate_chain": self.certificate}
        return {name: path.read_bytes() if path else None for name, path in files.items()}


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """The address of a model on a server.

    Args:
        url: the address that was given, always with a scheme; used in messages.
        authority: `host:port`.
        path: the prefix of a gateway before `/v1/models`, without a slash at the end; REST only.
        model: the model's name.
        version: the model's version; None means the newest one on the server.
    """

    url: str
    authority: str
    path: str
    model: str
    version: int | None

    @property
    def is_grpc(self) -> bool:
        """Whether the protocol is gRPC rather than REST."""
        return SCHEMES[urlsplit(self.url).scheme][0]

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection uses TLS."""
        return SCHEMES[urlsplit(self.url).scheme][1]

    def __str__(self) -> str:
        version = "" if self.version is None else f" version {self.version}"
        return f"{self.url}, model {self.model}{version}"


def parse(endpoint: str, model: str, version: int | None) -> Endpoint:
    """Parses the text of an endpoint.

    >>> print(parse("localhost:8500", "churn", 3))
    grpc://localhost:8500, model churn version 3

    Raises:
        ValueError: the endpoint or the model's name is invalid.
    """
    url = endpoint if "://" in endpoint else f"grpc://{endpoint}"
    parts = urlsplit(url)
    if not _is_valid(parts):
        raise ValueError(f"the endpoint must be {EXPECTED}, got {endpoint!r}.")
    path = parts.path.rstrip("/")
    if "/v1" in path or (path and parts.scheme.startswith("grpc")):
        raise ValueError(f"the endpoint must be {EXPECTED}, without the model's path, got {endpoint!r}.")
    if not model or "/" in model or ":" in model:
        raise ValueError(f"the model's name must not be empty or contain / or :, got {model!r}.")
    return Endpoint(url=url.rstrip("/"), authority=parts.netloc, path=path, model=model, version=version)


def _is_valid(parts: SplitResult) -> bool:
    try:
        has_port = parts.port is not None
    except ValueError:  # The port is not a number, or too high.
        return False
    known = parts.scheme in SCHEMES and parts.hostname and "@" not in parts.netloc
    return bool(
        known and not parts.query and not parts.fragment and (has_port or not SCHEMES[parts.scheme][0])
    )
