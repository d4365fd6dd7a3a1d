"""The relay put together: the clients of all upstreams, and the sites that listeners serve."""

import os
import time
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure

from ccsproxy.config.model import Config, Upstream
from ccsproxy.errors import ConfigError
from ccsproxy.exchange.ids import IdSource
from ccsproxy.exchange.relayed import Capture
from ccsproxy.proxy.capture_guard import GuardedCapture
from ccsproxy.proxy.deadlines import BatchedTimers
from ccsproxy.proxy.interfaces import ITransparentClient
from ccsproxy.proxy.relay_site import relay_site
from ccsproxy.proxy.server.site import RelaySite
from ccsproxy.proxy.timeouts import Timeouts
from ccsproxy.proxy.upstream.http_proxy import ProxySettingError, proxy_for
from ccsproxy.proxy.upstream.pool import RelayPool
from ccsproxy.proxy.upstream.tls import FailClosedPolicy, TLSSettingError, Trust
from ccsproxy.proxy.upstream_client import client_for
from ccsproxy.runtime.write_batch import Turn


class Relaying:
    """Everything between the listeners and the upstreams.

    :ivar site: what the proxy's listeners serve.
    """

    def __init__(
        self,
        config: Config,
        reactor: Any,
        capture: Capture,
        turn: Turn,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Put it together.

        :param turn: the reactor's turn, at whose end writes are sent.
        :param environ: where a corporate proxy may be named.
        :raises ConfigError: when a certificate, key or proxy setting cannot be used.
        """
        self._config, self._reactor, self._turn = config, reactor, turn
        self._timers = BatchedTimers(reactor)
        self._capture = GuardedCapture(capture)
        self._ids = IdSource(time.time)
        self._pools: list[RelayPool] = []
        self._sites: list[RelaySite] = []
        self._clients = self._make_clients(environ)
        self.site = self.site_for(config.upstreams[0])

    def _make_clients(self, environ: Mapping[str, str]) -> dict[str, tuple[Upstream, ITransparentClient]]:
        config = self._config
        try:
            policy = FailClosedPolicy(Trust(config.upstream_ca, config.client_cert, config.client_key))
            return {one.name: (one, self._client(one, policy, environ)) for one in config.upstreams}
        except TLSSettingError as error:
            raise ConfigError("", str(error)) from None
        except ProxySettingError as error:
            raise ConfigError("", str(error)) from None

    def _client(self, one: Upstream, policy: FailClosedPolicy, environ: Mapping[str, str]) -> ITransparentClient:
        config = self._config
        timeouts = Timeouts(config.connect_timeout, config.first_byte_timeout, config.idle_timeout)
        proxy = proxy_for(one, config.upstream_proxy, environ)
        client, pool = client_for(one, self._reactor, self._timers, timeouts, policy, proxy, self._turn)
        self._pools.append(pool)
        return client

    def site_for(self, default: Upstream) -> RelaySite:
        """Return a site whose paths go to an upstream unless they name another one."""
        site = relay_site(
            self._config,
            self._clients,
            self._capture,
            self._ids,
            self._reactor,
            self._timers,
            default.name,
            turn=self._turn,
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

    def drain(self, within: float) -> "Deferred[None]":
        """Accept no further request, let running exchanges end, and cut what is left after some seconds.

        :return: fires when no exchange is under way.
        """
        late = self._reactor.callLater(within, self.cut)
        done: Deferred[Any] = DeferredList([site.drain() for site in self._sites])

        def over(result: object) -> None:
            if late.active():
                late.cancel()

        return done.addCallback(over)

    def cut(self) -> None:
        """End every running exchange now; their records say ``shutdown``."""
        for site in self._sites:
            site.cut()

    def close(self) -> "Deferred[Any]":
        """Close the idle connections to the upstreams."""
        return DeferredList([pool.closeCachedConnections() for pool in self._pools], consumeErrors=True).addErrback(
            Failure.getErrorMessage
        )
