"""Clients for hosts named only by requests: made on demand, least recently used ones dropped."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from ccsproxy.config.model import Upstream
from ccsproxy.providers.registry import upstream_name, upstream_provider
from ccsproxy.proxy.interfaces import ITransparentClient
from ccsproxy.proxy.resource import Route, route_to
from ccsproxy.proxy.upstream.pool import RelayPool

#: Maximum number of cached clients.
_MOST = 256

#: Makes the client of an upstream, and the pool to close afterwards.
MakeClient = Callable[[Upstream], tuple[ITransparentClient, RelayPool]]


class UpstreamsByHost:
    """The routes to hosts, by scheme, host and port.

    Configured upstreams share theirs, so that a host has one name and one set of connections however it is reached.

    :param make: makes a client.
    :param configured: the configured upstreams with their clients.
    """

    def __init__(self, make: MakeClient, configured: Iterable[tuple[Upstream, ITransparentClient]] = ()) -> None:
        self._make = make
        self._configured = {(one.scheme, one.host, one.port): (one, client) for one, client in configured}
        self._made: OrderedDict[tuple[str, str, int], tuple[Route, RelayPool]] = OrderedDict()

    def route(self, scheme: str, host: str, port: int) -> Route:
        """Return the route to a host; requests on it carry their own ``Host``."""
        key = scheme, host.rstrip("."), port
        if key in self._configured:
            return _as_named(*self._configured[key])
        if key not in self._made:
            self._add(key)
        self._made.move_to_end(key)
        return self._made[key][0]

    def _add(self, key: tuple[str, str, int]) -> None:
        scheme, host, port = key
        upstream = Upstream(upstream_name(host, port), scheme, host, port, provider=upstream_provider(host, port))
        client, pool = self._make(upstream)
        self._made[key] = _as_named(upstream, client), pool
        if len(self._made) > _MOST:
            _, (_, oldest) = self._made.popitem(last=False)
            # Only idle connections are closed: exchanges on the others hold what they need, and end by themselves.
            oldest.closeCachedConnections()

    def is_own(self, peer: Any, host: Any) -> bool:
        """Tell whether an accepted connection is one of our own to one of the hosts."""
        return any(pool.is_own(peer, host) for _, pool in self._made.values())


def _as_named(upstream: Upstream, client: ITransparentClient) -> Route:
    """Return the route that leaves requests as they are: with their own ``Host``, and without a base path."""
    route = route_to(upstream, client)
    return Route(route.name, route.provider, None, b"", client, f"{upstream.scheme}://{upstream.authority}")
