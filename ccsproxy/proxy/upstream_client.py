"""Putting the client of one upstream together."""

from __future__ import annotations

from typing import Any

from ccsproxy.config.model import Upstream
from ccsproxy.proxy.deadlines import BatchedTimers
from ccsproxy.proxy.timeouts import Timeouts
from ccsproxy.proxy.upstream.client import RelayAgent, TransparentClient
from ccsproxy.proxy.upstream.endpoints import TLSEndpoint, tcp_endpoint
from ccsproxy.proxy.upstream.http_proxy import CorporateProxy
from ccsproxy.proxy.upstream.pool import RelayPool
from ccsproxy.proxy.upstream.tls import FailClosedPolicy
from ccsproxy.proxy.upstream.tunnel import TunnelEndpoint
from ccsproxy.runtime.write_batch import Turn


def client_for(
    upstream: Upstream,
    reactor: Any,
    timers: BatchedTimers,
    timeouts: Timeouts,
    policy: FailClosedPolicy,
    proxy: CorporateProxy | None = None,
    turn: Turn | None = None,
) -> tuple[TransparentClient, RelayPool]:
    """Make the client of an upstream, and the pool to close when the program ends.

    :param policy: whom to trust; asked for https upstreams only.
    :param turn: see `RelayPool`.
    :param proxy: the way through a corporate proxy (see `ccsproxy.proxy.upstream.http_proxy.proxy_for`).
    """
    if proxy is None:
        endpoint = tcp_endpoint(reactor, upstream.host, upstream.port)
    else:
        way = tcp_endpoint(reactor, proxy.host, proxy.port)
        endpoint = TunnelEndpoint(way, upstream.host, upstream.port, proxy.authorization)
    if upstream.scheme == "https":
        creator = policy.creatorForNetloc(upstream.host.encode("idna"), upstream.port)
        endpoint = TLSEndpoint(reactor, endpoint, creator)
    pool = RelayPool(reactor, timers, timeouts, turn=turn)
    return TransparentClient(RelayAgent(pool, endpoint)), pool
