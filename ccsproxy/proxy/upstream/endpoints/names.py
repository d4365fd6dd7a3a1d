"""The way to a host by its name: looked up, tried on both address families, and told apart when it cannot be found.

Twisted tries the addresses of a name one after the other, a new one every 0.3 s until one answers (RFC 8305, "happy
eyeballs"), but forgets why a name has none: that it does not exist and that no name server answers are the same to
it. They are not to the reader of the error.
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
_NO_SERVER = "The upstream's host name {host} cannot be looked up now: no name server answers; is there a network?"
_SENTENCES = {
    socket.EAI_NONAME: _NO_SUCH_NAME,
    getattr(socket, "EAI_NODATA", socket.EAI_NONAME): "The upstream's host name {host} has no address.",
    socket.EAI_AGAIN: _NO_SERVER,
    socket.EAI_FAIL: "The name server refused to look the upstream's host name {host} up.",
}
_OTHER = "The upstream's host name {host} cannot be resolved ({why})."


@implementer(IReactorPluggableNameResolver)
class ResolvingReactor:
    """A reactor with a name resolver of one endpoint's own.

    :ivar nameResolver: asks the system, in the reactor's threads.
    """

    def __init__(self, reactor: Any, resolver: IHostnameResolver) -> None:
        self._reactor = reactor
        self.nameResolver = resolver

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        """Replace the resolver; return the one before."""
        before, self.nameResolver = self.nameResolver, resolver
        return before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)


@implementer(IStreamClientEndpoint)
class NamedEndpoint:
    """TCP to a host by name; fails with a sentence that says what is wrong with the name.

    :param host: the host's name.
    """

    def __init__(self, reactor: Any, host: str, port: int) -> None:
        self._host = host
        self._why: socket.gaierror | None = None
        self._looking = 0
        resolver = GAIResolver(reactor, getattr(reactor, "getThreadPool", None), cast(Any, self._look_up))
        self._way = HostnameEndpoint(
            cast(Any, ResolvingReactor(reactor, resolver)), host, port, timeout=cast(int, None)
        )

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Look the name up and connect to the first of its addresses that answers."""
        self._why = None
        connecting: Deferred[Any] = self._way.connect(protocolFactory)
        return connecting.addErrback(self._failed)

    def _look_up(self, *question: Any) -> Any:
        """Ask the system; runs in a thread, which only ever sets the two attributes."""
        self._looking += 1
        try:
            return socket.getaddrinfo(*question)
        except socket.gaierror as error:
            self._why = error
            raise
        finally:
            self._looking -= 1

    def _failed(self, reason: Failure) -> Failure:
        if self._looking and self._why is None:
            # Whoever connects has lost patience. The lookup's thread goes on; nobody can stop it.
            words = f"The upstream's host name {self._host} was not found in time: the name server does not answer."
            return Failure(ConnectTimeout(words))
        if reason.check(DNSLookupError):
            return Failure(UpstreamUnreachable(self._sentence()))
        return reason

    def _sentence(self) -> str:
        code = self._why.errno if self._why is not None else socket.EAI_NONAME
        why = self._why.strerror if self._why is not None else ""
        return _SENTENCES.get(cast(int, code), _OTHER).format(host=self._host, why=why)
