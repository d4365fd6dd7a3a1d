"""Where a request goes: the resource that picks the upstream, hands the head on and leaves the rest to the relay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attr
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from ccsproxy.config.model import Upstream
from ccsproxy.exchange.ids import IdSource
from ccsproxy.exchange.relayed import RequestHead
from ccsproxy.proxy.capture_guard import GuardedCapture
from ccsproxy.proxy.interfaces import ITransparentClient, Seconds
from ccsproxy.proxy.relay import Relay
from ccsproxy.proxy.server.request import RelayRequest
from ccsproxy.wire.target import route, with_base_path


@attr.frozen
class Route:
    """The way to one upstream.

    :ivar authority: the value of ``Host``.
    :ivar url: scheme, authority and base path, as records name them.
    """

    name: str
    provider: str
    authority: bytes
    base_path: bytes
    client: ITransparentClient
    url: str = ""


def way_to(upstream: Upstream, client: ITransparentClient) -> Route:
    """Return the way to a configured upstream."""
    authority, base_path = upstream.authority.encode(), upstream.base_path.encode()
    return Route(upstream.name, upstream.provider, authority, base_path, client, upstream.url)


@implementer(IResource)
class ProxyResource(Resource):
    """Relays every request to one of the upstreams.

    :param ways: the ways by the name that selects them as first path segment.
    :param default: the way of every other path.
    :param clock: monotonic seconds.
    """

    isLeaf = True

    def __init__(
        self, ways: Mapping[str, Route], default: Route, capture: GuardedCapture, ids: IdSource, clock: Seconds
    ) -> None:
        super().__init__()
        self._ways = {name.encode(): way for name, way in ways.items()}
        self._default = default
        self._capture = capture
        self._ids = ids
        self._clock = clock

    def render(self, request: RelayRequest) -> int:
        """Send a request on its way."""
        head = request.head
        name, target = route(request.target, self._ways)
        way = self._ways[name] if name else self._default
        target = with_base_path(way.base_path, target)
        exchange_id = self._ids.new_id()
        announced = RequestHead(
            exchange_id,
            request.started_at,
            way.name,
            way.provider,
            head.method,
            head.target,
            target,
            head.version,
            head.lines,
            request.peer,
            upstream_url=way.url,
            connection=request.connection_id(exchange_id),
            ends=request.ends,
        )
        lines = head.forward(way.authority)
        Relay(request, self._clock).start(way.client, target, lines, self._capture, announced)
        return NOT_DONE_YET

    def is_own(self, peer: Any, host: Any) -> bool:
        """Tell whether an accepted connection is our own to an upstream: its requests are a loop."""
        return any(way.client.is_own(peer, host) for way in (self._default, *self._ways.values()))
