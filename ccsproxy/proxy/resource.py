"""Routing: the resource that selects the upstream of a request and starts its relay."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

import attr
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from ccsproxy.config.model import Upstream
from ccsproxy.exchange.ids import IdSource
from ccsproxy.exchange.relayed import RequestHead
from ccsproxy.proxy.capture_guard import GuardedCapture
from ccsproxy.proxy.gateway.team_key import TeamKey
from ccsproxy.proxy.interfaces import ITransparentClient, Seconds
from ccsproxy.proxy.relay import Relay
from ccsproxy.proxy.server.access.client_keys import ClientKeys
from ccsproxy.proxy.server.access.cross_origin import PreflightClient, is_preflight
from ccsproxy.proxy.server.parsing.request_head import ParsedRequestHead
from ccsproxy.proxy.server.request import RelayRequest
from ccsproxy.proxy.server.seams import Renderer
from ccsproxy.proxy.switched import UpgradeRelay
from ccsproxy.wire.target import route, with_base_path

#: An API version at the end of a base path.
_VERSION = re.compile(rb"/v[0-9]+(?:alpha|beta)?[0-9]*\Z")
#: Suffixes of names that only this machine or its own network can resolve.
_NOT_PUBLIC = frozenset(["localhost", "local", "lan", "internal", "home", "test", "arpa"])


@attr.frozen
class Route:
    """The route to one upstream.

    :ivar authority: the value of ``Host``; None if requests name their upstream themselves.
    :ivar url: scheme, authority and base path, as in records.
    :ivar may_be_local: the upstream may be on this machine.
    :ivar doubled_prefix: prefix of a target that contains the API version twice, from the base path and from the
    client.
    :ivar key: replaces the client's key by the team's own; None to forward the client's.
    """

    name: str
    provider: str
    authority: bytes | None
    base_path: bytes
    client: ITransparentClient
    url: str = ""
    may_be_local: bool = False
    doubled_prefix: bytes = b""
    key: TeamKey | None = None


def route_to(upstream: Upstream, client: ITransparentClient, key: TeamKey | None = None) -> Route:
    """Return the route to a configured upstream.

    :param key: the team's own key for it.
    """
    authority, base_path = upstream.authority.encode(), upstream.base_path.encode()
    version = _VERSION.search(base_path)
    doubled = b"%b%b/" % (base_path, version[0]) if version else b""
    local = may_be_local(upstream.host)
    return Route(upstream.name, upstream.provider, authority, base_path, client, upstream.url, local, doubled, key)


def doubled_version_hint(beginning: bytes) -> str:
    """Return the probable cause of a 404 for a target with this prefix."""
    doubled, base = beginning.decode().rstrip("/"), beginning.decode().rstrip("/").rpartition("/")[0]
    return (
        f"The path begins with {doubled}: the client adds the version that --upstream already contains; "
        f"remove {base.rpartition('/')[2]} from --upstream."
    )


def may_be_local(host: str) -> bool:
    """Tell whether a host may be this machine: an address that is not public, or a name that no public host has."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.rpartition(".")[2] in _NOT_PUBLIC


@attr.frozen
class RelayRoutes:
    """Relays requests over known routes.

    :ivar capture: captures every exchange.
    :ivar clock: monotonic seconds.
    :ivar stalls: see `ccsproxy.proxy.relay.Relay`.
    :ivar respond: makes a response without a body, see `PreflightClient`; None if no web page may call.
    """

    capture: GuardedCapture
    ids: IdSource
    clock: Seconds
    stalls: Seconds = lambda: 0.0
    respond: Callable[[int, bytes, bytes], Any] | None = None

    def describe(self, request: RelayRequest, route: Route, target: bytes, transport: str) -> RequestHead:
        """Describe a request for capture.

        :param target: the forwarded target.
        :param transport: see `RequestHead`.
        """
        head = request.head
        exchange_id = self.ids.new_id()
        return RequestHead(
            exchange_id,
            request.started_at,
            route.name,
            route.provider,
            head.method,
            head.target,
            target,
            head.version,
            head.lines,
            request.peer,
            transport,
            route.url,
            request.connection_id(exchange_id),
            request.owner,
            request.ends,
            request.began,
            head.person,
        )

    def relay(
        self, request: RelayRequest, route: Route, target: bytes, capture: GuardedCapture | None = None
    ) -> None:
        """Start relaying a request.

        :param target: in origin-form, with the upstream's base path.
        :param capture: captures it, if not the default one.
        """
        head = request.head
        relay: Relay
        if head.upgrades:
            lines, relay, transport = (
                head.handshake(route.authority),
                UpgradeRelay(request, self.clock, self.stalls),
                "websocket",
            )
        else:
            lines, relay, transport = head.forward(route.authority), Relay(request, self.clock, self.stalls), "http"
        description = self.describe(request, route, target, transport)
        if route.key is not None:
            # After capture got its description: the record shows, redacted, what the client sent, and never this key.
            lines, target = route.key.put(lines, target)
        if route.doubled_prefix and target.startswith(route.doubled_prefix):
            relay.hint = doubled_version_hint(route.doubled_prefix)
        relay.start(route.client, target, lines, capture or self.capture, description)


@implementer(IResource)
class ProxyResource(Resource):
    """Routes every request to one of the upstreams.

    :param routes: the routes by the first path segment that selects them.
    :param default: the route of every other path; None if there is no upstream, and no such request arrives.
    :param relays: relays requests.
    :param forward: handles requests for other hosts.
    :param client_keys: who may call; None for everybody.
    """

    isLeaf = True

    def __init__(
        self,
        routes: Mapping[str, Route],
        default: Route | None,
        relays: RelayRoutes,
        forward: Renderer | None = None,
        client_keys: ClientKeys | None = None,
    ) -> None:
        super().__init__()
        self._routes = {name.encode(): route for name, route in routes.items()}
        self._default = default
        self._local = [route for route in self._routes.values() if route.may_be_local]
        self._relays = relays
        self._forward = forward
        self._client_keys = client_keys

    def authorize(self, head: ParsedRequestHead, target: bytes) -> None:
        """Refuse unknown callers, where callers have to be known; set the caller in the head.

        :param target: in origin-form.
        :raises Refusal: with 401.
        """
        if self._client_keys is None or is_preflight(head):
            return
        name, _ = route(target, self._routes)
        chosen = self._routes[name] if name else self._default
        head.person = self._client_keys.person(head, chosen.provider if chosen is not None else "")

    def render(self, request: RelayRequest) -> int:
        """Start relaying a request."""
        # The guard accepts absolute-form and CONNECT only for other hosts than ourselves.
        if self._forward is not None and not request.target.startswith(b"/"):
            return self._forward.render(request)
        name, target = route(request.target, self._routes)
        chosen = self._routes[name] if name else self._default
        if chosen is None:
            raise LookupError("a request without an upstream has passed the guard")
        # A preflight is addressed to us, not to the API: no upstream would know our origin.
        if is_preflight(request.head) and self._relays.respond is not None:
            chosen = attr.evolve(chosen, client=PreflightClient(request.head, self._relays.respond))
        self._relays.relay(request, chosen, with_base_path(chosen.base_path, target))
        return NOT_DONE_YET

    def may_loop(self, target: bytes) -> bool:
        """Tell whether the upstream of a request may be on this machine or its network, so that requests may come
        back.

        :param target: in origin-form.
        """
        # Detecting loops costs some milliseconds. An upstream with a public address cannot be a program on this
        # machine.
        if not self._local:
            return False
        name, _ = route(target, self._routes)
        return (self._routes[name] if name else self._default) in self._local

    def is_own(self, peer: Any, host: Any) -> bool:
        """Tell whether an accepted connection is one of our own upstream connections: its requests are a loop."""
        return any(route.client.is_own(peer, host) for route in self._routes.values()) or (
            self._forward is not None and self._forward.is_own(peer, host)
        )
