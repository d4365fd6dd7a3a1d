"""The site: the connections of all clients of one listener, what they share, and how they come to an end."""

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

#: So many connections beyond the cap are answered with 503; further ones are closed at once.
GRACE = 32


class RelaySite(Site):
    """A site whose connections are `RelayChannel`.

    :param reactor: for timers.
    :param clock: monotonic seconds.
    :param wall: seconds since the epoch.
    :param allowed: further values of ``Host`` that are ours.
    :param origin: the web origin that may call, if any.
    :param is_gone: see `ccsproxy.proxy.server.peers.PeerWatch`.
    :param write_batch: the reactor's turn, at whose end answers are sent.
    :param rules: what is served beside plain requests.
    :param callers: finds out which programs call; None for nobody.
    :param admission: who may use the port as a proxy for other hosts.
    :param everybody: the connections of all sites of this process, which share one limit.
    :param loops: notices requests that come back; without it only direct loops are noticed.
    :ivar in_flight: how many exchanges are under way.
    :ivar draining: no further request is accepted.
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
        everybody: set[RelayChannel] | None = None,
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
        self._everybody: set[RelayChannel] = set() if everybody is None else everybody
        self._surplus: set[RelayChannel] = set()
        self._drained: list[Deferred[None]] = []

    def startFactory(self) -> None:
        """Begin without Twisted's access log, which would write down query strings."""

    def stopFactory(self) -> None:
        """End; there is no log to close."""
        if self._callers is not None:
            self._callers.close()

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Make the channel of a new connection, or none where there are far too many."""
        # Beyond the grace not even a 503 is written: it would cost the descriptor that the limit is there to save.
        if self.draining or len(self._everybody) >= self.limits.connections + GRACE:
            return None
        return RelayChannel(self)

    # -- what channels ask and tell ------------------------------------------------------------------------------

    def now(self) -> tuple[float, float]:
        """Return the time in seconds since the epoch, and on the monotonic clock."""
        return self.wall(), self.clock()

    def guard_for(self, address: Any) -> PortGuard:
        """Return the guard of a listening address."""
        key = getattr(address, "host", ""), getattr(address, "port", None)
        guard = self._guards.get(key)
        if guard is None:
            guard = self._guards[key] = PortGuard(self._allowed, self._origin, *key, self._rules)
        return guard

    def admit(self, channel: RelayChannel) -> None:
        """Refuse the first request of a connection that is one too many, or that comes from ourselves."""
        if channel in self._surplus:
            raise Refusal(503, "too_many_connections", "Too many connections are open; please try again.")
        wire: Any = channel.transport
        if self.resource.is_own(wire.getPeer(), wire.getHost()):
            raise Refusal(
                508, "loop_refused", "The request comes from this very proxy: an upstream leads back to it."
            )

    def authorize(self, head: ParsedRequestHead, target: bytes) -> None:
        """Refuse who is not known, where callers have to be."""
        self.resource.authorize(head, target)

    def refuse_loop(self, channel: RelayChannel, head: ParsedRequestHead, target: bytes) -> Signature | None:
        """Refuse a request that comes back to us through another program, on a way that leads to this machine.

        :return: what to call `no_loop` with when its exchange is over, None when that need not be.
        """
        if self._loops is None or not self.resource.may_loop(target):
            return None
        # What survives a round through a proxy that changes names: method, length, and the size of what goes on.
        signature = head.method, head.length, len(head.forward(b""))
        if self._loops.is_loop(signature, lambda: channel.owner):
            raise Refusal(508, "loop_refused", "The request has come back here: an upstream leads to this proxy.")
        self._loops.begin(signature)
        return signature

    def no_loop(self, signature: Signature) -> None:
        """Forget a request whose exchange is over, see `refuse_loop`."""
        if self._loops is not None:
            self._loops.end(signature)

    def admit_to_proxy(self, channel: RelayChannel, head: ParsedRequestHead) -> None:
        """Refuse a request for another host from whom we are not the proxy of."""
        wire: Any = channel.transport
        self._admission.check(wire.getHost(), lambda: channel.owner, head)

    def opened(self, channel: RelayChannel) -> None:
        """Count a client's connection that was accepted."""
        self._channels.add(channel)
        self._everybody.add(channel)
        if self._callers is not None and channel.ends is not None and is_local(channel.ends):
            # Asked while the connection is young: a short-lived client may be gone when its first request is read.
            self._callers.ask(channel.ends, channel.called_by)
        if len(self._everybody) > self.limits.connections:
            self._surplus.add(channel)

    def closed(self, channel: RelayChannel) -> None:
        """Count a connection no more."""
        self._channels.discard(channel)
        self._everybody.discard(channel)
        self._surplus.discard(channel)

    def under_way(self) -> None:
        """Count an exchange that has begun."""
        self.in_flight += 1

    def over(self) -> None:
        """Count an exchange no more; tell who waits for the last one, in a later turn: its end is yet to be told."""
        self.in_flight -= 1
        if not self.in_flight and self._drained:
            # Whoever waits goes on to close capture; the exchange that ended just now tells capture of it in this
            # turn.
            self._turns.callLater(0, self._tell_drained)

    def _tell_drained(self) -> None:
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
        """Report a request that is not relayed."""
        started_at, began = channel.arrived
        at = int((self.clock() - began) * 1e6)
        self._recorder.report(refusal, answer, block, head, channel.peer_text, started_at, at)

    # -- the end -------------------------------------------------------------------------------------------------

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._channels)

    def drain(self) -> Deferred[None]:
        """Accept no further request, and close every connection when its exchange is over.

        :return: fires when no exchange is under way.
        """
        self.draining = True
        for channel in tuple(self._channels):
            channel.drain()
        done: Deferred[None] = Deferred()
        if self.in_flight:
            self._drained.append(done)
        else:
            done.callback(None)
        return done

    def cut(self, patience: float = 0.0) -> None:
        """End every exchange now; their records say ``shutdown``.

        :param patience: for so many seconds clients that lag may take what there is for them.
        """
        self.draining = True
        for channel in tuple(self._channels):
            channel.cut(patience)
