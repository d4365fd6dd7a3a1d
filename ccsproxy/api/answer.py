"""The response of an endpoint, as a value, before any of it is written."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import attr
import msgspec

JSON = "application/json"


@attr.frozen
class ApiResponse:
    """A complete response.

    :ivar body: the bytes, or pieces that are produced as the reader accepts them.
    :ivar length: total length of the pieces in bytes; None if unknown.
    :ivar headers: further header fields.
    """

    body: bytes | Iterator[bytes]
    media_type: str = JSON
    status: int = 200
    length: int | None = None
    headers: Mapping[str, str] = attr.field(factory=dict)


class Refused(Exception):
    """A request is answered with an error response.

    :ivar status: the HTTP status.
    :ivar kind: the error's type, for programs.
    :ivar message: one sentence for people.
    :ivar headers: further header fields.
    """

    def __init__(self, status: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.headers = dict(headers or {})


def json_answer(value: Any) -> ApiResponse:
    """Make a JSON response."""
    return ApiResponse(msgspec.json.encode(value))


def error_answer(refused: Refused) -> ApiResponse:
    """Make an error response, as JSON."""
    body = msgspec.json.encode({"error": {"type": refused.kind, "message": refused.message}})
    return ApiResponse(body, status=refused.status, headers=refused.headers)


def not_found(what: str) -> Refused:
    """Make the error for something that does not exist."""
    return Refused(HTTPStatus.NOT_FOUND, "not_found", f"There is no such {what}.")


def bad_request(message: str) -> Refused:
    """Make the error for an invalid request."""
    return Refused(HTTPStatus.BAD_REQUEST, "bad_request", message)
