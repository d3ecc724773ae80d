"""The errors of Kubeflow Pipelines' API server: gRPC codes, their HTTP statuses, and the bodies.

The codes: backend/src/common/util/error.go. The statuses: grpc-gateway v2.27.1, runtime/errors.go, HTTPStatusFromCode.
The body is a google.rpc.Status with the internal message, which each layer extends, and the message for users in its
details (GRPCStatus in error.go).
"""

from typing import Any

STATUSES = {3: 400, 5: 404, 6: 409, 7: 403, 12: 501, 13: 500, 14: 503, 16: 401}


class ApiError(Exception):
    """An error response; `code` is a gRPC code."""

    def __init__(self, code: int, message: str, internal: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.status = STATUSES[code]
        self.internal = internal or message

    @property
    def body(self) -> dict[str, Any]:
        detail = {"@type": "type.googleapis.com/google.rpc.Status", "code": self.code, "message": str(self)}
        return {"code": self.code, "message": self.internal, "details": [detail]}


class UploadError(ApiError):
    """An error of the upload endpoints, which don't use gRPC (pipeline_upload_server.go, writeErrorToResponse).

    Only the message of a pipeline that can't be read contains the cause, which else is only in the server's log; access
    denied has status 400.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(13, message)
        self.status = status

    @property
    def body(self) -> dict[str, Any]:
        return {"error_message": str(self), "error_details": str(self)}


def invalid(message: str) -> ApiError:
    """NewInvalidInputError."""
    return ApiError(3, message, f"Invalid input error: {message}")


def internal(message: str) -> ApiError:
    """NewInternalServerError, whose message for users has no reason."""
    return ApiError(13, "Internal Server Error", f"InternalServerError: {message}")


def missing(kind: str, name: str) -> ApiError:
    """NewResourceNotFoundError."""
    return ApiError(5, f"{kind} {name} not found", f"ResourceNotFoundError: {kind} {name} not found")


def exists(message: str) -> ApiError:
    """NewAlreadyExistError."""
    return ApiError(6, message, f"Already exist error: {message}")
