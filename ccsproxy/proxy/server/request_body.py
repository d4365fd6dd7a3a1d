"""A request body in transit: the client's channel feeds it, the upstream's transport consumes it."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.web.iweb import UNKNOWN_LENGTH
from zope.interface import implementer

from ccsproxy.proxy.interfaces import IBufferedBody


class BodySource(Protocol):
    """Where a body comes from: the client's connection, which can be paused."""

    def pause_reading(self) -> None:
        """Stop reading the body until `resume_body`."""

    def resume_body(self) -> None:
        """Resume reading the body."""

    def permit_body(self) -> None:
        """Tell a client that waits for permission to send its body."""


@implementer(IBufferedBody)
class RequestBody:
    """A request body that is arriving.

    The upstream's transport pauses and resumes the client's connection through it. While there is no consumer,
    because the upstream connection is still being made, at most the data of one read is buffered here.

    :ivar length: in bytes, or `twisted.web.iweb.UNKNOWN_LENGTH`.
    :ivar size: how many bytes have arrived.
    :ivar whole: the complete body has arrived.
    """

    __slots__ = ("_consumer", "_paused", "_source", "_started", "_waiting", "length", "size", "whole")

    def __init__(self, source: BodySource, length: int | None) -> None:
        self.length: object = UNKNOWN_LENGTH if length is None else length
        self.size = 0
        self.whole = False
        self._source: BodySource | None = source
        self._consumer: IConsumer | None = None
        self._started: Deferred[None] | None = None
        self._waiting: list[bytes] = []
        self._paused = True

    def begin_with(self, data: bytes, *, whole: bool) -> None:
        """Take what arrived together with the head.

        :param whole: that is the complete body.
        """
        self.size = len(data)
        self.whole = whole
        if data:
            self._waiting.append(data)

    def received(self, data: bytes) -> None:
        """Take a piece from the client."""
        self.size += len(data)
        if self._source is None:
            return
        # No connection yet, or a full one: buffer the data of this one read, and stop reading until the rest is
        # wanted.
        if self._paused or self._consumer is None:
            self._waiting.append(data)
            self._source.pause_reading()
        else:
            self._consumer.write(data)

    def proceed(self) -> None:
        """The upstream has asked for the body (100 Continue)."""
        if self._source is not None:
            self._source.permit_body()

    def finished(self) -> None:
        """Note that the client has sent the complete body."""
        self.whole = True
        if not self._paused:
            self._fire()

    def take_buffered(self) -> bytes | None:
        """Return the body and hand it over, if all of it has arrived and no consumer has started; else None."""
        # A body of the wrong length is not joined: the upload then counts, and aborts the request with the right
        # error.
        if not self.whole or self._consumer is not None or self._source is None or self.size != self.length:
            return None
        waiting, self._waiting = self._waiting, []
        self._source = None
        return waiting[0] if len(waiting) == 1 else b"".join(waiting)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """Start with what is buffered; see `IBodyProducer`."""
        self._consumer = consumer
        self._started = started = Deferred[None]()
        self.resumeProducing()
        return started

    def pauseProducing(self) -> None:
        """Stop reading from the client."""
        self._paused = True
        if self._source is not None and not self.whole:
            self._source.pause_reading()

    def resumeProducing(self) -> None:
        """Write what is buffered, and resume reading from the client."""
        consumer, waiting = self._consumer, self._waiting
        if consumer is None:
            return
        self._paused = False
        # A write may pause us again in the middle: the rest stays buffered in order.
        while waiting and not self._paused:
            consumer.write(waiting.pop(0))
        if self._paused:
            return
        if self.whole:
            self._fire()
        elif self._source is not None:
            self._source.resume_body()

    def stopProducing(self) -> None:
        """Discard the rest of the body; the client may keep sending it."""
        source, self._source = self._source, None
        self._consumer = self._started = None
        self._waiting.clear()
        if source is not None and not self.whole:
            # Read and discarded, not left in the socket: otherwise we would block a client that keeps sending while
            # it reads its response.
            source.resume_body()

    def _fire(self) -> None:
        self._source = self._consumer = None
        started, self._started = self._started, None
        if started is not None:
            started.callback(None)
