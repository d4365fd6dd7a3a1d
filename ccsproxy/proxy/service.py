"""Assembly of the relay: the clients of all upstreams, and the sites that listeners serve."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any
from weakref import WeakSet

import attr
from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure

from ccsproxy.config.model import Config, Upstream
from ccsproxy.config.options import Options
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
from ccsproxy.proxy.gateway.keys import GatewayKeys
from ccsproxy.proxy.interfaces import ITransparentClient, Seconds
from ccsproxy.proxy.resource import ProxyResource, RelayRoutes, route_to
from ccsproxy.proxy.server.access.admission import ProxyAdmission, token_reader
from ccsproxy.proxy.server.access.guard import ServerRules
from ccsproxy.proxy.server.access.loops import LoopWatch
from ccsproxy.proxy.server.channel import RelayChannel
from ccsproxy.proxy.server.limits import Limits, connection_cap
from ccsproxy.proxy.server.refused import RefusedRecorder
from ccsproxy.proxy.server.site import RelaySite
from ccsproxy.proxy.upstream.client import RelayAgent, TransparentClient
from ccsproxy.proxy.upstream.endpoints.http_proxy import CorporateProxy, ProxySettingError, is_loopback, proxy_for
from ccsproxy.proxy.upstream.endpoints.make_client import client_for, endpoint_for, timeouts_of
from ccsproxy.proxy.upstream.endpoints.tls_policy import FailClosedPolicy, TLSSettingError, Trust, make_context
from ccsproxy.proxy.upstream.pool import RelayPool
from ccsproxy.proxy.upstream.response import empty_response
from ccsproxy.runtime.clock import StallWatch
from ccsproxy.runtime.sockets.callers import CallerFinder
from ccsproxy.runtime.write_batch import WriteBatch

#: Stands for any host: errors in the proxy variables of the environment are reported at start.
_ANY = Upstream("", "https", "api.example", 443)

#: Seconds that slow clients get, after the drain time, to read what is already written for them.
FAREWELL = 5.0


def limits_of(config: Config, limits: Limits) -> Limits:
    """Return the limits with the configured values applied."""
    return attr.evolve(limits, body=config.max_request_body, connections=connection_cap(config.max_connections))


@attr.frozen(kw_only=True)
class SiteParts:
    """What all sites of a process share.

    :ivar capture: captures every exchange.
    :ivar limits: defaults; configured values override them.
    :ivar write_batch: see `RelaySite`, as `admission`, `loops` and `all_channels`.
    :ivar forward: handles requests for other hosts, if that is enabled.
    :ivar stalls: see `ccsproxy.proxy.relay.Relay`.
    :ivar keys: who may call, and the team's own keys.
    """

    capture: GuardedCapture
    ids: IdSource
    reactor: Any
    timers: BatchedTimers
    limits: Limits = attr.field(factory=Limits)
    write_batch: WriteBatch | None = None
    forward: ForwardResource | None = None
    admission: ProxyAdmission | None = None
    stalls: Seconds = lambda: 0.0
    loops: LoopWatch | None = None
    all_channels: set[RelayChannel] | None = None
    keys: GatewayKeys = attr.field(factory=GatewayKeys)


def relay_site(
    config: Config, clients: Mapping[str, tuple[Upstream, ITransparentClient]], parts: SiteParts, default: str = ""
) -> RelaySite:
    """Make the site of one listener.

    :param clients: the upstreams by name, each with its client.
    :param default: the name of the upstream for paths that name none; by default the first one.
    """
    keys = parts.keys
    routes = {name: route_to(upstream, client, keys.team.get(name)) for name, (upstream, client) in clients.items()}
    first = routes[default or next(iter(routes))] if routes else None
    relays = RelayRoutes(parts.capture, parts.ids, time.monotonic, parts.stalls, empty_response)
    site = RelaySite(
        ProxyResource(routes, first, relays, parts.forward, keys.clients),
        parts.reactor,
        parts.timers,
        RefusedRecorder(parts.capture, parts.ids),
        limits_of(config, parts.limits),
        time.monotonic,
        time.time,
        allowed=config.allow_hosts,
        origin=config.cors_allow,
        write_batch=parts.write_batch,
        rules=ServerRules(bool(routes), parts.forward is not None, config.websocket),
        admission=parts.admission,
        loops=parts.loops,
        all_channels=parts.all_channels,
        # Only records name the program that calls.
        callers=CallerFinder() if config.capture != "off" else None,
    )
    if parts.forward is not None:
        parts.forward.site = site
    return site


def check_upstreams(config: Config, environ: Mapping[str, str] = os.environ) -> None:
    """Check certificates, keys and proxy settings without opening a connection.

    :raises ConfigError: if one of them cannot be used.
    """
    try:
        make_context(Trust(config.upstream_ca, config.client_cert, config.client_key))
        GatewayKeys.of(config)
        for one in (*config.upstreams, _ANY):
            proxy_for(one, config.upstream_proxy, environ)
    except (TLSSettingError, ProxySettingError) as error:
        raise ConfigError("", str(error)) from None


class CheckedOptions(Options):
    """Options whose certificates, keys and proxies are checked as well: a check finds the errors that a start
    would.
    """

    def check(self, config: Config) -> None:
        """Check what a start would load first."""
        check_upstreams(config)


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
        """Build the relay.

        :param write_batch: flushes writes at the end of the reactor turn.
        :param environ: may name a corporate proxy.
        :param loops: detects requests that come back; by default for a single process.
        :raises ConfigError: if a certificate, key or proxy setting cannot be used.
        """
        self._config, self._reactor, self._write_batch = config, reactor, write_batch
        self._stalls = StallWatch(reactor)
        self._timers = BatchedTimers(reactor, self._stalls)
        self._capture = GuardedCapture(capture)
        self._ids = IdSource(time.time)
        self._pools: WeakSet[RelayPool] = WeakSet()
        self._sites: list[RelaySite] = []
        self._environ = environ
        self._keys = GatewayKeys.of(config)
        self._policy, self._clients = self._make_clients()
        self._parts = SiteParts(
            capture=self._capture,
            ids=self._ids,
            reactor=reactor,
            timers=self._timers,
            write_batch=write_batch,
            forward=self._make_forward() if config.forwards else None,
            admission=ProxyAdmission(config.api_users == "any", token_reader(config.token_path)),
            stalls=self._stalls.total,
            loops=loops or LoopWatch(lambda: (os.getpid(),)),
            all_channels=set(),
            keys=self._keys,
        )
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
        return client, self._register(pool)

    def _register(self, pool: RelayPool) -> RelayPool:
        """Register a pool for changed limits, and for shutdown."""
        pool.cachedConnectionTimeout = self._config.upstream_keepalive
        self._pools.add(pool)
        return pool

    def _proxy_for(self, one: Upstream) -> CorporateProxy | None:
        """Return the corporate proxy in front of an upstream.

        A shell set up for agents names us there; that does not apply to ourselves.
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
        """Make a client that connects to a host without TLS of our own."""
        endpoint = endpoint_for(one, self._reactor, self._proxy_for(one), self._policy)
        pool = RelayPool(self._reactor, self._timers, timeouts_of(self._config), write_batch=self._write_batch)
        return TransparentClient(RelayAgent(pool, endpoint)), self._register(pool)

    def site_for(self, default: Upstream | None) -> RelaySite:
        """Return a site whose paths go to an upstream unless they name another one."""
        name = default.name if default is not None else ""
        site = relay_site(self._config, self._clients, self._parts, name)
        self._sites.append(site)
        return site

    @property
    def in_flight(self) -> int:
        """How many exchanges are in progress."""
        return sum(site.in_flight for site in self._sites)

    @property
    def capture_failures(self) -> int:
        """How often capture has raised in the relay; each time the rest of one exchange was not captured."""
        return self._capture.failures

    def reload(self, config: Config) -> None:
        """Apply the settings that can change at run time; exchanges in progress keep the limits they started with."""
        self._config = config
        self._keys.reload()
        for pool in self._pools:
            pool.timeouts = timeouts_of(config)
            pool.cachedConnectionTimeout = config.upstream_keepalive
        for site in self._sites:
            site.limits = limits_of(config, site.limits)

    def drain(self, within: float) -> Deferred[None]:
        """Accept no further request, let running exchanges end, and cut what is left after ``within`` seconds.

        :return: fires when no exchange is in progress.
        """
        late = self._reactor.callLater(within, self.cut, FAREWELL)
        done: Deferred[Any] = DeferredList([site.drain() for site in self._sites])

        def over(result: object) -> None:
            if late.active():
                late.cancel()

        return done.addCallback(over)

    def cut(self, patience: float = 0.0) -> None:
        """End every running exchange now; their records say ``shutdown``.

        :param patience: seconds that slow clients get to read what is already written for them.
        """
        for site in self._sites:
            site.cut(patience)

    def close(self) -> Deferred[Any]:
        """Close the idle connections to the upstreams."""
        closing: list[Deferred[Any]] = [pool.closeCachedConnections() for pool in self._pools]
        return DeferredList(closing, consumeErrors=True).addErrback(Failure.getErrorMessage)
