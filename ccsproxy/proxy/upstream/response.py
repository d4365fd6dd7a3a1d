"""An upstream response as the relay sees it, which is also the transport of its body's protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast, runtime_checkable

from twisted.internet.interfaces import IProtocol, IPushProducer, ITransport
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer

from ccsproxy.exchange.fieldlines import RawHeaders, pairs
from ccsproxy.proxy.interfaces import IRelayResponse
from ccsproxy.proxy.upstream.response_head import ParsedResponseHead

#: The reason for the end of every complete body; shared, because creating a Failure costs more than parsing a head.
WHOLE = Failure(ResponseDone("The response is complete."))


class ResponseSource(Protocol):
    """The source of a response body: a connection."""

    def start_delivery(self) -> None:
        """Start delivering, now that there is a protocol for the body."""

    def pause(self) -> None:
        """Stop reading until `resume`."""

    def resume(self) -> None:
        """Resume reading from the upstream."""

    def abort(self) -> None:
        """Abort the upstream connection at once."""


@runtime_checkable
class HalfCloseable(Protocol):
    """A body protocol that continues after the end of the body."""

    def readConnectionLost(self) -> None:
        """The body has ended."""


def empty_response(status: int, reason: bytes, lines: bytes) -> RelayResponse:
    """Make a response without a body that does not come from an upstream.

    :param lines: its header lines.
    """
    response = RelayResponse(ParsedResponseHead(status, reason, "1.1", lines), None)
    response.length = 0
    return response


@implementer(IRelayResponse, IPushProducer)
class RelayResponse:
    """One final response; see `ccsproxy.proxy.interfaces.IRelayResponse`.

    It refers to its connection only until its body has ended, so that a late reference to it cannot pause or abort
    the next request on the connection; it drops the body's protocol then, so that the two leave no cycle for the
    garbage collector, whose pauses would be the longest of all.

    :ivar delivery_started: `deliverBody` has been called.
    :ivar upload: takes the raw stream from the client after a protocol switch; None for every HTTP response.
    """

    __slots__ = (
        "_ended",
        "_headers",
        "_left_over",
        "_protocol",
        "_source",
        "code",
        "delivery_started",
        "forward",
        "length",
        "lines",
        "phrase",
        "trailers",
        "upload",
        "version",
    )

    disconnecting = False

    def __init__(self, head: ParsedResponseHead, source: ResponseSource | None) -> None:
        self.code = head.code
        self.phrase = head.phrase
        self.version = head.version
        self.lines = head.lines
        self.forward = head.forward
        self.length: object = UNKNOWN_LENGTH
        self.trailers: RawHeaders = []
        self.upload: Callable[[IBodyProducer], None] | None = getattr(source, "upload", None)
        self._headers: Headers | None = None
        self._source = source
        self.delivery_started = False
        self._protocol: IProtocol | None = None
        self._ended: Failure | None = None if source else WHOLE
        self._left_over = b""

    @property
    def raw_headers(self) -> RawHeaders:
        """The header lines as pairs, parsed on each access."""
        return pairs(self.lines)

    @property
    def headers(self) -> Headers:
        """The header lines as Twisted's `Headers`."""
        if self._headers is None:
            self._headers = Headers()
            for name, value in self.raw_headers:
                self._headers.addRawHeader(name, value)
        return self._headers

    def deliver(self, data: bytes) -> None:
        """Pass a piece of the body on."""
        if self._protocol is not None:
            self._protocol.dataReceived(data)

    def deliverBody(self, protocol: IProtocol) -> None:
        """Deliver the body to a protocol; may be called once."""
        if self.delivery_started:
            raise RuntimeError("The body of a response can be delivered only once.")
        self.delivery_started = True
        self._protocol = protocol
        protocol.makeConnection(cast(ITransport, self))
        if self._source is not None:
            self._source.start_delivery()
        else:
            self._finish()

    def end_reading(self) -> None:
        """Tell the body's protocol that the body has ended while the request continues."""
        if isinstance(self._protocol, HalfCloseable):
            self._protocol.readConnectionLost()

    def end(self, reason: Failure, trailers: RawHeaders) -> None:
        """Tell the body's protocol, now or as soon as there is one, that nothing follows.

        :param reason: see `IRelayResponse`.
        """
        self._source = self.upload = None
        self.trailers = trailers
        self._ended = reason
        if self._protocol is not None:
            self._finish()

    def keep(self, data: bytes) -> None:
        """Keep the last piece of a body that ends before `deliverBody` was called."""
        self._left_over = data

    def _finish(self) -> None:
        protocol, reason = self._protocol, self._ended
        self._ended = None
        if protocol is None or reason is None:
            return
        self._protocol = None
        if self._left_over:
            protocol.dataReceived(self._left_over)
        protocol.connectionLost(reason)

    def pauseProducing(self) -> None:
        """Stop reading the body until `resumeProducing`."""
        if self._source is not None:
            self._source.pause()

    def resumeProducing(self) -> None:
        """Resume reading the body."""
        if self._source is not None:
            self._source.resume()

    def abortConnection(self) -> None:
        """Abort the upstream connection at once; the body's protocol is not called again."""
        source, self._source = self._source, None
        self._ended = self._protocol = self.upload = None
        if source is not None:
            source.abort()

    stopProducing = abortConnection
    loseConnection = abortConnection

    def __repr__(self) -> str:
        return f"<RelayResponse {self.code}>"
