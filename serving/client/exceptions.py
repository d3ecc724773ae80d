"""Why there is no answer. Which rows were asked for is known to the caller, not here."""


class ServingError(Exception):
    """A model gave no usable answer. The message names the endpoint, the model, the code and the server's words."""


class ServerUnavailable(ServingError):
    """Nobody answered in time, or the server was too busy, as often as it was tried."""


class RequestRejected(ServingError):
    """The server answered with an error that the same request would meet again, or with what is no prediction."""


class ModelNotFound(RequestRejected):
    """There is no such model, version or signature."""
