"""The reading half of a client's connection: requests one after the other, checked, and given to what renders them.

A request that is sent ahead of its turn waits in `_ahead`. A body is read while its request is under way, and no
further head before that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.logger import Logger

from ccsproxy.proxy.refusal import LocalResponse, Refusal
from ccsproxy.proxy.server.access.loops import Signature
from ccsproxy.proxy.server.body_rate import BodyPace
from ccsproxy.proxy.server.connection import ClientLink
from ccsproxy.proxy.server.parsing.head_finder import HeadFinder
from ccsproxy.proxy.server.parsing.request_framing import BodyReader, EndlessBody, body_reader
from ccsproxy.proxy.server.parsing.request_head import ParsedRequestHead, parse_head
from ccsproxy.proxy.server.request import RelayedExchange, RelayRequest, Renderer
from ccsproxy.proxy.server.request_body import RequestBody
from ccsproxy.proxy.server.seams import ChannelSite
from ccsproxy.proxy.transport import is_dead

if TYPE_CHECKING:
    from ccsproxy.proxy.server.access.guard import PortGuard, TransparentGuard

log = Logger()

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class RequestReader(ClientLink):
    """Reads requests; one at a time is under way. `ccsproxy.proxy.server.channel.RelayChannel` answers them.

    :ivar request: the request under way, until the client's socket has taken its response.
    :ivar arrived: when the first byte of the latest request came: seconds since the epoch, monotonic seconds.

    :param guard: decides what is served; the site's for the address that was connected to when left out.
    :param resource: what renders requests; the site's when left out.
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
        self._ahead = b""
        self._advancing = False
        self._pace = BodyPace(site.limits)
        self._admitted = False
        self._signature: Signature | None = None

    @property
    def _exchange(self) -> RelayedExchange | None:
        return self.request.exchange if self.request is not None else None

    def dataReceived(self, data: bytes) -> None:
        """Take bytes of a body, of a head, or of requests that are sent ahead."""
        if self.ending:
            return
        # The states exclude one another: a reader means a body, a request without one an answer under way, neither a
        # head.
        if self._reader is not None:
            self._read_body(data)
        elif self.request is not None:
            self._keep_ahead(data)
        else:
            if not self._finder.begun:
                self.arrived = self._site.now()
            self._advance(data)

    def _keep_ahead(self, data: bytes) -> None:
        """Keep what is sent before its turn, and read no more when that is much."""
        if not self._ahead:
            self.arrived = self._site.now()
        self._ahead += data
        # The client is made to wait by TCP itself: memory for a peer that sends without reading is bounded by this
        # alone.
        if len(self._ahead) > self.limits.pipelined:
            self.pause_reading()

    def _advance(self, data: bytes) -> None:
        """Work on requests until one has to wait: for more bytes, or for the end of its exchange."""
        # Small answers are finished within `render`, which calls back into `_delivered`: the flag keeps the loop one
        # level deep.
        self._advancing = True
        while data and self.request is None and not self.ending:
            data = self._read_head(data)
        self._advancing = False
        if data and self.request is not None:
            self._keep_ahead(data)
        # FIN may come in the same read as the request that it follows: it is dealt with when that has its place.
        if self.half_closed and not self.ending:
            self.readConnectionLost()

    def _read_head(self, data: bytes) -> bytes:
        """Look for the end of a head; deal with it, or wait for more; return what follows the request."""
        begun = self._finder.begun
        try:
            found = self._finder.feed(data)
        except Refusal as refusal:
            self._refuse(refusal, self._finder.beginning, None)
            return b""
        if found is not None:
            self._watch_for_life()
            return self._dispatch(*found)
        if not begun:
            self.deadline.set(self.limits.head_time, self._head_late)
        return b""

    def _dispatch(self, block: bytes, rest: bytes) -> bytes:
        """Have a request rendered, or refuse it; return what follows it.

        What has come of its body is read first, so that nothing is forwarded of a request whose body is bad at once.
        """
        # Here, and not with the first byte: what the client takes to send its head is not time that we add.
        entered = self._site.clock()
        head: ParsedRequestHead | None = None
        try:
            head = parse_head(block, self.limits)
            # Before admission and body: a request that is not for us is refused by what its head says alone, without
            # asking the system who sends it.
            target = self._guard.check(head) if self._guard is not None else head.target
            # Once for each connection: the owner of a socket does not change, and asking costs a look into the
            # kernel.
            if not self._admitted:
                self._site.admit(self)
                self._admitted = True
            if not target.startswith(b"/"):
                self._site.admit_to_proxy(self, head)
            reader = body_reader(head.length, self.limits) if head.length != 0 else None
            # A body that is bad from its first chunk on refuses the request while no byte of it has gone anywhere.
            first = reader.feed(rest) if reader is not None and rest else b""
            # Intercepted requests come through a CONNECT, which has been looked at already.
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
        """Prepare for a request's body, of which nothing may have come (``silent``); return what follows it."""
        body = request.body = RequestBody(self, request.head.length)
        request.first = first
        if reader.done:
            body.begin_with(first, whole=True)
            return reader.surplus
        body.begin_with(first, whole=False)
        self._reader = reader
        self._pace.begin()
        self.deadline.set(self.limits.body_time, self._check_rate)
        # A client that has begun with its body does not wait for leave, and would take a late 100 for its answer.
        if request.head.expects_continue and silent:
            self.write(CONTINUE)
        return b""

    def _render(self, request: RelayRequest) -> None:
        self.request = request
        self._site.under_way()
        try:
            self._resource.render(request)
        except Exception:
            log.failure("a request could not be dealt with")
            self.abort()

    def switch(self) -> bytes:
        """Read whatever comes from now on as it is; return what has come already."""
        self._reader = EndlessBody()
        ahead, self._ahead = self._ahead, b""
        self.resume_reading()
        return ahead

    def _read_body(self, data: bytes) -> None:
        """Pass a piece of the body on."""
        reader, exchange = self._reader, self._exchange
        if reader is None or exchange is None:
            return
        try:
            piece = reader.feed(data)
        except Refusal as refusal:
            # The upstream has part of the body by now: it is broken off, since ending it in order would make it look
            # whole.
            exchange.body_refused(refusal)
            return
        self._pace.seen += len(data)
        if piece:
            exchange.body_received(piece)
        if reader.done and self.request is not None:
            self._reader = None
            self._watch_for_life()
            if reader.surplus:
                self._keep_ahead(reader.surplus)
            exchange.body_finished()

    def resume_body(self) -> None:
        """Read again; so much of other requests may be there that their turn has to come first."""
        if len(self._ahead) <= self.limits.pipelined:
            # The time for which we did not read is ours, not the client's, and does not count against its rate.
            self._pace.forgive(self.paused)
            self.resume_reading()

    def _refuse(self, refusal: Refusal, block: bytes, head: ParsedRequestHead | None) -> None:
        """Answer a request that is not relayed, record it and close."""
        answer = LocalResponse(refusal.status, refusal.kind, refusal.message, close=True, body=refusal.body)
        bodiless = head is not None and head.method == b"HEAD"
        self.write(answer.head() if bodiless else answer.head() + answer.body)
        self._site.refused(self, refusal, answer, block, head)
        self.linger()

    def _watch_for_life(self) -> None:
        """Look now and then, while the client waits for its answer, whether its system is still there.

        Keep-alive probes tell that of a silent client, but not of one that there is something to send to: that is
        sent again and again, for a quarter of an hour.
        """
        self.deadline.set(self.limits.dead_time, self._look_for_life)

    def _look_for_life(self) -> None:
        if self.request is None or self.ending:
            return
        if is_dead(self.transport, self.limits.dead_time):
            self.vanished()
        else:
            self._watch_for_life()

    def _head_late(self) -> None:
        if self.request is not None:
            return
        if beginning := self._finder.beginning:
            self._refuse(Refusal(408, "request_timeout", "The request's head took too long."), beginning, None)
        else:
            self.close()

    def _check_rate(self) -> None:
        """Refuse a body that comes too slowly although we have been ready for it all the time."""
        exchange = self._exchange
        if self._reader is None or exchange is None:
            return
        if self._pace.too_slow(self.paused):
            exchange.body_refused(Refusal(408, "request_timeout", "The request's body comes too slowly."))
        else:
            self._pace.begin()
            self.deadline.set(self.limits.body_time, self._check_rate)

    # -- what the answering half does ----------------------------------------------------------------------------

    def _make_request(self, head: ParsedRequestHead, target: bytes, entered: float) -> RelayRequest:
        """Make what is rendered.

        :param entered: when it began to be dealt with, monotonic seconds.
        """
        raise NotImplementedError

    def readConnectionLost(self) -> None:
        """The client sends no more."""
        raise NotImplementedError

    def abort(self) -> None:
        """Break the connection off."""
        raise NotImplementedError
