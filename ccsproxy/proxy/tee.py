"""The tee: a consumer that passes each piece of a response to the client first, and then a copy to capture."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IConsumer, IProtocol
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from zope.interface import implementer

from ccsproxy.exchange.outcome import Outcome
from ccsproxy.exchange.relayed import ResponseHead
from ccsproxy.proxy.capture_guard import GuardedTap
from ccsproxy.proxy.errors import RelayError, UpstreamProtocolError, UpstreamTruncated
from ccsproxy.proxy.framing import trailer_lines
from ccsproxy.proxy.interfaces import IRelayResponse, Seconds
from ccsproxy.proxy.server.request import RelayRequest
from ccsproxy.proxy.server.seams import TeeOwner
from ccsproxy.wire.headers import Finder

#: The reason for the end of a body whose producer unregisters without an error.
_DONE = Failure(ResponseDone())
_content_types = Finder([b"content-type"])


@implementer(IConsumer, IProtocol)
class ResponseTee:
    """The consumer of one response body, and the protocol that the upstream's response delivers it to.

    The head and the part of the body that arrived with it leave in one write. After that, every `write` is one write
    to the client followed by one call of the tap. A producer other than an upstream response ends the body with
    `unregisterProducer`.

    `_early` collects what arrives before the head has been written; `_reason` is set once, when the body has ended.

    :ivar producer: the upstream side, to pause and resume.
    :ivar received: body bytes received from the upstream.
    :ivar written: body bytes written to the client's transport.
    :ivar whole: the body is complete by its own framing, or its framing cannot tell.
    :ivar unverified: the body was delimited by the end of its connection.
    :ivar first_byte: when the first piece of the body arrived, monotonic seconds.
    :ivar last_byte: when the latest piece arrived.
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
        "producer",
        "received",
        "response",
        "unverified",
        "whole",
        "written",
    )

    def __init__(
        self, relay: TeeOwner, request: RelayRequest, tap: GuardedTap, response: IRelayResponse, clock: Seconds
    ) -> None:
        self._relay = relay
        self._request = request
        self._tap = tap
        self._clock = clock
        self._early: list[bytes] | None = []
        self._expected = response.length if isinstance(response.length, int) else None
        self._reason: Failure | None = None
        self.response: Any = response
        self.producer: Any = response
        self.received = self.written = 0
        self.whole = self.unverified = False
        self.first_byte: float | None = None
        self.last_byte: float | None = None

    def start(self) -> None:
        """Write the head and the body bytes that are there, then copy both to capture."""
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
        # `deliverBody` calls `write` at once with what arrived behind the head: `_early` collects it, so that the
        # client gets head and first piece in one segment, and capture gets the head before any of the body.
        response.deliverBody(self)
        early, self._early = self._early or [], None
        if self._reason is not None and self._is_whole(self._reason):
            # A short response is complete before its head is sent: its end leaves in the same write, which saves the
            # client a read.
            request.end_body(trailer_lines(response.trailers))
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
        """Drop the response, which refers to its body's protocol."""
        self.response = self.producer = None

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Take the producer of the body, to pause it while the client reads slowly.

        :param streaming: must be true: a response is pushed.
        """
        if not streaming:
            raise ValueError("a response needs a push producer")
        self.producer = producer

    def unregisterProducer(self) -> None:
        """End the body as complete, if its length allows that; an upstream's body ends with `connectionLost`."""
        if self._reason is None:
            self.connectionLost(_DONE)

    def makeConnection(self, transport: Any) -> None:
        """Take the upstream's transport of the body."""
        self.registerProducer(transport, True)

    def connectionMade(self) -> None:
        """Do nothing: delivery starts by itself."""

    def readConnectionLost(self) -> None:
        """The upstream of a tunnel has sent FIN, and may still read."""
        self._request.end_writing()

    def write(self, data: bytes) -> None:
        """Pass a piece on in this very turn."""
        if self._reason is not None:
            return
        entered = self._clock()
        if self.first_byte is None:
            self.first_byte = entered
        self.last_byte = entered
        self.received += len(data)
        # A client that reuses the connection would take a byte beyond the announced length for the next response.
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

    #: Name of `write` as a protocol; the same function, to save a call per piece.
    dataReceived = write

    def _too_long(self) -> None:
        """Abort an upstream that sends more than it has announced."""
        if self._reason is None:
            self.response.abortConnection()
            self.connectionLost(Failure(UpstreamProtocolError("The response was longer than its Content-Length.")))

    def connectionLost(self, reason: Failure) -> None:
        """The body has ended, for whatever reason."""
        self._reason = reason
        if self._early is None:
            self._end(reason)

    def _is_whole(self, reason: Failure) -> bool:
        """Tell whether a body is complete according to its framing, or its lack of framing."""
        good = isinstance(reason.value, ResponseDone | PotentialDataLoss)
        return good and (self._expected is None or self.received == self._expected)

    def _end(self, reason: Failure) -> None:
        if self._is_whole(reason):
            self.whole = True
            self.unverified = isinstance(reason.value, PotentialDataLoss)
            self._relay.finish()
            return
        error = reason.value
        # The message of Twisted's own connection errors is not one of our kinds, and must not get into a record as
        # one.
        if not isinstance(error, RelayError):
            error = UpstreamTruncated("The upstream ended its response before it was complete.")
        self._relay.break_off((error.outcome, self._kind(error), error.message))

    def _kind(self, error: RelayError) -> str:
        """Return the error's kind; a truncated event stream has its own."""
        if error.outcome is Outcome.UPSTREAM_TRUNCATED:
            content_types = _content_types(self.response.lines)
            if any(value.startswith(b"text/event-stream") for _, value, _, _ in content_types):
                return "sse_truncated"
        return error.kind
