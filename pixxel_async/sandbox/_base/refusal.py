"""The refusal of a request, in the vendor's envelope."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """The response is an error status. The error codes are ours; the vendor lists none."""

    def __init__(self, status: int, code: str, message: str, details: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details

    def envelope(self) -> dict[str, Any]:
        """The body of the response."""
        return {"error": {"code": self.code, "message": self.message, "details": self.details}}


def bad_request(message: str, details: Any = None) -> Refusal:
    """400: the request is invalid."""
    return Refusal(400, "bad_request", message, details)


def conflict(message: str, details: Any = None) -> Refusal:
    """409: it conflicts with an existing resource."""
    return Refusal(409, "conflict", message, details)
