"""Sending one request: head and body as they arrive, in as few writes as their timing allows."""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.interfaces import IConsumer, IPushProducer, ITransport
from twisted.python.failure import Failure
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer

from ccsproxy.proxy.errors import RelayError, RequestBodyMismatch

#: How many bytes of a body that is available at once are joined with the head before the first write.
COALESCE = 64 * 1024


def request_head(method: bytes, target: bytes, lines: bytes, *, chunked: bool) -> bytes:
    """Format a request head, byte for byte as given.

    :param lines: header lines, each with its CRLF.
    :raises ValueError: if it would end early or contain anything else than this one request; the parser on our server
        side has refused such heads, this is a second check.
    """
    framing = b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"\r\n"
    head = b"%b %b HTTP/1.1\r\n%b%b" % (method, target, lines, framing)
    if (
        head.find(b"\n") != len(method) + len(target) + 11
        or head.find(b"\r\n\r\n") != len(head) - 4
        or head.count(b"\r") != head.count(b"\n")
        or b" " in target
        or (lines and lines[-2:] != b"\r\n")
    ):
        raise ValueError("a request head contains a line end or space where none may be")
    return head


class Sender(Protocol):
    """What an upload calls on its connection."""

    transport: ITransport | None

    def send(self, data: bytes) -> bool:
        """Write; tell whether nothing is left in the transport's buffer."""

    def sent(self) -> None:
        """The request has been passed to the transport completely."""

    def fail(self, error: RelayError) -> None:
        """The request cannot be completed."""

    def upload_stalled(self, stalled: bool) -> None:
        """The upstream has stopped, or resumed, accepting the body."""


@implementer(IConsumer, IPushProducer)
class Upload:
    """The consumer of one request body, and its producer as seen by the upstream's transport.

    The upstream's transport pauses and resumes the body's producer through it. What the producer writes while it is
    being started goes out together with the head in one write; it registers with the transport only if there is more
    to come.

    :ivar finished: the whole body has been passed to the transport.
    """

    __slots__ = (
        "_chunked",
        "_connection",
        "_data",
        "_left",
        "_paused",
        "_pending",
        "_registered",
        "_stopped",
        "finished",
    )

    def __init__(self, connection: Sender, head: bytes, data: IBodyProducer) -> None:
        self._connection = connection
        self._data = data
        self._chunked = data.length is UNKNOWN_LENGTH
        self._left = 0 if self._chunked else data.length
        self._pending: list[bytes] | None = [head]
        self._registered = False
        self._paused = False
        self._stopped = False
        self.finished = False

    def start(self) -> None:
        """Send the head and start the body's producer."""
        started = self._data.startProducing(self)
        started.addCallbacks(self._produced, self._broken)
        self._flush()
        if not self.finished and not self._stopped:
            self._register()

    def write(self, data: bytes) -> None:
        """Take a piece of the body. An empty one is dropped: in chunked coding it would mean the end."""
        if self._stopped or self.finished or not data:
            return
        if self._chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        else:
            self._left -= len(data)
            if self._left < 0:
                self._mismatch("longer")
                return
        self._send(data)

    def _send(self, data: bytes) -> None:
        pending = self._pending
        if pending is None:
            self._put(data)
            return
        pending.append(data)
        # A body that keeps arriving while its producer is being started must not be buffered without limit.
        if sum(map(len, pending)) > COALESCE:
            self._flush()
            if not self._stopped:
                self._register()

    def _flush(self) -> None:
        pending, self._pending = self._pending, None
        if pending and not self._stopped:
            self._put(pending[0] if len(pending) == 1 else b"".join(pending))

    def _put(self, data: bytes) -> None:
        """Send, and pause the body's producer while part of the data is left in the transport's buffer."""
        if not self._connection.send(data) and self._registered:
            self.pauseProducing()

    @property
    def _transport(self) -> Any:
        return self._connection.transport

    def _produced(self, _: object) -> None:
        if self._stopped or self.finished:
            return
        if self._left:
            self._mismatch("shorter")
            return
        if self._chunked:
            self._send(b"0\r\n\r\n")
        self._flush()
        self.finished = True
        self._unregister()
        # The first-byte timeout starts only now: a long upload does not count as silence of the upstream.
        self._connection.sent()

    def _broken(self, reason: Failure) -> None:
        """The body's source failed; what the upstream has of it must not look complete."""
        if not self._stopped and not self.finished:
            self._stopped = True
            self._unregister()
            error = reason.value
            if not isinstance(error, RelayError):
                error = RequestBodyMismatch("The request body ended before it was complete.")
            self._connection.fail(error)

    def _mismatch(self, how: str) -> None:
        self.stop()
        self._connection.fail(RequestBodyMismatch(f"The request body is {how} than its Content-Length."))

    def proceed(self) -> None:
        """Tell the body's producer that the upstream has asked for the body."""
        proceed = getattr(self._data, "proceed", None)
        if proceed is not None and not self._stopped:
            proceed()

    def stop(self) -> None:
        """Stop the body's producer; does nothing if the body is finished or stopped already."""
        if self._stopped or self.finished:
            return
        self._stopped = True
        self._pending = None
        self._unregister()
        self._data.stopProducing()

    def _register(self) -> None:
        if not self._registered:
            self._registered = True
            self._transport.registerProducer(self, True)

    def _unregister(self) -> None:
        if self._registered:
            self._registered = False
            self._connection.upload_stalled(False)
            self._transport.unregisterProducer()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Accept a producer; the request's is known already."""

    def unregisterProducer(self) -> None:
        """Do nothing: the end is reported by the producer's own Deferred."""

    def pauseProducing(self) -> None:
        """Pause the body's producer: the upstream's transport buffer is full."""
        if not self._paused and not self._stopped and not self.finished:
            self._paused = True
            self._data.pauseProducing()
            self._connection.upload_stalled(True)

    def resumeProducing(self) -> None:
        """Resume the body's producer: the upstream's transport accepts data again."""
        if self._paused and not self._stopped and not self.finished:
            self._paused = False
            self._connection.upload_stalled(False)
            self._data.resumeProducing()

    def stopProducing(self) -> None:
        """Stop the body's producer: the upstream's transport is gone."""
        self._registered = False
        self.stop()
