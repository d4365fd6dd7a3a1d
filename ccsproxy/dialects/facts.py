"""The known properties of an exchange when its dialect is determined."""

from collections.abc import Callable
from typing import Any

import msgspec


def _no_field(name: str) -> str:
    return ""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The properties of an exchange that determine its dialect.

    :ivar provider: the upstream's provider (``anthropic``, ``openai``, ...); empty if unknown.
    :ivar forced: the family that the user forces (``claude``, ``codex``); empty for ``auto``.
    :ivar method: the method's bytes.
    :ivar target: the request target, path and query, as sent upstream.
    :ivar request_body: the request body as a JSON value; None if there is none or it is not JSON.
    :ivar status: the response's status; None while there is no response.
    :ivar content_type: the response's media type in lower case without parameters; empty if there is none.
    :ivar socket: the dialect of a WebSocket, ``generic`` for an unknown one; empty for HTTP. The body of its response
        is one JSON text per line.
    :ivar model: the model, if it was named before the request.
    :ivar field: returns the value of a header field of the response; empty if there is none.
    """

    provider: str = ""
    forced: str = ""
    method: bytes = b"POST"
    target: bytes = b"/"
    request_body: Any = None
    status: int | None = None
    content_type: str = ""
    socket: str = ""
    model: str | None = None
    field: Callable[[str], str] = _no_field

    def request_member(self, key: str) -> Any:
        """Return a member of the request body; None if the body is not an object or lacks it."""
        return self.request_body.get(key) if isinstance(self.request_body, dict) else None


#: Facts of an exchange of which nothing is known.
NOTHING = Facts()
