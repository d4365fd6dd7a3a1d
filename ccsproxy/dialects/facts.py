"""What is known of an exchange when its dialect is determined."""

from collections.abc import Callable
from typing import Any

import msgspec


def _no_field(name: str) -> str:
    return ""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of an exchange that say which dialect it speaks.

    :ivar provider: the provider the upstream is known as (``anthropic``, ``openai``, ...), empty when unknown.
    :ivar forced: the family the user forces (``claude``, ``codex``), empty for ``auto``.
    :ivar method: the method's bytes.
    :ivar target: the request target, path and query, as it goes upstream.
    :ivar request_body: the request body as a JSON value, None when there is none or it is not JSON.
    :ivar status: the response's status, None while there is no response.
    :ivar content_type: the response's media type in lower case without its parameters, empty when there is none.
    :ivar socket: the dialect that a WebSocket speaks, ``generic`` for one that we do not know; empty for HTTP. The
        body of its response is one JSON text a line.
    :ivar model: the model, where it was named before the request.
    :ivar field: returns the value of a header field of the response, empty where there is none.
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

    def asked(self, key: str) -> Any:
        """Return a member of the request body, None when the body is not an object or has none."""
        return self.request_body.get(key) if isinstance(self.request_body, dict) else None


#: What is known where nothing is.
NOTHING = Facts()
