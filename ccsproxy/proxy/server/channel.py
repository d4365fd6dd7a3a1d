"""HTTP on a client's connection: requests one after the other, strictly in order, one under way at a time.

`RequestReader` is its reading half; here are its beginning and its end, and the responses on their way to the client.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from ccsproxy.proxy.server.leaving import reset_when_taken
from ccsproxy.proxy.server.parsing.request_framing import EndlessBody
from ccsproxy.proxy.server.parsing.request_head import ParsedRequestHead
from ccsproxy.proxy.server.request import RelayedExchange, RelayRequest
from ccsproxy.proxy.server.request_reader import RequestReader


@implementer(IHalfCloseableProtocol)
class RelayChannel(RequestReader):
    """The server's end of a client's connection.

    States: idle (no `request`), in a request (`request`, and `_reader` while its body comes), answered (`request` is
    finished and its bytes are not with the client's socket yet), ending (nothing more is read). From answered it goes
    back to idle, or on to ending; from ending nowhere.
    """

    def _make_request(self, head: ParsedRequestHead, target: bytes, entered: float) -> RelayRequest:
        return RelayRequest(self, head, target, self.arrived, entered)

    def connectionMade(self) -> None:
        """Begin: a head is expected."""
        super().connectionMade()
        self._guard = self._guard or self._site.guard_for(self._wire.getHost())
        self._site.opened(self)
        # From the first moment on: a connection without a byte (browsers open some to spare) holds a descriptor like
        # any other.
        self.deadline.set(self.limits.head_time, self._head_late)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Let go of everything; an exchange under way hears that its client has left."""
        # Asked before `released` forgets what is unsent: how much the client did not get belongs in the record.
        waiting = self.waiting
        self.released()
        self._site.closed(self)
        if (exchange := self._over()) is not None:
            exchange.client_gone(waiting)

    def readConnectionLost(self) -> None:
        """The client sends no more: it may have left, or wait for the answer to what it has sent."""
        if self.request is None or self.ending:
            self.half_closed = True
            self.close()
        # In a tunnel each direction ends by itself; in HTTP a body cut short by FIN is a request that cannot be
        # answered.
        elif isinstance(self._reader, EndlessBody) and (exchange := self._exchange) is not None:
            exchange.body_finished()
            self.half_close()
        elif self._reader is not None:
            self.vanished()
        else:
            self.half_close()

    def writeConnectionLost(self) -> None:
        """Our own end of the stream has been sent; nothing follows from it."""

    def drain(self) -> None:
        """Accept no further request; close at once when none is under way, or one that is quiet and has no end."""
        if self.request is None and not self.ending:
            self.close()
        elif (exchange := self._exchange) is not None:
            exchange.drain()

    def cut(self, patience: float = 0.0) -> None:
        """End the exchange under way, if there is one, and the connection.

        :param patience: for so many seconds a client that lags may take what there is for it.
        """
        if (exchange := self._exchange) is None:
            self.drain()
            return
        # The exchange first: it says to capture why it ended, before the loss of the connection would say something
        # else.
        exchange.cut()
        self.flush()
        if self.request is not None and patience:
            self.deadline.set(patience, self.vanished)
        elif self.request is not None:
            self.vanished()

    def break_off(self) -> None:
        """End a response that is not whole, behind all that there is of it.

        Without its last chunk, or shorter than it said, it shows the client by itself that something is missing.
        """
        self.ending = True
        self._reader = None
        self.deadline.clear()
        self.flush()
        self._break_when_sent()

    def _break_when_sent(self) -> None:
        """Close when the client's socket has taken everything; until then `unclogged` comes back to it."""
        request = self.request
        if request is None or self.blocked or self._unsent:
            return
        # FIN would tell the client that such a body is whole; only a reset says that it is not.
        if request.ends_with_connection:
            self.resume_reading()
            reset_when_taken(self)
            return
        if (exchange := self._over()) is not None:
            exchange.delivered()
        self.linger()

    def abort(self) -> None:
        """Break the connection off; the exchange under way knows."""
        self.ending = True
        self.flush()
        self._over()
        self.vanished()

    def _over(self) -> RelayedExchange | None:
        """Be done with the request under way; return who dealt with it, if there was one."""
        exchange = self._exchange
        if self.request is not None:
            self.request = None
            self._site.over()
            if self._signature is not None:
                # Exactly once for each `refuse_loop`, or the count of equal requests under way would grow for ever.
                self._site.no_loop(self._signature)
                self._signature = None
        return exchange

    def surrender(self, protocol: Any) -> bytes:
        """Leave the connection, its request with it, to another protocol; return what has come for it already."""
        self._site.closed(self)
        self._over()
        self.detach(protocol)
        ahead, self._ahead = self._ahead, b""
        return ahead

    def clogged(self) -> None:
        """Let the exchange under way produce no more."""
        if (exchange := self._exchange) is not None:
            exchange.pause()

    def unclogged(self) -> None:
        """Let the exchange under way go on, or be done with it."""
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
        """The response has been written; go on when the client's socket has taken it."""
        request = self.request
        if request is not None and request.finished and not self.blocked and not self._unsent:
            self._delivered(request)

    def flushed(self, waited: float) -> None:
        """Go on when that was the rest of a response."""
        if self.request is not None:
            self.request.waited += waited
            self.response_finished()

    def _delivered(self, request: RelayRequest) -> None:
        """End one exchange and begin the next."""
        if (exchange := self._over()) is not None:
            exchange.delivered()
        if self.ending:
            return
        if self._reader is not None:
            self._reader = None
            self.linger()
        # What a half-closed client has sent ahead is still answered: its FIN only says that nothing more follows.
        elif not request.keep_alive or self._site.draining or (self.half_closed and not self._ahead):
            self.close()
        else:
            self.deadline.set(self.limits.idle_time, self.drain)
            ahead, self._ahead = self._ahead, b""
            self.resume_reading()
            # Within `_advance` the loop there goes on by itself; calling it from here as well would nest once for
            # each request of a pipeline.
            if ahead and not self._advancing:
                self._advance(ahead)
