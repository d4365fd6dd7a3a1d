"""HTTP/1 on a client's connection: requests are handled strictly in order, one at a time.

`RequestReader` is the reading half; this module starts and ends requests and sends the responses.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from ccsproxy.proxy.server.last_request import GRACE, LastRequest
from ccsproxy.proxy.server.leaving import ResetWhenTaken
from ccsproxy.proxy.server.parsing.request_framing import EndlessBody
from ccsproxy.proxy.server.parsing.request_head import ParsedRequestHead
from ccsproxy.proxy.server.request import RelayRequest
from ccsproxy.proxy.server.request_reader import RequestReader
from ccsproxy.proxy.server.seams import RelayedExchange


@implementer(IHalfCloseableProtocol)
class RelayChannel(RequestReader):
    """The server side of one client connection.

    States: idle (no `request`; while the site drains a `_last_request` may be waited for), in a request (`request` is
    set, and `_reader` while its body arrives), answered (`request` is finished, but the client's socket has not
    accepted all its bytes yet), ending (nothing more is read). Answered is followed by idle or by ending; ending is
    final.
    """

    _accepted = 0.0
    _last_request: LastRequest | None = None

    def _make_request(self, head: ParsedRequestHead, target: bytes, entered: float) -> RelayRequest:
        return RelayRequest(self, head, target, self.arrived, entered)

    def connectionMade(self) -> None:
        """Start the connection and wait for a request head."""
        super().connectionMade()
        self._guard = self._guard or self._site.guard_for(self._wire.getHost())
        self._accepted = self._site.clock()
        self._site.opened(self)
        # The deadline runs from the start: an idle connection without a single byte (browsers open some in advance)
        # holds a descriptor like any other.
        self.deadline.set(self.limits.head_time, self._head_late)
        if self._site.draining:
            self.drain()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Release everything, and tell the exchange in progress that its client has left."""
        # Read before `release` discards the unsent data: the record states how much the client did not get.
        waiting = self.unsent_bytes
        self.release()
        self._site.closed(self)
        self._stop_waiting()
        if (exchange := self._end_request()) is not None:
            exchange.client_gone(waiting)

    def readConnectionLost(self) -> None:
        """The client has sent FIN: it may have left, or may be waiting for the response to what it sent."""
        if self.request is None or self.ending:
            self.half_closed = True
            self.close()
        # In a tunnel each direction ends on its own; in HTTP a request whose body is cut short by FIN cannot be
        # answered.
        elif isinstance(self._reader, EndlessBody) and (exchange := self._exchange) is not None:
            exchange.body_finished()
            self.half_close()
        elif self._reader is not None:
            self.abort_transport()
        else:
            self.half_close()

    def writeConnectionLost(self) -> None:
        """Do nothing: we have sent our own FIN, and nothing depends on it."""

    def drain(self) -> None:
        """Accept no further request after the one in progress, or one that may be on its way (see `LastRequest`); an
        idle endless stream is ended.
        """
        if self.request is None and not self.ending:
            fresh = not self.connection_id
            patience = self._accepted + GRACE - self._site.clock() if fresh else 0.0
            self._last_request = self._last_request or LastRequest(self, self._site, patience)
        elif (exchange := self._exchange) is not None:
            exchange.drain()

    @property
    def draining(self) -> bool:
        """Whether the connection ends with the response in progress."""
        return bool(self._site.draining)

    @property
    def head_begun(self) -> bool:
        """Whether a part of a request's head has arrived, and no more."""
        return self.request is None and not self.ending and self._finder.begun

    def close_if_idle(self) -> None:
        """Close unless a request is in progress."""
        if self.request is None and not self.ending:
            self.close()

    def _stop_waiting(self) -> None:
        if self._last_request is not None:
            self._last_request.over()

    def cut(self, patience: float = 0.0) -> None:
        """End the exchange in progress, if there is one, and the connection.

        :param patience: seconds that a slow client gets to read what is already written for it.
        """
        if (exchange := self._exchange) is None:
            self.close_if_idle()
            return
        # The exchange first: it tells capture the reason, before the loss of the connection would report a different
        # one.
        exchange.cut()
        self.flush()
        if self.request is not None and patience:
            self.deadline.set(patience, self.abort_transport)
        elif self.request is not None:
            self.abort_transport()

    def break_off(self) -> None:
        """End an incomplete response after everything that was written of it.

        The missing last chunk, or a body shorter than its Content-Length, shows the client that something is missing.
        """
        self.ending = True
        self._reader = None
        self.deadline.clear()
        self.flush()
        self._break_when_sent()

    def _break_when_sent(self) -> None:
        """Close once the client's socket has accepted everything; until then `write_unblocked` calls this again."""
        request = self.request
        if request is None or self.blocked or self._unsent:
            return
        # FIN would tell the client that such a body is complete; only a reset tells it otherwise.
        if request.ends_with_connection:
            self.resume_reading()
            ResetWhenTaken(self, self._clock).begin()
            return
        if (exchange := self._end_request()) is not None:
            exchange.delivered()
        self.linger()

    def abort(self) -> None:
        """Abort the connection; the exchange in progress already knows."""
        self.ending = True
        self.flush()
        self._end_request()
        self.abort_transport()

    def _end_request(self) -> RelayedExchange | None:
        """Finish the request in progress; return the exchange that handled it, if there was one."""
        exchange = self._exchange
        if self.request is not None:
            self.request = None
            self._site.exchange_ended()
            if self._signature is not None:
                # Exactly once for each `refuse_loop`, or the count of equal requests in progress would grow for ever.
                self._site.forget_loop_signature(self._signature)
                self._signature = None
        return exchange

    def hand_over(self, protocol: Any) -> bytes:
        """Hand the connection, together with its request, to another protocol; return the bytes already received for
        it.
        """
        self._site.closed(self)
        self._stop_waiting()
        self._end_request()
        self.detach(protocol)
        ahead, self._pipelined = self._pipelined, b""
        return ahead

    def write_blocked(self) -> None:
        """Pause the exchange in progress."""
        if (exchange := self._exchange) is not None:
            exchange.pause()

    def write_unblocked(self) -> None:
        """Resume the exchange in progress, or finish it if its response has been written."""
        request = self.request
        if request is None:
            return
        if request.finished:
            self.response_finished()
        elif request.broken:
            self._break_when_sent()
        elif request.exchange is not None:
            request.exchange.resume()

    def response_finished(self) -> None:
        """The response has been written; continue once the client's socket has accepted it."""
        request = self.request
        if request is not None and request.finished and not self.blocked and not self._unsent:
            self._delivered(request)

    def flushed(self, waited: float) -> None:
        """Continue if that was the rest of a response."""
        if self.request is not None:
            self.request.waited += waited
            self.response_finished()

    def _delivered(self, request: RelayRequest) -> None:
        """End this exchange and start the next request."""
        if (exchange := self._end_request()) is not None:
            exchange.delivered()
        if self.ending:
            return
        if self._reader is not None:
            self._reader = None
            self.linger()
        # Requests that a half-closed client pipelined are still answered: its FIN only says that no more will follow.
        elif not request.keep_alive or self._site.draining or (self.half_closed and not self._pipelined):
            self.close()
        else:
            self.deadline.set(self.limits.idle_time, self.close_if_idle)
            ahead, self._pipelined = self._pipelined, b""
            self.resume_reading()
            # Within `_advance` the loop there continues by itself; calling it from here as well would nest once per
            # pipelined request.
            if ahead and not self._advancing:
                self._advance(ahead)
