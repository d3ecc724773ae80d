"""Errors of a prediction. Their messages do not name the rows, which only the caller knows."""


class ServingError(Exception):
    """A model returned no valid response. The message has endpoint, model, code and the server's message."""


class ServerUnavailable(ServingError):
    """The server did not respond in time or was overloaded, on every attempt."""


class RequestRejected(ServingError):
    """The server returned an error that a retry would not avoid, or an invalid prediction."""


class ModelNotFound(RequestRejected):
    """The model, version or signature does not exist."""
