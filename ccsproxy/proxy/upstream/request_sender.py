"""The sending half of an upstream connection: one request after the other, in as few writes as possible."""

from __future__ import annotations

from abc import ABC, abstractmethod

from twisted.internet.defer import Deferred
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer

from ccsproxy.proxy import errors
from ccsproxy.proxy.interfaces import UpstreamTimings
from ccsproxy.proxy.upstream.link import ConnectionOwner, UpstreamLink
from ccsproxy.proxy.upstream.request_limits import RequestLimits
from ccsproxy.proxy.upstream.response import RelayResponse
from ccsproxy.proxy.upstream.upload import Upload, request_head


class RequestSender(UpstreamLink, ABC):
    """Sends requests; `ccsproxy.proxy.upstream.connection.RelayConnection` reads the responses.

    `_waiting` exists from the start of a request until its response head has arrived, and `_upload` until the body
    has been sent completely: it may outlive `_waiting`, since an upstream may respond before it has read everything.

    :ivar carried: how many requests were sent on this connection.
    """

    carried = 0

    def __init__(self, owner: ConnectionOwner) -> None:
        super().__init__(owner)
        self._timeouts = owner.timeouts
        self._clock = owner.clock
        self._method = b""
        self._marks: UpstreamTimings | None = None
        self._waiting: Deferred[RelayResponse] | None = None
        self._upload: Upload | None = None
        self._limits = RequestLimits(owner.timers, lambda: self.transport, self._expired, self.fail)
        self._unsent = b""
        self._unsent_since = 0.0

    def request(
        self, method: bytes, target: bytes, headers: bytes, data: IBodyProducer | None, marks: UpstreamTimings
    ) -> Deferred[RelayResponse]:
        """Send one request; the connection must be `usable`."""
        chunked = data is not None and data.length is UNKNOWN_LENGTH
        head = request_head(method, target, headers, chunked=chunked)
        waiting = self._begin_waiting(method, marks)
        take = getattr(data, "take_buffered", None)  # `IBufferedBody`; asking zope.interface costs a microsecond
        body = None if take is None else take()
        if data is None or body is not None:
            self._send_soon(head + body if body else head)
        else:
            self._upload = Upload(self, head, data)
            self._upload.start()
        return waiting

    def request_again(self, request: bytes, method: bytes, marks: UpstreamTimings) -> Deferred[RelayResponse]:
        """Send a request, of which no byte has been sent on another connection.

        :param request: head and body, see `NeverSent`.
        """
        waiting = self._begin_waiting(method, marks)
        self._send_soon(request)
        return waiting

    def _begin_waiting(self, method: bytes, marks: UpstreamTimings) -> Deferred[RelayResponse]:
        self._timeouts = self._owner.timeouts
        self._method = method
        self._marks = marks
        self.carried += 1
        self._limits.begin()
        waiting = self._waiting = Deferred(self._cancelled)
        return waiting

    def _send_soon(self, request: bytes) -> None:
        self._unsent = request
        self._unsent_since = self._clock()
        self._owner.write_batch.add(self)

    def flush(self) -> None:
        """Send the request, unless the exchange was cancelled in the same turn."""
        data, self._unsent = self._unsent, b""
        if data and self._marks is not None:
            self.send(data)
            self._marks.waited = self._clock() - self._unsent_since
            self.sent()

    def sent(self) -> None:
        """Start waiting for the response: the request has been passed to the transport completely."""
        if self._marks is not None:
            self._marks.request_sent = self._clock()
        if self._waiting is not None:
            self._deadline.set(self._timeouts.first_byte, errors.FirstByteTimeout)

    def upload_stalled(self, stalled: bool) -> None:
        """Start or clear the limit on how long the upstream may accept nothing of the body.

        It applies to the body only: once the response has started, its limits apply whatever becomes of the body.
        """
        if stalled and self._waiting is not None:
            self._limits.stall(self._timeouts.idle)
        else:
            self._limits.end_stall()

    def _cancelled(self, _: Deferred[RelayResponse]) -> None:
        self._waiting = None
        self.abort()

    @abstractmethod
    def fail(self, error: errors.RelayError) -> None:
        """End the exchange with an error, and close the connection."""
