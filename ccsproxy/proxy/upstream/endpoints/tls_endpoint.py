"""The ways to an upstream: TCP, and TLS over it or over a tunnel."""

from __future__ import annotations

import typing
from typing import Any, cast

from OpenSSL import SSL
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IHandshakeListener,
    IOpenSSLClientConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from ccsproxy.proxy.errors import TLSHandshakeFailed
from ccsproxy.proxy.transport import send_now
from ccsproxy.proxy.upstream.endpoints.names import NamedEndpoint


def tcp_endpoint(reactor: Any, host: str, port: int) -> IStreamClientEndpoint:
    """Return the way to a host by TCP. The time it may take is limited by who connects.

    :param host: a name or an address; addresses are not resolved, which would cost a thread's round trip.
    """
    if isIPAddress(host):
        return TCP4ClientEndpoint(reactor, host, port, timeout=cast(int, None))
    if isIPv6Address(host):
        return TCP6ClientEndpoint(reactor, host, port, timeout=cast(int, None))
    return NamedEndpoint(reactor, host, port)


class OneProtocol(Factory):
    """A factory of the one protocol it was given."""

    noisy = False

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: Any) -> Any:
        """Return the protocol that waits for this connection."""
        return self._protocol


def switch_protocol(transport: Any, factory: IProtocolFactory) -> Any:
    """Let a protocol of a factory take a connection over, when a proxy on the way has opened it.

    :param transport: a TCP connection, or TLS over one.
    """
    protocol: Any = factory.buildProtocol(transport.getPeer())
    if isinstance(transport, TLSMemoryBIOProtocol):
        transport.wrappedProtocol = protocol
    else:
        transport.protocol = protocol
    protocol.makeConnection(transport)
    return protocol


class Direct:
    """A transport whose `write` is in the socket when it returns, as far as the socket takes it."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def write(self, data: bytes) -> None:
        """Write; the transport's producer is paused while a part of it waits."""
        transport = self._transport
        if not send_now(transport, data) and transport.producer is not None:
            transport.producer.pauseProducing()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class TlsSessions(typing.Protocol):
    """Who keeps TLS sessions."""

    def keep(self, connection: SSL.Connection) -> None:
        """Keep the session of a connection whose peer was accepted."""


class RelayTLS(TLSMemoryBIOProtocol):
    """TLS that writes at once and passes on what one read held as one piece, however many records it was.

    Twisted's default transport collects writes until the next turn of the reactor; ours are whole pieces already.

    :ivar why: why the certificate was refused.
    :ivar sessions: who keeps the session, so that the next connection needs no whole handshake.
    :ivar ended_plainly: the peer has closed its connection in good order, perhaps without saying so in TLS.
    """

    why: Exception | None = None
    sessions: TlsSessions | None = None
    ended_plainly = False

    def refused(self, why: Exception) -> None:
        """Remember the first reason for refusing a certificate; the handshake ends with it."""
        if self.why is None:
            self.why = why

    def makeConnection(self, transport: Any) -> None:
        """Begin the handshake, and write past the reactor's queue from then on."""
        super().makeConnection(transport)
        direct: Any = Direct(transport)
        self.transport = direct

    def keep_session(self) -> None:
        """Let the session be resumed by another connection; to be called when the peer has sent its tickets."""
        if self.sessions is not None and self._tlsConnection is not None:
            self.sessions.keep(self._tlsConnection)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Remember how the connection below ended, and its session."""
        if not self._lostTLSConnection and self._handshakeDone:
            # Nothing has gone wrong in TLS so far: what comes now is at worst a missing ``close_notify``.
            self.ended_plainly = reason.check(ConnectionDone) is not None
        self.keep_session()
        super().connectionLost(reason)

    def dataReceived(self, data: bytes) -> None:
        """Decrypt what was read."""
        inner: Any = self.wrappedProtocol
        inner.hold_reads()
        try:
            super().dataReceived(data)
        finally:
            inner.flush_reads()

    def hold_reads(self) -> None:
        """Collect nothing: within the TLS of a proxy, each read is a piece of its own."""

    def flush_reads(self) -> None:
        """Release nothing: no reads are held."""


class RelayTLSFactory(TLSMemoryBIOFactory):
    """Makes `RelayTLS` protocols for upstream connections."""

    protocol = RelayTLS


@implementer(IHandshakeListener)
class Handshake(Protocol):
    """Stands where the real protocol will, until the handshake is done and the certificate accepted.

    :ivar ready: fires with the real protocol.
    """

    def __init__(self, factory: IProtocolFactory) -> None:
        self._factory = factory
        self.ready: Deferred[IProtocol] = Deferred(lambda _: self._abort())

    def _abort(self) -> None:
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()

    def handshakeCompleted(self) -> None:
        """Give way to the real protocol."""
        tls: Any = self.transport
        protocol: Any = self._factory.buildProtocol(tls.getPeer())
        tls.wrappedProtocol = protocol
        self.transport = None
        protocol.makeConnection(tls)
        if not self.ready.called:
            self.ready.callback(protocol)

    def hold_reads(self) -> None:
        """Collect nothing: there is no data before the handshake is done."""

    def flush_reads(self) -> None:
        """Release nothing: no reads are held before the handshake."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fail, with the certificate's fault when that was the cause."""
        why = getattr(self.transport, "why", None)
        self.transport = None
        if self.ready.called:
            return
        if why is not None:
            self.ready.errback(Failure(why))
        elif reason.check(ConnectionDone, ConnectionLost):
            words = "The upstream closed the connection during the TLS handshake."
            self.ready.errback(Failure(TLSHandshakeFailed(words)))
        else:
            self.ready.errback(reason if reason.check(SSL.Error) else Failure(TLSHandshakeFailed(_odd(reason))))


def _odd(reason: Failure) -> str:
    return f"The TLS handshake with the upstream failed ({reason.type.__name__ if reason.type else 'unknown'})."


@implementer(IStreamClientEndpoint)
class TLSEndpoint:
    """TLS over another endpoint; connected means that the certificate has been accepted."""

    def __init__(
        self, reactor: Any, endpoint: IStreamClientEndpoint, creator: IOpenSSLClientConnectionCreator
    ) -> None:
        self._reactor = reactor
        self._endpoint = endpoint
        self._creator = creator

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect and shake hands."""
        handshake = Handshake(protocolFactory)
        factory = RelayTLSFactory(self._creator, True, OneProtocol(handshake), clock=self._reactor)
        connecting: Deferred[Any] = self._endpoint.connect(factory)
        return connecting.addCallback(lambda _: handshake.ready)
