"""Exchanges that are no HTTP after their head: WebSockets and tunnels, which end when one side says so."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from ccsproxy.exchange.outcome import Outcome
from ccsproxy.proxy.interfaces import IRelayResponse, ITransparentClient, Seconds
from ccsproxy.proxy.relay import Relay
from ccsproxy.proxy.server.request import RelayRequest


class SwitchedRelay(Relay):
    """An exchange that may last as long as its client; while it is quiet it does not hold up the end of the proxy.

    :cvar quiet: seconds without a byte from the upstream after which it is in the middle of nothing.
    """

    __slots__ = ("_heard_at",)

    quiet = 2.0

    def __init__(self, request: RelayRequest, clock: Seconds, stalls: Seconds = lambda: 0.0) -> None:
        super().__init__(request, clock, stalls)
        self._heard_at = clock()

    def body_received(self, data: bytes) -> None:
        """Pass a piece on, and remember when."""
        self._heard_at = self._clock()
        super().body_received(data)

    def drain(self) -> None:
        """End now if nobody waits for anything; else with the last of what the proxy waits for."""
        tee = self._tee
        if tee is None:
            return
        said = tee.last_byte or 0.0
        # A WebSocket that an agent keeps open for its next turn would otherwise hold the drain up to its end. Where
        # the client has spoken last it is owed an answer, however long the model thinks.
        if said >= self._heard_at and self._clock() - said >= self.quiet:
            self.cut()


class UpgradeRelay(SwitchedRelay):
    """An exchange after whose head the two sides may change to another protocol: a WebSocket."""

    __slots__ = ()

    #: Models are silent for some seconds within an answer, too.
    quiet = 10.0

    def _ask(
        self, client: ITransparentClient, request: RelayRequest, target: bytes, lines: bytes
    ) -> Deferred[IRelayResponse]:
        return client.upgrade(target, lines, self._marks)

    def drain(self) -> None:
        """End a quiet WebSocket; what the upstream has not changed the protocol for is an exchange of HTTP."""
        if self._tee is not None and self._tee.response.code == 101:
            super().drain()


class TunnelRelay(SwitchedRelay):
    """A tunnel: nothing but connections, bytes and times is known of it.

    :cvar idle: seconds without a byte in either direction after which it is given up.
    """

    __slots__ = ()

    idle = 3600.0

    def _ask(
        self, client: ITransparentClient, request: RelayRequest, target: bytes, lines: bytes
    ) -> Deferred[IRelayResponse]:
        return client.tunnel(self.idle, self._marks)

    def client_gone(self, unsent: int) -> None:
        """End well where the client has taken all that came for it: with or without FIN, most tunnels end so."""
        # Clients of a tunnel end TLS in their own way, often by leaving: without bytes in the way nobody lost
        # anything.
        if self._verdict is None and self._tee is not None and not unsent:
            self._verdict = (Outcome.COMPLETE, "", "")
            self._tee.whole = True
            if self._body is not None:
                self._body.whole = True
            self._stop_upstream()
            self._end(unsent)
        else:
            super().client_gone(unsent)
