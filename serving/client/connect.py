"""The client of TF Serving, over REST or gRPC. It needs NumPy and a connection: no TensorFlow, no TFX, no Beam."""

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
    """The client of a model; nothing is sent yet.

    Args:
        endpoint: `http://HOST:8501` (REST), `grpc://HOST:8500` or `HOST:8500` (gRPC); https and grpcs are encrypted.
        model: the name under which the server has the model.
        version: None means the newest that the server has, at each request anew.
        headers: sent with every request, such as {"Authorization": "Bearer ..."}; gRPC calls them metadata.
        patience: time-outs and retries; None means the defaults.
        tls: whom to trust, for https and grpcs; None means whom the system trusts.

    Raises:
        ValueError: the endpoint, the model's name or a file of `tls` has not the expected form.
        OSError: a file of `tls` can't be read.
    """
    target = parse(endpoint, model, version)
    if target.is_grpc:
        from serving.client.grpc import GrpcClient

        return GrpcClient(target, headers or {}, retry_policy or RetryPolicy(), tls or Tls())
    from serving.client.rest import RestClient

    return RestClient(target, headers or {}, retry_policy or RetryPolicy(), tls or Tls())
