"""The relay put together: the clients of all upstreams, and the sites that listeners serve."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any
from weakref import WeakSet

import attr
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.python.failure import Failure

from ccsproxy.config.model import Config, Upstream
from ccsproxy.errors import ConfigError
from ccsproxy.exchange.ids import IdSource
from ccsproxy.exchange.relayed import Capture
from ccsproxy.proxy.capture_guard import GuardedCapture
from ccsproxy.proxy.deadlines import BatchedTimers
from ccsproxy.proxy.forward.authority import AuthorityStore
from ccsproxy.proxy.forward.interception import Interception
from ccsproxy.proxy.forward.leaves import LeafContexts
from ccsproxy.proxy.forward.resource import ForwardResource
from ccsproxy.proxy.forward.upstreams import UpstreamsByHost
from ccsproxy.proxy.interfaces import ITransparentClient, Seconds
from ccsproxy.proxy.resource import ProxyResource, RelayRoutes, way_to
from ccsproxy.proxy.server.access.admission import ProxyAdmission, token_reader
from ccsproxy.proxy.server.access.guard import ServerRules
from ccsproxy.proxy.server.access.loops import LoopWatch
from ccsproxy.proxy.server.channel import RelayChannel
from ccsproxy.proxy.server.limits import Limits, connection_cap
from ccsproxy.proxy.server.refused import RefusedRecorder
from ccsproxy.proxy.server.site import RelaySite
from ccsproxy.proxy.upstream.client import AbsoluteForm, RelayAgent, TransparentClient
from ccsproxy.proxy.upstream.link import Timeouts
from ccsproxy.proxy.upstream.pool import RelayPool
from ccsproxy.proxy.upstream.response import empty_response
from ccsproxy.proxy.upstream.ways.endpoints import TLSEndpoint, tcp_endpoint
from ccsproxy.proxy.upstream.ways.http_proxy import CorporateProxy, ProxySettingError, is_loopback, proxy_for
from ccsproxy.proxy.upstream.ways.socks import SocksEndpoint
from ccsproxy.proxy.upstream.ways.tls import FailClosedPolicy, TLSSettingError, Trust, make_context
from ccsproxy.proxy.upstream.ways.tunnel import TunnelEndpoint
from ccsproxy.runtime.clock import StallWatch
from ccsproxy.runtime.sockets.callers import CallerFinder
from ccsproxy.runtime.write_batch import WriteBatch

#: Any host there is: whether what the environment says of proxies can be read is told at the start.
_ANY = Upstream("", "https", "api.example", 443)

#: Seconds that clients get, when the time to drain is over, to read what has arrived for them.
FAREWELL = 5.0


def timeouts_of(config: Config) -> Timeouts:
    """Return the limits in time towards upstreams."""
    return Timeouts(config.connect_timeout, config.first_byte_timeout, config.idle_timeout)


def limits_of(config: Config, limits: Limits) -> Limits:
    """Return limits with what is configured of them."""
    return attr.evolve(limits, body=config.max_request_body, connections=connection_cap(config.max_connections))


def endpoint_for(
    upstream: Upstream, reactor: Any, proxy: CorporateProxy | None, policy: FailClosedPolicy
) -> IStreamClientEndpoint:
    """Return the way to an upstream below TLS.

    :param proxy: the way through a corporate proxy.
    :param policy: whom to trust, when the proxy itself speaks TLS.
    """
    if proxy is None:
        return tcp_endpoint(reactor, upstream.host, upstream.port)
    way = tcp_endpoint(reactor, proxy.host, proxy.port)
    if proxy.is_socks:
        return SocksEndpoint(way, upstream.host, upstream.port, proxy.login)
    if proxy.scheme == "https":
        creator = policy.without_certificate().creatorForNetloc(proxy.host.encode("idna"), proxy.port)
        way = TLSEndpoint(reactor, way, creator)
    if upstream.scheme == "http":
        return way
    return TunnelEndpoint(way, upstream.host, upstream.port, proxy.authorization)


def absolute_form(upstream: Upstream, proxy: CorporateProxy | None) -> AbsoluteForm | None:
    """Return how requests for an upstream are put to a proxy that is not asked for a tunnel; None without one."""
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

    :param policy: whom to trust; asked for https upstreams only.
    :param write_batch: see `RelayPool`.
    :param proxy: the way through a corporate proxy (see `ccsproxy.proxy.upstream.ways.http_proxy.proxy_for`).
    """
    endpoint = endpoint_for(upstream, reactor, proxy, policy)
    if upstream.scheme == "https":
        creator = policy.creatorForNetloc(upstream.host.encode("idna"), upstream.port)
        endpoint = TLSEndpoint(reactor, endpoint, creator)
    pool = RelayPool(reactor, timers, timeouts, write_batch=write_batch)
    return TransparentClient(RelayAgent(pool, endpoint, absolute_form(upstream, proxy), upstream.url.encode())), pool


def relay_site(
    config: Config,
    clients: Mapping[str, tuple[Upstream, ITransparentClient]],
    capture: Capture | GuardedCapture,
    ids: IdSource,
    reactor: Any,
    timers: BatchedTimers,
    default: str = "",
    limits: Limits | None = None,
    write_batch: WriteBatch | None = None,
    forward: ForwardResource | None = None,
    admission: ProxyAdmission | None = None,
    stalls: Seconds = lambda: 0.0,
    loops: LoopWatch | None = None,
    everybody: set[RelayChannel] | None = None,
) -> RelaySite:
    """Make the site of one listener.

    :param clients: the upstreams by name, each with its client.
    :param capture: who is told of every exchange; several sites may share a `GuardedCapture` and its count.
    :param default: the name of the upstream for paths that name none; the first one when left out.
    :param limits: the limits; `Limits` with the configured body size when left out.
    :param write_batch: see `RelaySite`.
    :param forward: deals with requests for other hosts, where that is wanted.
    :param admission: see `RelaySite`.
    :param stalls: see `ccsproxy.proxy.relay.Relay`.
    :param loops: see `RelaySite`.
    :param everybody: see `RelaySite`.
    """
    guarded = capture if isinstance(capture, GuardedCapture) else GuardedCapture(capture)
    ways = {name: way_to(upstream, client) for name, (upstream, client) in clients.items()}
    first = ways[default or next(iter(ways))] if ways else None
    relays = RelayRoutes(guarded, ids, time.monotonic, stalls, empty_response)
    resource = ProxyResource(ways, first, relays, forward)
    site = RelaySite(
        resource,
        reactor,
        timers,
        RefusedRecorder(guarded, ids),
        limits_of(config, limits or Limits()),
        time.monotonic,
        time.time,
        allowed=config.allow_hosts,
        origin=config.cors_allow,
        write_batch=write_batch,
        rules=ServerRules(bool(ways), forward is not None, config.websocket),
        admission=admission,
        loops=loops,
        everybody=everybody,
        callers=CallerFinder(),
    )
    if forward is not None:
        forward.site = site
    return site


def check_upstreams(config: Config, environ: Mapping[str, str] = os.environ) -> None:
    """See whether certificates, keys and the proxies on the way can be used, without opening anything.

    :raises ConfigError: when one of them cannot.
    """
    try:
        make_context(Trust(config.upstream_ca, config.client_cert, config.client_key))
        for one in (*config.upstreams, _ANY):
            proxy_for(one, config.upstream_proxy, environ)
    except (TLSSettingError, ProxySettingError) as error:
        raise ConfigError("", str(error)) from None


class RelayService:
    """Everything between the listeners and the upstreams.

    :ivar site: what the proxy's listeners serve.
    """

    def __init__(
        self,
        config: Config,
        reactor: Any,
        capture: Capture,
        write_batch: WriteBatch,
        environ: Mapping[str, str] = os.environ,
        loops: LoopWatch | None = None,
    ) -> None:
        """Put it together.

        :param write_batch: the reactor's turn, at whose end writes are sent.
        :param environ: where a corporate proxy may be named.
        :param loops: notices requests that come back; one of a single process when left out.
        :raises ConfigError: when a certificate, key or proxy setting cannot be used.
        """
        self._config, self._reactor, self._write_batch = config, reactor, write_batch
        self._stalls = StallWatch(reactor)
        self._loops = loops or LoopWatch(lambda: (os.getpid(),))
        self._timers = BatchedTimers(reactor, self._stalls)
        self._capture = GuardedCapture(capture)
        self._ids = IdSource(time.time)
        self._pools: WeakSet[RelayPool] = WeakSet()
        self._sites: list[RelaySite] = []
        self._everybody: set[RelayChannel] = set()
        self._admission = ProxyAdmission(config.api_users == "any", token_reader(config.token_path))
        self._environ = environ
        self._policy, self._clients = self._make_clients()
        self._forward = self._make_forward() if config.forwards else None
        self.site = self.site_for(config.upstreams[0] if config.upstreams else None)

    def _make_clients(self) -> tuple[FailClosedPolicy, dict[str, tuple[Upstream, ITransparentClient]]]:
        config = self._config
        try:
            policy = FailClosedPolicy(Trust(config.upstream_ca, config.client_cert, config.client_key))
            clients = {one.name: (one, self._client(one, policy)[0]) for one in config.upstreams}
            self._proxy_for(_ANY)
        except TLSSettingError as error:
            raise ConfigError("", str(error)) from None
        except ProxySettingError as error:
            raise ConfigError("", str(error)) from None
        return policy, clients

    def _client(self, one: Upstream, policy: FailClosedPolicy) -> tuple[ITransparentClient, RelayPool]:
        proxy, timeouts = self._proxy_for(one), timeouts_of(self._config)
        client, pool = client_for(one, self._reactor, self._timers, timeouts, policy, proxy, self._write_batch)
        return client, self._kept(pool)

    def _kept(self, pool: RelayPool) -> RelayPool:
        """Let a pool be told of new limits, and of the end."""
        pool.cachedConnectionTimeout = self._config.upstream_keepalive
        self._pools.add(pool)
        return pool

    def _proxy_for(self, one: Upstream) -> CorporateProxy | None:
        """Return the corporate proxy on the way to an upstream.

        A shell in which the agents' variables are set names us there; that is not meant for ourselves.
        """
        proxy = proxy_for(one, self._config.upstream_proxy, self._environ)
        if proxy is not None and is_loopback(proxy.host) and proxy.port == self._config.proxy_port:
            return None
        return proxy

    def _make_forward(self) -> ForwardResource:
        config = self._config
        interception = Interception.parse(config.intercept)
        relays = RelayRoutes(self._capture, self._ids, time.monotonic, self._stalls.total)
        rules = ServerRules(forward=True, websocket=config.websocket)
        upstreams = UpstreamsByHost(lambda one: self._client(one, self._policy), self._clients.values())
        tunnels = UpstreamsByHost(self._tunnel_to)
        leaves = LeafContexts(AuthorityStore(config.data_dir / "ca", interception.names), self._reactor)
        return ForwardResource(relays, interception, upstreams, tunnels, leaves, rules, self._reactor)

    def _tunnel_to(self, one: Upstream) -> tuple[ITransparentClient, RelayPool]:
        """Make what connects to a host without TLS of our own."""
        endpoint = endpoint_for(one, self._reactor, self._proxy_for(one), self._policy)
        pool = RelayPool(self._reactor, self._timers, timeouts_of(self._config), write_batch=self._write_batch)
        return TransparentClient(RelayAgent(pool, endpoint)), self._kept(pool)

    def site_for(self, default: Upstream | None) -> RelaySite:
        """Return a site whose paths go to an upstream unless they name another one."""
        site = relay_site(
            self._config,
            self._clients,
            self._capture,
            self._ids,
            self._reactor,
            self._timers,
            default.name if default is not None else "",
            write_batch=self._write_batch,
            forward=self._forward,
            admission=self._admission,
            stalls=self._stalls.total,
            loops=self._loops,
            everybody=self._everybody,
        )
        self._sites.append(site)
        return site

    @property
    def in_flight(self) -> int:
        """How many exchanges are under way."""
        return sum(site.in_flight for site in self._sites)

    @property
    def capture_failures(self) -> int:
        """How often capture has raised in the relay; each time the rest of one exchange was not captured."""
        return self._capture.failures

    def reload(self, config: Config) -> None:
        """Heed what can change while we run; what is under way keeps the limits that it began with."""
        self._config = config
        for pool in self._pools:
            pool.timeouts = timeouts_of(config)
            pool.cachedConnectionTimeout = config.upstream_keepalive
        for site in self._sites:
            site.limits = limits_of(config, site.limits)

    def drain(self, within: float) -> Deferred[None]:
        """Accept no further request, let running exchanges end, and cut what is left after some seconds.

        :return: fires when no exchange is under way.
        """
        late = self._reactor.callLater(within, self.cut, FAREWELL)
        done: Deferred[Any] = DeferredList([site.drain() for site in self._sites])

        def over(result: object) -> None:
            if late.active():
                late.cancel()

        return done.addCallback(over)

    def cut(self, patience: float = 0.0) -> None:
        """End every running exchange now; their records say ``shutdown``.

        :param patience: for so many seconds clients that lag may take what there is for them.
        """
        for site in self._sites:
            site.cut(patience)

    def close(self) -> Deferred[Any]:
        """Close the idle connections to the upstreams."""
        closing: list[Deferred[Any]] = [pool.closeCachedConnections() for pool in self._pools]
        return DeferredList(closing, consumeErrors=True).addErrback(Failure.getErrorMessage)
