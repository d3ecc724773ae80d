"""Errors of a prediction. The caller adds the location of the rows to the message."""


class ServingError(Exception):
    """A model returned no valid response. The message has endpoint, model, code and the server's message."""


class ServerUnavailable(ServingError):
    """The server did not respond in time or was overloaded, on every attempt."""


class RequestRejected(ServingError):
    """The server returned an error that a retry would not avoid, or an invalid prediction."""


class ModelNotFound(RequestRejected):
    """The model, version or signature does not exist."""
