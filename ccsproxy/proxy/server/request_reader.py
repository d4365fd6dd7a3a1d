"""The reading half of a client's connection: requests are parsed, checked and passed to the resource one at a time.

Pipelined requests wait in `_pipelined`. A body is read while its request is in progress, and no further head before
that request has ended.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from twisted.logger import Logger

from ccsproxy.proxy.refusal import LocalResponse, Refusal
from ccsproxy.proxy.server.access.loops import Signature
from ccsproxy.proxy.server.body_rate import BodyRate
from ccsproxy.proxy.server.connection import ClientLink
from ccsproxy.proxy.server.parsing.head_finder import HeadFinder
from ccsproxy.proxy.server.parsing.request_framing import BodyReader, EndlessBody, body_reader
from ccsproxy.proxy.server.parsing.request_head import ParsedRequestHead, parse_head
from ccsproxy.proxy.server.request import RelayRequest
from ccsproxy.proxy.server.request_body import RequestBody
from ccsproxy.proxy.server.seams import ChannelSite, RelayedExchange, Renderer
from ccsproxy.proxy.transport import is_dead

if TYPE_CHECKING:
    from ccsproxy.proxy.server.access.guard import PortGuard, TransparentGuard

log = Logger()

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
#: Seconds after which a client that expects 100 gets it from us, if its upstream has said nothing; the timers may add
#: one. Most clients wait a second before they send their body unasked, some for ever.
CONTINUE_TIME = 0.5


class RequestReader(ClientLink, ABC):
    """Reads requests, one at a time. `ccsproxy.proxy.server.channel.RelayChannel` sends the responses.

    :ivar request: the request in progress, until the client's socket has accepted its response.
    :ivar arrived: when the first byte of the latest request arrived: seconds since the epoch, monotonic seconds.

    :param guard: decides what is served; by default the site's guard for the local address.
    :param resource: what renders requests; by default the site's.
    """

    def __init__(
        self, site: ChannelSite, guard: PortGuard | TransparentGuard | None = None, resource: Renderer | None = None
    ) -> None:
        super().__init__(site.timers, site.limits, site.watch, site.write_batch, site.clock)
        self._guard = guard
        self._resource = resource or site.resource
        self.request: RelayRequest | None = None
        self.arrived = (0.0, 0.0)
        self._site = site
        self._finder = HeadFinder(site.limits)
        self._reader: BodyReader | None = None
        self._pipelined = b""
        self._advancing = False
        self._body_rate = BodyRate(site.limits)
        self._withheld = False  # the client waits for 100 before it sends its body
        self._admitted = False
        self._signature: Signature | None = None

    @property
    def _exchange(self) -> RelayedExchange | None:
        return self.request.exchange if self.request is not None else None

    def dataReceived(self, data: bytes) -> None:
        """Take bytes of a body, of a head, or of pipelined requests."""
        if self.ending:
            return
        # The states exclude one another: a reader means a body is arriving, a request without a reader means a
        # response is in progress, neither means a head is expected.
        if self._reader is not None:
            self._read_body(data)
        elif self.request is not None:
            self._buffer_pipelined(data)
        else:
            if not self._finder.begun:
                self.arrived = self._site.now()
            self._advance(data)

    def _buffer_pipelined(self, data: bytes) -> None:
        """Buffer pipelined requests, and pause reading when there is much of them."""
        if not self._pipelined:
            self.arrived = self._site.now()
        self._pipelined += data
        # TCP flow control makes the client wait: this alone bounds the memory used for a peer that sends without
        # reading.
        if len(self._pipelined) > self.limits.pipelined:
            self.pause_reading()

    def _advance(self, data: bytes) -> None:
        """Process requests until one has to wait for more bytes, or for the end of its exchange."""
        # Small responses finish within `render`, which calls back into `_delivered`: the flag keeps the loop one
        # level deep.
        self._advancing = True
        while data and self.request is None and not self.ending:
            data = self._read_head(data)
        self._advancing = False
        if data and self.request is not None:
            self._buffer_pipelined(data)
        # FIN may arrive in the same read as the request it follows: it is handled once that request has been started.
        if self.half_closed and not self.ending:
            self.readConnectionLost()

    def _read_head(self, data: bytes) -> bytes:
        """Look for the end of a head; process the request, or wait for more; return the bytes that follow it."""
        begun = self._finder.begun
        try:
            found = self._finder.feed(data)
        except Refusal as refusal:
            self._refuse(refusal, self._finder.beginning, None)
            return b""
        if found is not None:
            self._schedule_liveness_check()
            return self._dispatch(*found)
        if not begun:
            self.deadline.set(self.limits.head_time, self._head_late)
        return b""

    def _dispatch(self, block: bytes, rest: bytes) -> bytes:
        """Render a request, or refuse it; return the bytes that follow it.

        What has arrived of its body is parsed first, so that nothing is forwarded of a request whose body is bad from
        the start.
        """
        # Measured here, not at the first byte: the time that the client takes to send its head is not added by us.
        entered = self._site.clock()
        head: ParsedRequestHead | None = None
        try:
            head = parse_head(block, self.limits)
            # Before admission and body: a request that is not for us is refused by its head alone, without looking up
            # who sent it.
            target = self._guard.check(head) if self._guard is not None else head.target
            # Once per connection: the owner of a socket does not change, and the look-up costs a system call.
            if not self._admitted:
                self._site.admit(self)
                self._admitted = True
            if not target.startswith(b"/"):
                self._site.admit_to_proxy(self, head)
            reader = body_reader(head.length, self.limits) if head.length != 0 else None
            # A body that is bad from its first chunk refuses the request before any byte of it has been forwarded.
            first = reader.feed(rest) if reader is not None and rest else b""
            # Intercepted requests come through a CONNECT, which has been checked already.
            if self._resource is self._site.resource and target.startswith(b"/"):
                self._site.authorize(head, target)
                self._signature = self._site.refuse_loop(self, head, target)
        except Refusal as refusal:
            self._refuse(refusal, block, head)
            return b""
        request = self._make_request(head, target, entered)
        if reader is not None:
            rest = self._expect_body(request, reader, first, silent=not rest)
        self._render(request)
        return rest

    def _expect_body(self, request: RelayRequest, reader: BodyReader, first: bytes, *, silent: bool) -> bytes:
        """Prepare for a request's body; return the bytes that follow it.

        :param first: the decoded body bytes that arrived with the head.
        :param silent: nothing of the body has arrived.
        """
        body = request.body = RequestBody(self, request.head.length)
        request.first_body = first
        if reader.done:
            body.begin_with(first, whole=True)
            return reader.surplus
        body.begin_with(first, whole=False)
        self._reader = reader
        # A client that has started its body is not waiting for permission, and would take a late 100 for its
        # response.
        self._withheld = request.head.expects_continue and silent
        if self._withheld:
            self.deadline.set(CONTINUE_TIME, self.permit_body)
        else:
            self._watch_rate()
        return b""

    def permit_body(self) -> None:
        """Send 100 to a client that still waits for it: its upstream wants the body, or does not say."""
        if not self._withheld or self.request is None:
            return
        self._withheld = False
        self.deadline.clear()
        # A final response without a 100 before it lets the client keep its body.
        if not self.request.answered:
            self.write(CONTINUE)
            self._watch_rate()

    def _watch_rate(self) -> None:
        self._body_rate.begin()
        self.deadline.set(self.limits.body_time, self._check_rate)

    def _render(self, request: RelayRequest) -> None:
        self.request = request
        self._site.exchange_started()
        try:
            self._resource.render(request)
        except Exception:
            log.failure("a request could not be dealt with")
            self.abort()

    def switch(self) -> bytes:
        """Switch to raw mode; return the bytes received already."""
        self._reader = EndlessBody()
        ahead, self._pipelined = self._pipelined, b""
        self.resume_reading()
        return ahead

    def _read_body(self, data: bytes) -> None:
        """Decode and pass on a piece of the body."""
        reader, exchange = self._reader, self._exchange
        if reader is None or exchange is None:
            return
        try:
            piece = reader.feed(data)
        except Refusal as refusal:
            # Part of the body has been sent upstream by now: the upstream request is aborted, since a regular end
            # would make it look complete.
            exchange.body_refused(refusal)
            return
        self._body_rate.seen += len(data)
        if self._withheld:
            self._withheld = False
            self._watch_rate()
        if piece:
            exchange.body_received(piece)
        if reader.done and self.request is not None:
            self._reader = None
            self._schedule_liveness_check()
            if reader.surplus:
                self._buffer_pipelined(reader.surplus)
            exchange.body_finished()

    def resume_body(self) -> None:
        """Resume reading, unless so many pipelined requests are buffered that they have to be processed first."""
        if len(self._pipelined) <= self.limits.pipelined:
            # The time in which we did not read does not count against the client's rate.
            self._body_rate.ignore_interval(self.paused)
            self.resume_reading()

    def _refuse(self, refusal: Refusal, block: bytes, head: ParsedRequestHead | None) -> None:
        """Send the response to a request that is not relayed, record it and close."""
        answer = LocalResponse(refusal.status, refusal.kind, refusal.message, close=True, body=refusal.body)
        bodiless = head is not None and head.method == b"HEAD"
        self.write(answer.head() if bodiless else answer.head() + answer.body)
        self._site.refused(self, refusal, answer, block, head)
        self.linger()

    def _schedule_liveness_check(self) -> None:
        """Check now and then, while the client waits for its response, whether its host is still there.

        Keep-alive probes detect a dead host only while nothing is sent to it; unacknowledged data is retransmitted
        for a quarter of an hour instead.
        """
        self.deadline.set(self.limits.dead_time, self._check_liveness)

    def _check_liveness(self) -> None:
        if self.request is None or self.ending:
            return
        if is_dead(self.transport, self.limits.dead_time):
            self.abort_transport()
        else:
            self._schedule_liveness_check()

    def _head_late(self) -> None:
        if self.request is not None:
            return
        if beginning := self._finder.beginning:
            self._refuse(Refusal(408, "request_timeout", "The request's head took too long."), beginning, None)
        else:
            self.close()

    def _check_rate(self) -> None:
        """Refuse a body that arrives too slowly although we were reading all the time."""
        exchange = self._exchange
        if self._reader is None or exchange is None:
            return
        if self._body_rate.too_slow(self.paused):
            exchange.body_refused(Refusal(408, "request_timeout", "The request's body comes too slowly."))
        else:
            self._watch_rate()

    @abstractmethod
    def _make_request(self, head: ParsedRequestHead, target: bytes, entered: float) -> RelayRequest:
        """Make the request object for a head.

        :param entered: when processing of it started, monotonic seconds.
        """

    @abstractmethod
    def readConnectionLost(self) -> None:
        """The client has sent FIN."""

    @abstractmethod
    def abort(self) -> None:
        """Abort the connection, and the exchange on it."""
