"""TLS with the client of an intercepted connection, and its refusal if the upstream's TLS has failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from OpenSSL import SSL
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure

from ccsproxy.proxy.forward.leaves import ServerConnections
from ccsproxy.proxy.upstream.endpoints.tls_endpoint import ImmediateTransport, OneProtocol

#: The content type of a TLS record that holds a handshake (RFC 8446 section 5.1).
HANDSHAKE = 22
#: A fatal alert ``bad_certificate`` as a record (RFC 8446 section 6).
_ALERT = b"\x15\x03\x03\x00\x02\x02\x2a"
#: Seconds within which a client that is to be refused must start its handshake.
_PATIENCE = 10.0


class ClientTLS(TLSMemoryBIOProtocol):
    """The server side of TLS, which writes immediately.

    :ivar on_failure: called with a message if the handshake fails.
    """

    on_failure: Callable[[str], None] | None = None

    def makeConnection(self, transport: Any) -> None:
        """Wait for the ClientHello, and bypass the transport's write buffer from then on."""
        super().makeConnection(transport)
        direct: Any = ImmediateTransport(transport)
        self.transport = direct

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Report why the handshake failed, if it did."""
        told, self.on_failure = self.on_failure, None
        # The TLS error names the fault; the transport only says that the connection is closed.
        cause = self._reason or reason
        super().connectionLost(reason)
        if told is not None and not self._handshakeDone:
            told(_sentence(cause))


class ClientTLSFactory(TLSMemoryBIOFactory):
    """Makes `ClientTLS` protocols for intercepted connections."""

    protocol = ClientTLS


def client_tls(context: SSL.Context, inner: Any, reactor: Any, on_failure: Callable[[str], None]) -> ClientTLS:
    """Make the protocol that terminates a client's TLS.

    :param context: the host's context.
    :param inner: the HTTP protocol towards the client.
    :param on_failure: called with a message if the handshake fails.
    """
    factory = ClientTLSFactory(ServerConnections(context), False, OneProtocol(inner), clock=reactor)
    made: ClientTLS = factory.buildProtocol(None)  # type: ignore[assignment]
    made.on_failure = on_failure
    return made


def _sentence(reason: Failure) -> str:
    error = reason.value
    if isinstance(error, SSL.Error) and error.args and isinstance(error.args[0], list):
        words = "; ".join(str(entry[-1]) for entry in error.args[0] if entry)
        return f"The client ended the TLS handshake: {words or 'no reason given'}."
    return "The client closed the connection during the TLS handshake; does it trust ccsproxy's certificate?"


class RefusingTLS(Protocol):
    """Answers a ClientHello with a fatal alert: the upstream's certificate was not accepted."""

    def __init__(self, reactor: Any) -> None:
        self._late = reactor.callLater(_PATIENCE, self._give_up)

    def dataReceived(self, data: bytes) -> None:
        """Refuse, whatever the client sends."""
        if self.transport is not None and self._late.active():
            self._late.cancel()
            if data[0] == HANDSHAKE:
                self.transport.write(_ALERT)
            self.transport.loseConnection()

    def _give_up(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Cancel the timer: the client has gone."""
        self.transport = None
        if self._late.active():
            self._late.cancel()
