"""Creates the client for an endpoint, and imports only the protocol of that endpoint."""

from collections.abc import Mapping

from serving.client.endpoint import Tls, parse
from serving.client.predictor import Client
from serving.client.retries import RetryPolicy


def connect(
    endpoint: str,
    *,
    model: str = "regpipe",
    version: int | None = None,
    headers: Mapping[str, str] | None = None,
    retry_policy: RetryPolicy | None = None,
    tls: Tls | None = None,
) -> Client:
    """Returns a client for a model on a server; sends nothing yet.

    >>> client = connect("http://localhost:8501", model="regpipe")

    Args:
        endpoint: `http://HOST:8501` (REST), `grpc://HOST:8500` or `HOST:8500` (gRPC); https and grpcs are encrypted.
        model: the name of the model on the server.
        version: the version of the model; None means the newest one at the time of each request.
        headers: sent with every request, such as {"Authorization": "Bearer ..."}; in gRPC they are metadata.
        retry_policy: time-outs and retries; None means the defaults.
        tls: the certificates for https and grpcs; None means the system's CA certificates.

    Raises:
        ValueError: the endpoint, the model's name or a file in `tls` is invalid.
        OSError: a file in `tls` can't be read.
    """
    target = parse(endpoint, model, version)
    if target.is_grpc:
        from serving.client.grpc import GrpcClient

        return GrpcClient(target, headers or {}, retry_policy or RetryPolicy(), tls or Tls())
    from serving.client.rest import RestClient

    return RestClient(target, headers or {}, retry_policy or RetryPolicy(), tls or Tls())
