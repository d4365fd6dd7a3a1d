"""Exchanges that are not HTTP after their head: WebSockets and tunnels, which last until one side closes."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from ccsproxy.exchange.outcome import Outcome
from ccsproxy.proxy.interfaces import IRelayResponse, ITransparentClient, Seconds
from ccsproxy.proxy.relay import Relay
from ccsproxy.proxy.server.request import RelayRequest


class SwitchedRelay(Relay):
    """An exchange that may last as long as its client; while it is idle it does not delay the shutdown of the proxy.

    :cvar quiet: seconds without a byte from the upstream after which it is considered idle.
    """

    __slots__ = ("_client_sent_at",)

    quiet = 2.0

    def __init__(self, request: RelayRequest, clock: Seconds, stalls: Seconds = lambda: 0.0) -> None:
        super().__init__(request, clock, stalls)
        self._client_sent_at = clock()

    def body_received(self, data: bytes) -> None:
        """Pass on a piece, and note the time."""
        self._client_sent_at = self._clock()
        super().body_received(data)

    def drain(self) -> None:
        """End now if neither side is waiting for data; otherwise keep going until the drain ends."""
        tee = self._tee
        if tee is None:
            return
        upstream_sent_at = tee.last_byte or 0.0
        # A WebSocket that an agent keeps open for its next turn would otherwise delay the drain to its limit. If the
        # client sent last, a response is outstanding, however long the model thinks.
        if upstream_sent_at >= self._client_sent_at and self._clock() - upstream_sent_at >= self.quiet:
            self.cut()


class UpgradeRelay(SwitchedRelay):
    """An exchange whose sides may switch protocols after the head: a WebSocket."""

    __slots__ = ()

    #: Models pause for some seconds within a response, too.
    quiet = 10.0

    def _send_request(
        self, client: ITransparentClient, request: RelayRequest, target: bytes, lines: bytes
    ) -> Deferred[IRelayResponse]:
        return client.upgrade(target, lines, self._marks)

    def drain(self) -> None:
        """End an idle WebSocket; if the upstream has not switched protocols, it is an ordinary HTTP exchange."""
        if self._tee is not None and self._tee.response.code == 101:
            super().drain()


class TunnelRelay(SwitchedRelay):
    """A tunnel: only its connection, byte counts and times are known.

    :cvar idle: seconds without a byte in either direction after which it is closed.
    """

    __slots__ = ()

    idle = 3600.0

    def _send_request(
        self, client: ITransparentClient, request: RelayRequest, target: bytes, lines: bytes
    ) -> Deferred[IRelayResponse]:
        return client.tunnel(self.idle, self._marks)

    def client_gone(self, unsent: int) -> None:
        """End as complete if the client has received everything: most tunnels end so, with or without FIN."""
        # Clients of a tunnel end TLS in their own way, often by just leaving: if nothing was in transit, nothing was
        # lost.
        if self._verdict is None and self._tee is not None and not unsent:
            self._verdict = (Outcome.COMPLETE, "", "")
            self._tee.whole = True
            if self._body is not None:
                self._body.whole = True
            self._stop_upstream()
            self._end(unsent)
        else:
            super().client_gone(unsent)
