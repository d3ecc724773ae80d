"""Errors, as TensorFlow's Status: a gRPC code and a message.

All sources in this folder are paths in github.com/tensorflow/serving at commit 9d981c5, without `tensorflow_serving/`.
"""

import grpc

Code = grpc.StatusCode

# model_servers/http_server.cc, ToHTTPStatusCode; all other codes are 500.
HTTP = {
    Code.OK: 200,
    Code.CANCELLED: 499,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.UNAUTHENTICATED: 401,
}
BY_NUMBER = {code.value[0]: code for code in Code}
MESSAGE_LIMIT = 1024


class Status(Exception):
    """A request failed.

    Args:
        code: the gRPC code.
        message: the message of TF Serving.
    """

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code = code
        self.message = message

    @property
    def http(self) -> int:
        """The status of an HTTP response."""
        return HTTP.get(self.code, 500)

    @property
    def grpc_details(self) -> str:
        """At most 1,024 characters: model_servers/grpc_status_util.cc."""
        if len(self.message) > MESSAGE_LIMIT:
            return f"{self.message[:MESSAGE_LIMIT]}...TRUNCATED"
        return self.message


def invalid(message: str) -> Status:
    """Returns an error with INVALID_ARGUMENT, the most frequent code."""
    return Status(Code.INVALID_ARGUMENT, message)
