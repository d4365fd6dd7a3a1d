"""The site: the client connections of one listener, what they share, and how they are shut down."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.web.server import Site

from ccsproxy.proxy.deadlines import BatchedTimers
from ccsproxy.proxy.interfaces import Seconds
from ccsproxy.proxy.refusal import LocalResponse, Refusal
from ccsproxy.proxy.resource import ProxyResource
from ccsproxy.proxy.server.access.admission import ProxyAdmission
from ccsproxy.proxy.server.access.guard import PortGuard, ServerRules
from ccsproxy.proxy.server.access.loops import LoopWatch, Signature
from ccsproxy.proxy.server.channel import RelayChannel
from ccsproxy.proxy.server.limits import Limits
from ccsproxy.proxy.server.parsing.request_head import ParsedRequestHead
from ccsproxy.proxy.server.peers import PeerWatch, peer_is_gone
from ccsproxy.proxy.server.refused import RefusedRecorder
from ccsproxy.runtime.sockets.callers import CallerFinder, is_local
from ccsproxy.runtime.write_batch import WriteBatch

#: How many connections beyond the limit are answered with 503; further ones are closed at once.
GRACE = 32


class RelaySite(Site):
    """A site whose connections are `RelayChannel`.

    :param reactor: for timers.
    :param clock: monotonic seconds.
    :param wall: seconds since the epoch.
    :param allowed: additional accepted values of ``Host``.
    :param origin: the web origin whose pages may call, if any.
    :param is_gone: see `ccsproxy.proxy.server.peers.PeerWatch`.
    :param write_batch: flushes responses at the end of the reactor turn.
    :param rules: what is served besides plain requests.
    :param callers: finds out which programs call; None to skip that.
    :param admission: who may use the port as a forward proxy.
    :param all_channels: the connections of all sites of this process, which share one limit.
    :param loops: detects requests that come back; without it only direct loops are detected.
    :ivar in_flight: how many exchanges are in progress.
    :ivar draining: no further requests are accepted.
    """

    resource: ProxyResource
    noisy = False

    def __init__(
        self,
        resource: ProxyResource,
        reactor: Any,
        timers: BatchedTimers,
        recorder: RefusedRecorder,
        limits: Limits,
        clock: Seconds,
        wall: Seconds,
        allowed: Iterable[str] = (),
        origin: str | None = None,
        is_gone: Callable[[Any], bool] = peer_is_gone,
        write_batch: WriteBatch | None = None,
        rules: ServerRules | None = None,
        admission: ProxyAdmission | None = None,
        loops: LoopWatch | None = None,
        callers: CallerFinder | None = None,
        all_channels: set[RelayChannel] | None = None,
    ) -> None:
        super().__init__(resource, reactor=reactor)
        self._turns = reactor
        self.timers = timers
        self.write_batch = write_batch or WriteBatch()
        self.limits = limits
        self.clock = clock
        self.wall = wall
        self.watch = PeerWatch(reactor, is_gone)
        self.in_flight = 0
        self.draining = False
        self._recorder = recorder
        self._callers = callers
        self.ids = recorder.ids
        self._rules = rules or ServerRules()
        self._loops = loops
        self._admission = admission or ProxyAdmission()
        self._allowed = tuple(allowed)
        self._origin = origin
        self._guards: dict[tuple[str, int | None], PortGuard] = {}
        self._channels: set[RelayChannel] = set()
        self._all_channels: set[RelayChannel] = set() if all_channels is None else all_channels
        self._surplus: set[RelayChannel] = set()
        self._drained: list[Deferred[None]] = []
        self._over = False

    def startFactory(self) -> None:
        """Start without Twisted's access log, which would write down query strings."""

    def stopFactory(self) -> None:
        """Stop the caller look-ups; there is no access log to close."""
        if self._callers is not None:
            self._callers.close()

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Make the channel of a new connection, or none if there are far too many."""
        # Beyond the grace not even a 503 is written: it would cost the descriptor that the limit is there to save.
        # A connection that is accepted while exchanges are let end has one request, too (see `LastRequest`).
        if self._over or len(self._all_channels) >= self.limits.connections + GRACE:
            return None
        return RelayChannel(self)

    # -- called by channels --------------------------------------------------------------------------------------

    def now(self) -> tuple[float, float]:
        """Return the time in seconds since the epoch, and on the monotonic clock."""
        return self.wall(), self.clock()

    def later(self, seconds: float, call: Callable[[], None]) -> Any:
        """Call something later; return the timer."""
        return self._turns.callLater(seconds, call)

    def guard_for(self, address: Any) -> PortGuard:
        """Return the guard of a listening address."""
        key = getattr(address, "host", ""), getattr(address, "port", None)
        guard = self._guards.get(key)
        if guard is None:
            guard = self._guards[key] = PortGuard(self._allowed, self._origin, *key, self._rules)
        return guard

    def admit(self, channel: RelayChannel) -> None:
        """Refuse the first request of a connection beyond the limit, or of one that we made ourselves."""
        if channel in self._surplus:
            raise Refusal(503, "too_many_connections", "Too many connections are open; please try again.")
        wire: Any = channel.transport
        if self.resource.is_own(wire.getPeer(), wire.getHost()):
            raise Refusal(
                508, "loop_refused", "The request comes from this very proxy: an upstream leads back to it."
            )

    def authorize(self, head: ParsedRequestHead, target: bytes) -> None:
        """Refuse unknown callers, where callers have to be known."""
        self.resource.authorize(head, target)

    def refuse_loop(self, channel: RelayChannel, head: ParsedRequestHead, target: bytes) -> Signature | None:
        """Refuse a request that comes back to us through another program, if its upstream is on this machine.

        :return: what to pass to `forget_loop_signature` when the exchange has ended, None if that is not necessary.
        """
        if self._loops is None or not self.resource.may_loop(target):
            return None
        # What survives a round through a proxy that renames fields: method, length, and the size of the forwarded
        # header.
        signature = head.method, head.length, len(head.forward(b""))
        if self._loops.is_loop(signature, lambda: channel.owner):
            raise Refusal(508, "loop_refused", "The request has come back here: an upstream leads to this proxy.")
        self._loops.begin(signature)
        return signature

    def forget_loop_signature(self, signature: Signature) -> None:
        """Forget a request whose exchange has ended, see `refuse_loop`."""
        if self._loops is not None:
            self._loops.end(signature)

    def admit_to_proxy(self, channel: RelayChannel, head: ParsedRequestHead) -> None:
        """Refuse a request for another host from a client that may not use us as a forward proxy."""
        wire: Any = channel.transport
        self._admission.check(wire.getHost(), lambda: channel.owner, head)

    def opened(self, channel: RelayChannel) -> None:
        """Count an accepted client connection."""
        self._channels.add(channel)
        self._all_channels.add(channel)
        if self._callers is not None and channel.ends is not None and is_local(channel.ends):
            # Looked up early: a short-lived client may be gone when its first request is read.
            self._callers.ask(channel.ends, channel.set_caller)
        if len(self._all_channels) > self.limits.connections:
            self._surplus.add(channel)

    def closed(self, channel: RelayChannel) -> None:
        """Stop counting a connection."""
        self._channels.discard(channel)
        self._all_channels.discard(channel)
        self._surplus.discard(channel)

    def exchange_started(self) -> None:
        """Count an exchange that has started."""
        self.in_flight += 1

    def exchange_ended(self) -> None:
        """Stop counting an exchange; after the last one, fire what waits for that, in a later turn: its end is yet to
        be reported.
        """
        self.in_flight -= 1
        if not self.in_flight and self._drained:
            # What waits goes on to close capture, and the exchange that has just ended reports its end to capture in
            # this turn.
            self._turns.callLater(0, self._tell_drained)

    def _tell_drained(self) -> None:
        # An intercepted connection begins where its CONNECT has ended.
        if self.in_flight:
            return
        self._over = True
        waiting, self._drained = self._drained, []
        for deferred in waiting:
            deferred.callback(None)

    def refused(
        self,
        channel: RelayChannel,
        refusal: Refusal,
        answer: LocalResponse,
        block: bytes,
        head: ParsedRequestHead | None,
    ) -> None:
        """Record a request that is not relayed."""
        started_at, began = channel.arrived
        at = int((self.clock() - began) * 1e6)
        self._recorder.report(refusal, answer, block, head, channel.peer_text, started_at, at)

    # -- shutdown ------------------------------------------------------------------------------------------------

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._channels)

    def drain(self) -> Deferred[None]:
        """Close every connection after its current exchange, or after a last one that may be on its way.

        :return: fires when no exchange is in progress.
        """
        self.draining = True
        for channel in tuple(self._channels):
            channel.drain()
        done: Deferred[None] = Deferred()
        if self.in_flight:
            self._drained.append(done)
        else:
            self._over = True
            done.callback(None)
        return done

    def cut(self, patience: float = 0.0) -> None:
        """End every exchange now; their records say ``shutdown``.

        :param patience: seconds that slow clients get to read what is already written for them.
        """
        self.draining = self._over = True
        for channel in tuple(self._channels):
            channel.cut(patience)
