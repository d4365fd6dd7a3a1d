"""Adapters from the relay's own connections to Twisted's HTTP client interfaces: `IAgent`, `IResponse`, the pool's.

The relay itself passes bytes on and needs none of this. The product's own requests (by treq), and programs that use
Twisted's `Agent` over our pool, come through here: headers become lines, and responses get Twisted's interface.
"""

from __future__ import annotations

from typing import Any

import attr
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer, IClientRequest, IResponse
from zope.interface import implementer

from ccsproxy.proxy.interfaces import IRelayResponse, UpstreamTimings
from ccsproxy.proxy.upstream.connection import RelayConnection

#: Framing fields; they follow from the body and from the pool, whatever a caller passes.
_FRAMING = frozenset([b"content-length", b"transfer-encoding", b"connection"])


def header_lines(headers: Headers | None, data: IBodyProducer | None, method: bytes, *, close: bool = False) -> bytes:
    """Format headers as lines, with the framing that a body needs.

    :param data: the body; the connection sends one of unknown length chunked.
    :param close: ask the upstream to close the connection after its response.
    """
    lines = [
        b"%b: %b\r\n" % (name, value)
        for name, values in (headers.getAllRawHeaders() if headers is not None else ())
        if name.lower() not in _FRAMING
        for value in values
    ]
    if data is not None and data.length is not UNKNOWN_LENGTH:
        lines.append(b"Content-Length: %d\r\n" % data.length)
    elif data is None and method in (b"POST", b"PUT", b"PATCH"):
        lines.append(b"Content-Length: 0\r\n")
    if close:
        lines.append(b"Connection: close\r\n")
    return b"".join(lines)


@implementer(IClientRequest)
@attr.frozen
class SentRequest:
    """The request that a response belongs to.

    :ivar absoluteURI: the whole URL, None if only its path is known.
    """

    method: bytes
    absoluteURI: bytes | None
    headers: Headers


@implementer(IResponse)
class AgentResponse:
    """A relay response with the interface that Twisted's and treq's readers expect.

    :ivar original: the wrapped response.
    """

    def __init__(self, response: IRelayResponse, request: SentRequest) -> None:
        self.original = response
        self.version = (b"HTTP", 1, int(response.version[-1]))
        self.code, self.phrase, self.headers = response.code, response.phrase, response.headers
        self.length = response.length
        self.request = request
        self.previousResponse: IResponse | None = None

    def deliverBody(self, protocol: IProtocol) -> None:
        """Deliver the body to a protocol."""
        self.original.deliverBody(protocol)

    def setPreviousResponse(self, response: IResponse) -> None:
        """Set the response that led to this one."""
        self.previousResponse = response


class AgentConnection:
    """A pooled connection as Twisted's `Agent` uses it: for one request, after which it returns to the pool.

    :param connection: idle, and taken from its pool.
    :param persistent: whether the pool keeps connections.
    """

    def __init__(self, connection: RelayConnection, persistent: bool) -> None:
        self._connection, self._persistent = connection, persistent

    def request(self, request: Any) -> Deferred[Any]:
        """Send a request object like `twisted.web._newclient.Request`."""
        close = not (self._persistent and request.persistent)
        lines = header_lines(request.headers, request.bodyProducer, request.method, close=close)
        sent = SentRequest(request.method, getattr(request, "absoluteURI", None), request.headers)
        waiting = self._connection.request(
            request.method, request.uri, lines, request.bodyProducer, UpstreamTimings()
        )
        return waiting.addCallback(AgentResponse, sent)

    def abort(self) -> None:
        """Close the connection at once."""
        self._connection.abort()
