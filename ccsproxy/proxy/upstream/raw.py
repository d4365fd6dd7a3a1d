"""An upstream connection that does not carry HTTP: a tunnel, or the stream after a protocol switch.

Its caller sees a response whose body ends with the connection, and whose request body lasts until the client
half-closes. The bytes are not interpreted, and delayed only by back-pressure.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IConsumer, IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from ccsproxy.proxy import errors
from ccsproxy.proxy.deadlines import BatchedTimers, Deadline
from ccsproxy.proxy.transport import close_writing, send_now
from ccsproxy.proxy.upstream.link import CLOSING_TIME
from ccsproxy.proxy.upstream.response import WHOLE, RelayResponse
from ccsproxy.proxy.upstream.response_head import ParsedResponseHead


@implementer(IHalfCloseableProtocol)
class RawConnection(Protocol):
    """The upstream side of an exchange that is no longer HTTP.

    It is paused until a receiver is set. Either direction may end first, and the other one continues. In the end it
    is closed in good order, so that the upstream reads what was sent last, and aborted if it does not answer the
    close within `CLOSING_TIME`.

    :ivar response: what the caller gets.

    :param rest: the bytes that arrived together with the head.
    :param idle: it is closed after this many seconds without a byte in either direction; None for never.
    """

    def __init__(
        self, head: ParsedResponseHead, rest: bytes, timers: BatchedTimers, idle: float | None = None
    ) -> None:
        self.response = RelayResponse(head, self)
        self._rest = rest
        self._idle = idle
        self._deadline = Deadline(timers, self._expired)
        self._upload: RawUpload | None = None
        self._held: list[bytes] | None = None
        self._closing = False
        self._ended = False

    @property
    def _wire(self) -> Any:
        return self.transport

    def connectionMade(self) -> None:
        """Pause until a receiver is set."""
        self._wire.pauseProducing()

    # -- from the upstream ---------------------------------------------------------------------------------------

    def start_delivery(self) -> None:
        """Start delivering, with what has arrived already."""
        rest, self._rest = self._rest, b""
        self.touch()
        if rest:
            self.response.deliver(rest)
        self._wire.resumeProducing()

    def dataReceived(self, data: bytes) -> None:
        """Pass on the data of one read."""
        if self._held is not None:
            self._held.append(data)
        elif not self._closing:
            self.touch()
            self.response.deliver(data)

    def hold_reads(self) -> None:
        """Collect incoming data until `flush_reads`, so that several TLS records become one piece."""
        self._held = []

    def flush_reads(self) -> None:
        """Process the collected data as one read."""
        held, self._held = self._held, None
        if held:
            self.dataReceived(held[0] if len(held) == 1 else b"".join(held))

    def pause(self) -> None:
        """Stop reading until `resume`."""
        if self.transport is not None:
            self._wire.pauseProducing()

    def resume(self) -> None:
        """Resume reading from the upstream."""
        if self.transport is not None:
            self._wire.resumeProducing()

    # -- to the upstream -----------------------------------------------------------------------------------------

    def upload(self, data: IBodyProducer) -> None:
        """Send what the client sends, until it half-closes."""
        self._upload = RawUpload(self, data)
        self._upload.start(self._wire)

    def send(self, data: bytes) -> bool:
        """Write in this very turn; tell whether nothing is left in the transport's buffer."""
        self.touch()
        return send_now(self.transport, data)

    def end_writing(self) -> None:
        """Half-close towards the upstream: the client sends no more."""
        if self.transport is not None and not close_writing(self.transport):
            self._wire.loseConnection()

    def touch(self) -> None:
        """Restart the idle timer: bytes were sent or received."""
        if self._idle is not None and not self._closing:
            self._deadline.set(self._idle, errors.IdleTimeout)

    # -- ending --------------------------------------------------------------------------------------------------

    def readConnectionLost(self) -> None:
        """The upstream has sent FIN; whether it still reads will show later."""
        self._ended = True
        self.response.end_reading()

    def writeConnectionLost(self) -> None:
        """Our own FIN has been sent; if the upstream's has arrived as well, nothing is left to do."""
        if self._ended:
            self.abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End both directions: the connection is gone."""
        # As in HTTP: many servers close without close_notify, for which Twisted reports an error.
        plainly = reason.check(ConnectionDone) is not None or getattr(self.transport, "ended_plainly", False)
        self._deadline.close()
        self.transport = None
        self._stop_upload()
        if plainly:
            self.response.end(WHOLE, [])
        else:
            sentence = "The upstream reset the connection."
            self.response.end(Failure(errors.UpstreamTruncated(sentence, reset=True)), [])

    def abort(self) -> None:
        """Close in good order."""
        self._stop_upload()
        if self.transport is not None and not self._closing:
            self._closing = True
            self._deadline.set(CLOSING_TIME, None)
            self._wire.resumeProducing()
            self._wire.loseConnection()

    def _stop_upload(self) -> None:
        upload, self._upload = self._upload, None
        if upload is not None:
            upload.stop(self.transport)

    def _expired(self, limit: Any) -> None:
        if limit is not None:
            error = errors.IdleTimeout(f"Nothing was sent through the connection for {self._idle:g} seconds.")
            self.response.end(Failure(error), [])
        self._deadline.close()
        if self.transport is not None:
            self._wire.abortConnection()


@implementer(IConsumer, IPushProducer)
class RawUpload:
    """Sends what a client sends unchanged, with back-pressure in between."""

    def __init__(self, connection: RawConnection, data: IBodyProducer) -> None:
        self._connection = connection
        self._data = data
        self._paused = False
        self._stopped = False

    def start(self, transport: Any) -> None:
        """Start with what has arrived already."""
        transport.registerProducer(self, True)
        self._data.startProducing(self).addCallbacks(self._produced, lambda _: None)

    def write(self, data: bytes) -> None:
        """Send a piece to the upstream."""
        if data and not self._stopped and not self._connection.send(data):
            self.pauseProducing()

    def _produced(self, _: object) -> None:
        if not self._stopped:
            self._stopped = True
            self._connection.transport.unregisterProducer()  # type: ignore[union-attr]
            self._connection.end_writing()

    def stop(self, transport: Any) -> None:
        """Stop sending in this direction."""
        if not self._stopped:
            self._stopped = True
            if transport is not None:
                transport.unregisterProducer()
            self._data.stopProducing()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Accept a producer; the client's is known already."""

    def unregisterProducer(self) -> None:
        """Do nothing: the end is reported by the producer's own Deferred."""

    def pauseProducing(self) -> None:
        """Pause the client: the upstream's transport buffer is full."""
        if not self._paused and not self._stopped:
            self._paused = True
            self._data.pauseProducing()

    def resumeProducing(self) -> None:
        """Resume reading from the client."""
        if self._paused and not self._stopped:
            self._paused = False
            self._data.resumeProducing()

    def stopProducing(self) -> None:
        """The transport is gone."""
        if not self._stopped:
            self._stopped = True
            self._data.stopProducing()
