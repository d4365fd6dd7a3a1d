"""The listening ports of the proxy: one for all upstreams, and the dedicated ones of single upstreams."""

from typing import Any

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IListeningPort

from ccsproxy.config.model import Config
from ccsproxy.errors import ConfigError
from ccsproxy.proxy.service import RelayService
from ccsproxy.runtime.sockets.listening import Listeners, addresses_of, loopback, url_of


class ProxyPorts:
    """Owns the listening sockets.

    :ivar listening: the open ports, each with the name of its upstream, empty for the common port.
    """

    def __init__(self, listeners: Listeners) -> None:
        self._listeners = listeners
        self.listening: list[tuple[IListeningPort, str]] = []

    @property
    def urls(self) -> list[str]:
        """The URLs by which clients reach the ports."""
        return [url_of(port) for port, _ in self.listening]

    def listen(self, config: Config, relay: RelayService) -> None:
        """Open every configured port.

        :raises StartError: if a port is in use, or if an upstream is one of the ports: it would relay to itself for
        ever.
        """
        endpoints = [(e, "--listen") for e in config.listen] or [(loopback(config.proxy_port), "--proxy-port")]
        for endpoint, key in endpoints:
            self.listening.append((self._listeners.listen(endpoint, relay.site, key), ""))
        for one in config.upstreams:
            for endpoint in one.listen:
                key = f"upstream {one.name}, listen"
                port = self._listeners.listen(endpoint, relay.site_for(one), key)
                self.listening.append((port, one.name))
        self._refuse_loops(config)

    def close(self) -> "Deferred[Any]":
        """Stop accepting connections on all ports."""
        ports, self.listening = self.listening, []
        return DeferredList([maybeDeferred(port.stopListening) for port, _ in ports], consumeErrors=True)

    def _refuse_loops(self, config: Config) -> None:
        ours = set().union(*(addresses_of(port) for port, _ in self.listening))
        for one in config.upstreams:
            if (one.host, one.port) in ours:
                raise ConfigError("--upstream", f"{one.url} is this proxy itself; name the API to relay to")
