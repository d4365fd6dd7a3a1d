"""Connecting to a host by name: looked up, tried on both address families, with distinct errors for failed look-ups.

Twisted tries the addresses of a name one after the other, a new one every 0.3 s until one answers (RFC 8305, "happy
eyeballs"), but drops the reason if a name has none: it does not distinguish a name that does not exist from a name
server that does not answer. The reader of the error needs to.
"""

from __future__ import annotations

import socket
from typing import Any, cast

from twisted.internet._resolver import GAIResolver
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import (
    IHostnameResolver,
    IProtocol,
    IProtocolFactory,
    IReactorPluggableNameResolver,
    IStreamClientEndpoint,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from ccsproxy.proxy.errors import ConnectTimeout, UpstreamUnreachable

_NO_SUCH_NAME = "The upstream's host name {host} does not exist; check --upstream."
_NO_SERVER = "The upstream's host name {host} cannot be looked up: no name server answers; check the network."
_SENTENCES = {
    socket.EAI_NONAME: _NO_SUCH_NAME,
    getattr(socket, "EAI_NODATA", socket.EAI_NONAME): "The upstream's host name {host} has no address.",
    socket.EAI_AGAIN: _NO_SERVER,
    socket.EAI_FAIL: "The name server refused to look up the upstream's host name {host}.",
}
_OTHER = "The upstream's host name {host} cannot be resolved ({why})."


@implementer(IReactorPluggableNameResolver)
class ResolvingReactor:
    """A reactor with an endpoint's own name resolver.

    :ivar nameResolver: calls getaddrinfo in the reactor's threads.
    """

    def __init__(self, reactor: Any, resolver: IHostnameResolver) -> None:
        self._reactor = reactor
        self.nameResolver = resolver

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        """Replace the resolver; return the previous one."""
        before, self.nameResolver = self.nameResolver, resolver
        return before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)


@implementer(IStreamClientEndpoint)
class NamedEndpoint:
    """TCP to a host by name; fails with a message that says what is wrong with the name.

    :param host: the host's name.
    """

    def __init__(self, reactor: Any, host: str, port: int) -> None:
        self._host = host
        self._error: socket.gaierror | None = None
        self._lookups = 0
        resolver = GAIResolver(reactor, getattr(reactor, "getThreadPool", None), cast(Any, self._look_up))
        self._endpoint = HostnameEndpoint(
            cast(Any, ResolvingReactor(reactor, resolver)), host, port, timeout=cast(int, None)
        )

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Look up the name and connect to the first of its addresses that answers."""
        self._error = None
        connecting: Deferred[Any] = self._endpoint.connect(protocolFactory)
        return connecting.addErrback(self._failed)

    def _look_up(self, *question: Any) -> Any:
        """Call getaddrinfo; runs in a thread, which only sets the two attributes."""
        self._lookups += 1
        try:
            return socket.getaddrinfo(*question)
        except socket.gaierror as error:
            self._error = error
            raise
        finally:
            self._lookups -= 1

    def _failed(self, reason: Failure) -> Failure:
        if self._lookups and self._error is None:
            # The connect timeout has passed. The look-up's thread goes on and cannot be stopped.
            words = f"The upstream's host name {self._host} was not found in time: the name server does not answer."
            return Failure(ConnectTimeout(words))
        if reason.check(DNSLookupError):
            return Failure(UpstreamUnreachable(self._sentence()))
        return reason

    def _sentence(self) -> str:
        code = self._error.errno if self._error is not None else socket.EAI_NONAME
        why = self._error.strerror if self._error is not None else ""
        return _SENTENCES.get(cast(int, code), _OTHER).format(host=self._host, why=why)
