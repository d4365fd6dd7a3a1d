"""Building the client of an upstream: its endpoint, its TLS trust, and its connection pool."""

from typing import Any

from twisted.internet.interfaces import IStreamClientEndpoint

from ccsproxy.config.model import Config, Upstream
from ccsproxy.proxy.deadlines import BatchedTimers
from ccsproxy.proxy.upstream.client import AbsoluteForm, RelayAgent, TransparentClient
from ccsproxy.proxy.upstream.endpoints.http_proxy import CorporateProxy
from ccsproxy.proxy.upstream.endpoints.socks import SocksEndpoint
from ccsproxy.proxy.upstream.endpoints.tls_endpoint import TLSEndpoint, tcp_endpoint
from ccsproxy.proxy.upstream.endpoints.tls_policy import FailClosedPolicy
from ccsproxy.proxy.upstream.endpoints.tunnel import TunnelEndpoint
from ccsproxy.proxy.upstream.link import Timeouts
from ccsproxy.proxy.upstream.pool import RelayPool
from ccsproxy.runtime.write_batch import WriteBatch


def timeouts_of(config: Config) -> Timeouts:
    """Return the time limits of the upstream side."""
    return Timeouts(config.connect_timeout, config.first_byte_timeout, config.idle_timeout)


def endpoint_for(
    upstream: Upstream, reactor: Any, proxy: CorporateProxy | None, policy: FailClosedPolicy
) -> IStreamClientEndpoint:
    """Return the endpoint that reaches an upstream, below TLS.

    :param proxy: the corporate proxy to use.
    :param policy: whom to trust, if the proxy itself uses TLS.
    """
    if proxy is None:
        return tcp_endpoint(reactor, upstream.host, upstream.port)
    endpoint = tcp_endpoint(reactor, proxy.host, proxy.port)
    if proxy.is_socks:
        return SocksEndpoint(endpoint, upstream.host, upstream.port, proxy.login)
    if proxy.scheme == "https":
        creator = policy.without_certificate().creatorForNetloc(proxy.host.encode("idna"), proxy.port)
        endpoint = TLSEndpoint(reactor, endpoint, creator)
    if upstream.scheme == "http":
        return endpoint
    return TunnelEndpoint(endpoint, upstream.host, upstream.port, proxy.authorization)


def absolute_form(upstream: Upstream, proxy: CorporateProxy | None) -> AbsoluteForm | None:
    """Return how requests are sent to a proxy that forwards them without a tunnel; None if it does not."""
    if proxy is None or proxy.is_socks or upstream.scheme != "http":
        return None
    return AbsoluteForm(b"http://" + upstream.authority.encode(), proxy.authorization)


def client_for(
    upstream: Upstream,
    reactor: Any,
    timers: BatchedTimers,
    timeouts: Timeouts,
    policy: FailClosedPolicy,
    proxy: CorporateProxy | None = None,
    write_batch: WriteBatch | None = None,
) -> tuple[TransparentClient, RelayPool]:
    """Make the client of an upstream, and the pool to close when the program ends.

    :param policy: whom to trust; used for https upstreams only.
    :param write_batch: see `RelayPool`.
    :param proxy: the corporate proxy to use (see `ccsproxy.proxy.upstream.endpoints.http_proxy.proxy_for`).
    """
    endpoint = endpoint_for(upstream, reactor, proxy, policy)
    if upstream.scheme == "https":
        creator = policy.creatorForNetloc(upstream.host.encode("idna"), upstream.port)
        endpoint = TLSEndpoint(reactor, endpoint, creator)
    pool = RelayPool(reactor, timers, timeouts, write_batch=write_batch)
    return TransparentClient(RelayAgent(pool, endpoint, absolute_form(upstream, proxy), upstream.url.encode())), pool
