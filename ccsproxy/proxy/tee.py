"""The tee: each piece of a response goes to the client first, and then a copy of it to capture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IProtocol
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from zope.interface import implementer

from ccsproxy.exchange.outcome import Outcome
from ccsproxy.exchange.relayed import ResponseHead
from ccsproxy.proxy.capture_guard import GuardedTap
from ccsproxy.proxy.errors import RelayError, UpstreamProtocolError, UpstreamTruncated
from ccsproxy.proxy.interfaces import IRelayResponse, Seconds
from ccsproxy.proxy.server.request import RelayRequest
from ccsproxy.wire.headers import Finder

if TYPE_CHECKING:
    from ccsproxy.proxy.relay import Relay

_content_types = Finder([b"content-type"])


@implementer(IProtocol)
class ResponseTee:
    """The protocol of one response's body.

    The head and what of the body has come with it leave in one write. After that, every read is one write.

    :ivar response_transport: the upstream's side, to pause and resume.
    :ivar received: bytes of the body that came from the upstream.
    :ivar written: bytes of the body that were written to the client's transport.
    :ivar whole: the body is whole by its own framing, or its framing cannot tell.
    :ivar unverified: the body ended with its connection.
    :ivar first_byte: when the first piece of the body came, monotonic seconds.
    :ivar last_byte: when the latest piece came.
    """

    __slots__ = (
        "_clock",
        "_early",
        "_expected",
        "_reason",
        "_relay",
        "_request",
        "_tap",
        "first_byte",
        "last_byte",
        "received",
        "response",
        "response_transport",
        "unverified",
        "whole",
        "written",
    )

    def __init__(
        self, relay: Relay, request: RelayRequest, tap: GuardedTap, response: IRelayResponse, clock: Seconds
    ) -> None:
        self._relay = relay
        self._request = request
        self._tap = tap
        self._clock = clock
        self._early: list[bytes] | None = []
        self._expected = response.length if isinstance(response.length, int) else None
        self._reason: Failure | None = None
        self.response: Any = response
        self.response_transport: Any = response
        self.received = self.written = 0
        self.whole = self.unverified = False
        self.first_byte: float | None = None
        self.last_byte: float | None = None

    def start(self) -> None:
        """Write the head and what there is of the body, then tell capture of both."""
        response, request, tap = self.response, self._request, self._tap
        entered = self._clock()
        switched = response.upload is not None
        if switched:
            request.write_switch(b"HTTP/1.1 %d %b\r\n%b\r\n" % (response.code, response.phrase, response.lines))
        else:
            request.write_head(response.code, response.phrase, response.forward, self._expected)
        if request.bodiless:
            self._expected = None
        response.forward = b""
        response.deliverBody(self)
        early, self._early = self._early or [], None
        if self._reason is not None and self._is_whole(self._reason):
            request.end_body()
        request.flush()
        self._relay.spent += self._clock() - entered
        tap.response_head(ResponseHead(response.code, response.phrase, response.version, response.lines))
        if switched:
            self._relay.switch(response)
        for data in early:
            tap.response_body(data)
        if self._reason is not None:
            self._end(self._reason)

    def detach(self) -> None:
        """Forget the response, which refers to its body's protocol."""
        self.response = self.response_transport = None

    def makeConnection(self, transport: Any) -> None:
        """Take the upstream's side of the body."""
        self.response_transport = transport

    def connectionMade(self) -> None:
        """Do nothing more: the body begins by itself."""

    def readConnectionLost(self) -> None:
        """The upstream of a tunnel sends no more, and may still read."""
        self._request.end_writing()

    def dataReceived(self, data: bytes) -> None:
        """Pass a piece on in this very turn."""
        if self._reason is not None:
            return
        entered = self._clock()
        if self.first_byte is None:
            self.first_byte = entered
        self.last_byte = entered
        self.received += len(data)
        if self._expected is not None and self.received > self._expected:
            self._too_long()
            return
        self.written += len(data)
        self._request.write(data)
        if self._early is None:
            self._relay.spent += self._clock() - entered
            self._tap.response_body(data)
        else:
            self._early.append(data)

    def _too_long(self) -> None:
        """Break the upstream off that sends more than it has announced."""
        if self._reason is None:
            self.response.abortConnection()
            self.connectionLost(Failure(UpstreamProtocolError("The response was longer than its Content-Length.")))

    def connectionLost(self, reason: Failure) -> None:
        """The body has ended, one way or another."""
        if self._early is None:
            self._end(reason)
        else:
            self._reason = reason

    def _is_whole(self, reason: Failure) -> bool:
        """Tell whether a body ended as its framing, or the lack of one, allows."""
        good = isinstance(reason.value, ResponseDone | PotentialDataLoss)
        return good and (self._expected is None or self.received == self._expected)

    def _end(self, reason: Failure) -> None:
        if self._is_whole(reason):
            self.whole = True
            self.unverified = isinstance(reason.value, PotentialDataLoss)
            self._relay.finish()
            return
        error = reason.value
        if not isinstance(error, RelayError):
            error = UpstreamTruncated("The upstream ended its response before it was whole.")
        self._relay.break_off((error.outcome, self._kind(error), error.message))

    def _kind(self, error: RelayError) -> str:
        """Name a cut stream of events as such."""
        if error.outcome is Outcome.UPSTREAM_TRUNCATED:
            content_types = _content_types(self.response.lines)
            if any(value.startswith(b"text/event-stream") for _, value, _, _ in content_types):
                return "sse_truncated"
        return error.kind
