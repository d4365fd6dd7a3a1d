"""Between the relay's own connections and Twisted's interfaces of an HTTP client: `IAgent`, `IResponse`, the pool's.

The relay hands bytes on and needs none of this. What the product asks for itself (by treq) and what a program does
with Twisted's own `Agent` over our pool comes through here: headers become lines, responses get Twisted's shape.
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

#: Fields that say how a message is framed; they follow from the body and from the pool, whatever a caller says.
_FRAMING = frozenset([b"content-length", b"transfer-encoding", b"connection"])


def header_lines(headers: Headers | None, data: IBodyProducer | None, method: bytes, *, close: bool = False) -> bytes:
    """Write headers as lines, with what a body needs before it.

    :param data: the body; one of unknown length is framed in chunks by the connection.
    :param close: ask the upstream to close the connection behind its answer.
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
    """What was asked, for whoever reads a response.

    :ivar absoluteURI: the whole URL, None where only its path is known.
    """

    method: bytes
    absoluteURI: bytes | None
    headers: Headers


@implementer(IResponse)
class AgentResponse:
    """A relay's response in the shape that Twisted's and treq's readers expect.

    :ivar original: the response itself.
    """

    def __init__(self, response: IRelayResponse, request: SentRequest) -> None:
        self.original = response
        self.version = (b"HTTP", 1, int(response.version[-1]))
        self.code, self.phrase, self.headers = response.code, response.phrase, response.headers
        self.length = response.length
        self.request = request
        self.previousResponse: IResponse | None = None

    def deliverBody(self, protocol: IProtocol) -> None:
        """Hand the body to a protocol."""
        self.original.deliverBody(protocol)

    def setPreviousResponse(self, response: IResponse) -> None:
        """Remember the response that has led to this one."""
        self.previousResponse = response


class AgentConnection:
    """A pooled connection as Twisted's `Agent` uses it: for one request, after which the pool has it back.

    :param connection: free, and taken from its pool.
    :param persistent: whether the pool keeps connections.
    """

    def __init__(self, connection: RelayConnection, persistent: bool) -> None:
        self._connection, self._persistent = connection, persistent

    def request(self, request: Any) -> Deferred[Any]:
        """Send a request of `twisted.web._newclient.Request`'s kind."""
        close = not (self._persistent and request.persistent)
        lines = header_lines(request.headers, request.bodyProducer, request.method, close=close)
        told = SentRequest(request.method, getattr(request, "absoluteURI", None), request.headers)
        waiting = self._connection.request(
            request.method, request.uri, lines, request.bodyProducer, UpstreamTimings()
        )
        return waiting.addCallback(AgentResponse, told)

    def abort(self) -> None:
        """Close the connection at once."""
        self._connection.abort()
