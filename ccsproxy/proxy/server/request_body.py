"""The body of one request on its way: what the client's channel puts in, the upstream's transport takes out."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.web.iweb import UNKNOWN_LENGTH
from zope.interface import implementer

from ccsproxy.proxy.interfaces import IWholeBody


class BodySource(Protocol):
    """Where a body comes from: the client's connection, which can be told to wait."""

    def pause_reading(self) -> None:
        """Read no more of the body until `resume_body`."""

    def resume_body(self) -> None:
        """Read the body again."""


@implementer(IWholeBody)
class RequestBody:
    """A request body that arrives.

    The upstream's transport pauses and resumes the client's connection through it. As long as there is no consumer,
    because the upstream's connection is being made, at most what one read brought waits here.

    :ivar length: in bytes, or `twisted.web.iweb.UNKNOWN_LENGTH`.
    :ivar size: how many bytes have arrived.
    :ivar whole: the whole body has arrived.
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
        """Take what came together with the head.

        :param whole: that is all.
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
        # No connection yet, or a full one: what this one read brought is kept, and the client is made to wait for the
        # rest.
        if self._paused or self._consumer is None:
            self._waiting.append(data)
            self._source.pause_reading()
        else:
            self._consumer.write(data)

    def finished(self) -> None:
        """Take note that the client has sent everything."""
        self.whole = True
        if not self._paused:
            self._fire()

    def whole_body(self) -> bytes | None:
        """Return the body if all of it is there and nobody has begun to take it; it is handed over then."""
        # With a wrong length nothing is joined: the upload then counts, and breaks the request off by name.
        if not self.whole or self._consumer is not None or self._source is None or self.size != self.length:
            return None
        waiting, self._waiting = self._waiting, []
        self._source = None
        return waiting[0] if len(waiting) == 1 else b"".join(waiting)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """Begin with what is there; see `IBodyProducer`."""
        self._consumer = consumer
        self._started = started = Deferred[None]()
        self.resumeProducing()
        return started

    def pauseProducing(self) -> None:
        """Let the client wait."""
        self._paused = True
        if self._source is not None and not self.whole:
            self._source.pause_reading()

    def resumeProducing(self) -> None:
        """Hand over what waits, and let the client go on."""
        consumer, waiting = self._consumer, self._waiting
        if consumer is None:
            return
        self._paused = False
        # Writing may pause us again in the middle: what is left stays in its order.
        while waiting and not self._paused:
            consumer.write(waiting.pop(0))
        if self._paused:
            return
        if self.whole:
            self._fire()
        elif self._source is not None:
            self._source.resume_body()

    def stopProducing(self) -> None:
        """Throw away what is still to come; the client may go on sending it."""
        source, self._source = self._source, None
        self._consumer = self._started = None
        self._waiting.clear()
        if source is not None and not self.whole:
            # Thrown away, not left in the socket: a client that sends on while it reads its answer would be blocked
            # by us.
            source.resume_body()

    def _fire(self) -> None:
        self._source = self._consumer = None
        started, self._started = self._started, None
        if started is not None:
            started.callback(None)
