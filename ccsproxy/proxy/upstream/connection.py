"""One connection to an upstream: an HTTP/1.1 client that sends one request after the other."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from ccsproxy.proxy import errors
from ccsproxy.proxy.framing import LengthBody
from ccsproxy.proxy.interfaces import UpstreamTimings
from ccsproxy.proxy.transport import sends_directly
from ccsproxy.proxy.upstream.endings import cut_off, lost_before_response
from ccsproxy.proxy.upstream.link import ConnectionOwner
from ccsproxy.proxy.upstream.raw import RawConnection
from ccsproxy.proxy.upstream.request_sender import RequestSender
from ccsproxy.proxy.upstream.response import WHOLE, RelayResponse
from ccsproxy.proxy.upstream.response_body import Body, body_of
from ccsproxy.proxy.upstream.response_head import HeadReader, ParsedResponseHead

log = Logger()


class RelayConnection(RequestSender):
    """An upstream connection. It tells its owner (the pool) when it is free for another request, and when it is gone.

    States: idle (neither `_waiting` nor `_response`), waiting for a head (`_waiting`), in a body (`_response` and
    `_body`), gone. `_upload` exists until the request body has been sent completely, and may outlive `_waiting`. Each
    phase has its own deadline: `_limits` until there is a head, `_deadline` for the head, then for the response body,
    then for closing.

    :ivar keep_for: how many seconds its upstream keeps it when idle, None if it did not say.
    """

    keep_for: float | None = None

    def __init__(self, owner: ConnectionOwner) -> None:
        super().__init__(owner)
        self._heads = HeadReader()
        self._persistent = False
        self._response: RelayResponse | None = None
        self._body: Body | None = None
        self._undelivered: bytes | None = None
        self._paused = False

    # -- starting ------------------------------------------------------------------------------------------------

    def usable(self) -> bool:
        """Tell whether another request may be sent: idle, open, and with nothing unread from the upstream."""
        return self._waiting is None and self._response is None and self.quiet()

    def upgrade(self, target: bytes, headers: bytes, marks: UpstreamTimings) -> Deferred[RelayResponse]:
        """Send a request after which the upstream may switch protocols; see `request`."""
        self._heads.may_switch = True
        return self.request(b"GET", target, headers, None, marks)

    def tunnel(self, idle: float) -> RelayResponse:
        """Become a tunnel: pass on bytes in both directions.

        :param idle: the tunnel is closed after this many seconds without a byte.
        """
        return self._become_raw(ParsedResponseHead(200, b"Connection established", "1.1", b""), b"", idle)

    def _become_raw(self, head: ParsedResponseHead, rest: bytes, idle: float | None = None) -> RelayResponse:
        raw = RawConnection(head, rest, self._owner.timers, idle)
        self._limits.close()
        self.detach(raw)
        return raw.response

    # -- the response --------------------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Take the data of one read."""
        if self._corked is not None:
            self._corked.append(data)
        elif self._body is not None:
            if self._undelivered is None:
                self._deliver(data)
            else:
                self._undelivered += data
        elif self._waiting is not None:
            try:
                self._read_head(data)
            except errors.UpstreamProtocolError as error:
                self.fail(error)
        elif not self._gone:
            # Unsolicited bytes: whatever follows on this connection cannot be trusted.
            self.abort()

    def _read_head(self, data: bytes) -> None:
        heard, asked = self._heads.interims, self._heads.continues
        read = self._heads.feed(data)
        if read is not None:
            self._begin(*read)
        elif self._heads.continues != asked and self._upload is not None:
            self._upload.proceed()
        elif self._heads.interims != heard and self._marks is not None and self._marks.request_sent is not None:
            # 102 and the like are signs of life: the upstream gets the same time again.
            self._deadline.set(self._timeouts.first_byte, errors.FirstByteTimeout)

    def _begin(self, head: ParsedResponseHead, rest: bytes) -> None:
        """Pass the response on, followed by what was read of its body."""
        waiting, self._waiting = self._waiting, None
        self._deadline.clear()
        self._limits.end()
        if self.carried == 1:
            self._keep_session()
        self._heads.may_switch = False
        if head.code == 101 and waiting is not None:
            waiting.callback(self._become_raw(head, rest))
            return
        self._persistent = head.persistent
        self.keep_for = head.keep_for
        upload = self._upload
        if upload is not None and not upload.finished:
            # An upstream that responds early may not read on; the connection ends with this response.
            self._persistent = False
            if head.code >= 300 or not head.persistent:
                upload.stop()
        body = body_of(self._method, head.code, head.length, chunked=head.chunked)
        self._persistent &= not body.until_close
        whole = isinstance(body, LengthBody) and (body.done or body.left == len(rest))
        if whole:
            response = RelayResponse(head, None)
            response.length = 0 if head.length is None else head.length
            if not body.done:
                response.keep(rest)
            self._release(surplus=body.done and bool(rest))
        else:
            self._body = body
            response = self._response = RelayResponse(head, self)
            if head.length is not None:
                response.length = head.length
        if waiting is None:
            return
        # If the receiver asks for the body in its callback, it gets what is there at once, so that it can join head
        # and body.
        self._undelivered = None if whole else rest
        waiting.callback(response)
        if self._response is response and self._undelivered is not None:
            self._pause_transport()

    def _keep_session(self) -> None:
        keep = getattr(self.transport, "keep_session", None)
        if keep is not None:
            keep()

    def start_delivery(self) -> None:
        """Deliver the buffered data, now that the response has a protocol for its body."""
        if not self._paused:
            self._resume_delivery()

    def _resume_delivery(self) -> None:
        held, self._undelivered = self._undelivered, None
        self._await_more()
        self._resume_transport()
        if held:
            self._deliver(held)

    def _deliver(self, data: bytes) -> None:
        response, body = self._response, self._body
        if response is None or body is None:
            return
        try:
            piece = body.feed(data)
        except errors.UpstreamProtocolError as error:
            self.fail(error)
            return
        if piece:
            if not self._paused:
                self._await_more()
            try:
                response.deliver(piece)
            except Exception:
                log.failure("the receiver of a response body raised; its connection was aborted")
                self.fail(errors.RelayError("The relay could not pass the response on."))
        if body.done and self._response is response:
            self._body = self._response = None
            self._release(surplus=bool(body.surplus))
            response.end(WHOLE, body.trailers)

    def _await_more(self) -> None:
        self._deadline.set(self._timeouts.idle, errors.IdleTimeout)

    def _release(self, *, surplus: bool) -> None:
        """Become free for the next request if that is certain to be safe, else close."""
        self._deadline.clear()
        upload, self._upload = self._upload, None
        self._marks = None
        if upload is not None and not upload.finished:
            # The rest of the request body is no longer needed, and the upstream might never accept it.
            upload.stop()
            self.abort()
            return
        if self._paused:
            self._paused = False
            self._resume_transport()
        if self._persistent and not surplus and not self._gone:
            self._owner.free(self)
        else:
            self.close()

    # -- flow control, used by the response ----------------------------------------------------------------------

    def pause(self) -> None:
        """Stop reading; a pause of our own does not count as idle time of the upstream."""
        if not self._paused:
            self._paused = True
            self._deadline.clear()
            self._pause_transport()

    def resume(self) -> None:
        """Resume reading from the upstream."""
        if self._paused:
            self._paused = False
            if self._response is not None and self._response.delivery_started:
                self._resume_delivery()

    # -- endings -------------------------------------------------------------------------------------------------

    def _expired(self, limit: type[errors.UpstreamTimeout] | None) -> None:
        if limit is None:
            self.abort()
        else:
            self.fail(self._timeouts.passed(limit))

    def fail(self, error: errors.RelayError) -> None:
        """End the exchange with an error, and close the connection."""
        waiting, self._waiting = self._waiting, None
        response, self._response = self._response, None
        self.abort()
        if waiting is not None:
            waiting.errback(Failure(error))
        elif response is not None:
            response.end(Failure(error), [])

    def abort(self) -> None:
        """Close at once, whatever the state; only the body's producer is told."""
        self._waiting = self._response = self._body = self._undelivered = None
        self._unsent = b""
        upload, self._upload = self._upload, None
        if upload is not None:
            upload.stop()
        self._limits.close()
        super().abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End whatever was in progress."""
        if getattr(self.transport, "ended_plainly", False):
            # Twisted reports an error if the peer closes without close_notify; servers do that, and every client
            # accepts it.
            reason = connectionDone
        waiting, self._waiting = self._waiting, None
        response, self._response = self._response, None
        body, self._body = self._body, None
        held, self._undelivered = self._undelivered, None
        self._deadline.close()
        self._limits.close()
        self._forget()
        unsent, self._unsent = self._unsent, b""
        upload, self._upload = self._upload, None
        if upload is not None:
            upload.stop()
        if waiting is not None and unsent:
            waiting.errback(Failure(errors.NeverSent(unsent)))
        elif waiting is not None:
            partial = self._heads.partial
            plain = sends_directly(self.transport)
            error = lost_before_response(reason, partial=partial, first=self.carried == 1, plain=plain)
            waiting.errback(Failure(error))
        elif response is not None and body is not None:
            cut_off(response, body, held, reason)
        self.transport = None
