"""The forward proxy's resource: tunnels, intercepted connections, and requests in absolute-form."""

from __future__ import annotations

from typing import Any

from twisted.web.server import NOT_DONE_YET

from ccsproxy.exchange.relayed import RequestHead
from ccsproxy.proxy.capture_guard import GuardedCapture
from ccsproxy.proxy.forward.blind_capture import BlindCapture
from ccsproxy.proxy.forward.connect import InterceptedConnect
from ccsproxy.proxy.forward.interception import Interception
from ccsproxy.proxy.forward.leaves import LeafContexts
from ccsproxy.proxy.forward.upstreams import UpstreamsByHost
from ccsproxy.proxy.resource import RelayRoutes, Route
from ccsproxy.proxy.server.access.guard import ServerRules, TransparentGuard
from ccsproxy.proxy.server.channel import RelayChannel
from ccsproxy.proxy.server.request import RelayRequest
from ccsproxy.proxy.server.site import RelaySite
from ccsproxy.proxy.switched import TunnelRelay
from ccsproxy.wire.target import parse_authority, split_target


class InterceptedResource:
    """Routes the requests of one intercepted connection, all to its host."""

    def __init__(self, relays: RelayRoutes, route: Route) -> None:
        self._relays = relays
        self._route = route

    def render(self, request: RelayRequest) -> int:
        """Start relaying a request."""
        self._relays.relay(request, self._route, request.target)
        return NOT_DONE_YET

    def is_own(self, peer: Any, host: Any) -> bool:
        """Return false: the connection was checked when it was accepted."""
        return False


class ForwardResource:
    """Handles requests for other hosts.

    :param interception: whose TLS is intercepted, and whose exchanges are recorded.
    :param upstreams: the routes to hosts.
    :param tunnels: the routes to hosts that are tunnelled to.
    :param leaves: the certificates of intercepted hosts.
    :param rules: what is served through intercepted connections.
    :ivar site: the site that accepted the connections; set after it has been made.
    """

    site: RelaySite

    def __init__(
        self,
        relays: RelayRoutes,
        interception: Interception,
        upstreams: UpstreamsByHost,
        tunnels: UpstreamsByHost,
        leaves: LeafContexts,
        rules: ServerRules,
        reactor: Any,
    ) -> None:
        self._relays = relays
        self._interception = interception
        self._upstreams = upstreams
        self._tunnels = tunnels
        self._leaves = leaves
        self._guard = TransparentGuard(rules)
        self._reactor = reactor
        self._blind = GuardedCapture(BlindCapture(relays.capture))

    def render(self, request: RelayRequest) -> int:
        """Start relaying a request; its target has been checked to be in one of the two forms."""
        if request.head.method == b"CONNECT":
            name, port = parse_authority(request.target)
            host = name.decode().rstrip(".")
            if self._interception.includes(host, port or 443):
                self._intercept(request, host, port or 443)
            else:
                self._tunnel(request, host, port or 443)
        else:
            self._relay(request)
        return NOT_DONE_YET

    def is_own(self, peer: Any, host: Any) -> bool:
        """Tell whether an accepted connection is one of our own to another host: its requests are a loop."""
        return self._upstreams.is_own(peer, host) or self._tunnels.is_own(peer, host)

    def _relay(self, request: RelayRequest) -> None:
        """Relay a request in absolute-form; content is recorded only for known hosts."""
        authority, target = split_target(request.target)
        scheme = request.target.partition(b":")[0].lower().decode()
        name, port = parse_authority(authority)
        host, number = name.decode().rstrip("."), port or (443 if scheme == "https" else 80)
        route = self._upstreams.route(scheme, host, number)
        known = self._interception.includes(host, number if port else 443)
        self._relays.relay(request, route, target, None if known else self._blind)

    def _tunnel(self, request: RelayRequest, host: str, port: int) -> None:
        route = self._tunnels.route("https", host, port)
        relay = TunnelRelay(request, self._relays.clock, self._relays.stalls)
        relay.start(route.client, request.target, b"", self._blind, self._describe(request, route))

    def _intercept(self, request: RelayRequest, host: str, port: int) -> None:
        route = self._upstreams.route("https", host, port)
        head = self._describe(request, route)
        relays, site = self._relays, self.site

        def inner() -> RelayChannel:
            return RelayChannel(site, self._guard, InterceptedResource(relays, route))

        connect = InterceptedConnect(request, head, relays.capture, relays.clock, self._reactor)
        connect.start(route.client, self._leaves, host, inner)

    def _describe(self, request: RelayRequest, route: Route) -> RequestHead:
        return self._relays.describe(request, route, request.target, "tunnel")
