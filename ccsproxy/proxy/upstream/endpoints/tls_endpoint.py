"""Endpoints for upstreams: TCP, and TLS over it or over a tunnel."""

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
    """Return the TCP endpoint of a host. The caller limits the time that connecting may take.

    :param host: a name or an address; addresses are not resolved, which would cost a round trip to a thread.
    """
    if isIPAddress(host):
        return TCP4ClientEndpoint(reactor, host, port, timeout=cast(int, None))
    if isIPv6Address(host):
        return TCP6ClientEndpoint(reactor, host, port, timeout=cast(int, None))
    return NamedEndpoint(reactor, host, port)


class OneProtocol(Factory):
    """A factory that returns the one protocol it was given."""

    noisy = False

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: Any) -> Any:
        """Return the given protocol."""
        return self._protocol


def switch_protocol(transport: Any, factory: IProtocolFactory) -> Any:
    """Let a factory's protocol take over a connection that a proxy has opened.

    :param transport: a TCP connection, or TLS over one.
    """
    protocol: Any = factory.buildProtocol(transport.getPeer())
    if isinstance(transport, TLSMemoryBIOProtocol):
        transport.wrappedProtocol = protocol
    else:
        transport.protocol = protocol
    protocol.makeConnection(transport)
    return protocol


class ImmediateTransport:
    """A transport whose `write` passes data to the socket immediately, as far as the socket accepts it.

    :ivar transport: the transport below, named as in TLS itself, so that `ccsproxy.proxy.transport.innermost` finds
        the socket: probes, liveness and what is still unsent are asked of that.
    """

    def __init__(self, transport: Any) -> None:
        self.transport = transport

    def write(self, data: bytes) -> None:
        """Write; pause the transport's producer while part of the data is left in the buffer."""
        transport = self.transport
        if not send_now(transport, data) and transport.producer is not None:
            transport.producer.pauseProducing()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)


class TlsSessions(typing.Protocol):
    """Where TLS sessions are kept."""

    def keep(self, connection: SSL.Connection) -> None:
        """Keep the session of a connection whose certificate was accepted."""


class RelayTLS(TLSMemoryBIOProtocol):
    """TLS that writes immediately and passes on the data of one read as one piece, however many records it was.

    Twisted's default transport collects writes until the next reactor turn; ours are joined already.

    :ivar why: why the certificate was refused.
    :ivar sessions: keeps the session, so that the next connection can resume it.
    :ivar ended_plainly: the peer has closed the TCP connection in good order, perhaps without close_notify.
    """

    why: Exception | None = None
    sessions: TlsSessions | None = None
    ended_plainly = False

    def refused(self, why: Exception) -> None:
        """Store the first reason for refusing a certificate; the handshake fails with it."""
        if self.why is None:
            self.why = why

    def makeConnection(self, transport: Any) -> None:
        """Start the handshake, and bypass the transport's write buffer from then on."""
        super().makeConnection(transport)
        direct: Any = ImmediateTransport(transport)
        self.transport = direct

    def keep_session(self) -> None:
        """Make the session available for resumption; to be called when the peer has sent its tickets."""
        if self.sessions is not None and self._tlsConnection is not None:
            self.sessions.keep(self._tlsConnection)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Note how the TCP connection ended, and keep the session."""
        if not self._lostTLSConnection and self._handshakeDone:
            # TLS has not failed so far: at worst, ``close_notify`` is missing.
            self.ended_plainly = reason.check(ConnectionDone) is not None
        self.keep_session()
        super().connectionLost(reason)

    def dataReceived(self, data: bytes) -> None:
        """Decrypt the data of one read."""
        inner: Any = self.wrappedProtocol
        inner.hold_reads()
        try:
            super().dataReceived(data)
        finally:
            inner.flush_reads()

    def hold_reads(self) -> None:
        """Do nothing: within the TLS of a proxy, each read is a piece of its own."""

    def flush_reads(self) -> None:
        """Do nothing: no reads are held."""


class RelayTLSFactory(TLSMemoryBIOFactory):
    """Makes `RelayTLS` protocols for upstream connections."""

    protocol = RelayTLS


@implementer(IHandshakeListener)
class Handshake(Protocol):
    """Holds the place of the real protocol until the handshake is done and the certificate accepted.

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
        """Hand over to the real protocol."""
        tls: Any = self.transport
        protocol: Any = self._factory.buildProtocol(tls.getPeer())
        tls.wrappedProtocol = protocol
        self.transport = None
        protocol.makeConnection(tls)
        if not self.ready.called:
            self.ready.callback(protocol)

    def hold_reads(self) -> None:
        """Do nothing: there is no data before the handshake is done."""

    def flush_reads(self) -> None:
        """Do nothing: no reads are held before the handshake."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fail, with the error of the certificate if that was the cause."""
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
            self.ready.errback(
                reason if reason.check(SSL.Error) else Failure(TLSHandshakeFailed(_unexpected(reason)))
            )


def _unexpected(reason: Failure) -> str:
    return f"The TLS handshake with the upstream failed ({reason.type.__name__ if reason.type else 'unknown'})."


@implementer(IStreamClientEndpoint)
class TLSEndpoint:
    """TLS over another endpoint; it connects only once the certificate has been accepted."""

    def __init__(
        self, reactor: Any, endpoint: IStreamClientEndpoint, creator: IOpenSSLClientConnectionCreator
    ) -> None:
        self._reactor = reactor
        self._endpoint = endpoint
        self._creator = creator

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect, and do the TLS handshake."""
        handshake = Handshake(protocolFactory)
        factory = RelayTLSFactory(self._creator, True, OneProtocol(handshake), clock=self._reactor)
        connecting: Deferred[Any] = self._endpoint.connect(factory)
        return connecting.addCallback(lambda _: handshake.ready)
