"""Tunnelling through a corporate proxy: CONNECT, then the real protocol."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from ccsproxy.proxy.errors import UpstreamProtocolError, UpstreamUnreachable
from ccsproxy.proxy.upstream.endpoints.tls_endpoint import OneProtocol, switch_protocol
from ccsproxy.proxy.upstream.response_head import check_beginning, parse_head


class Tunnel(Protocol):
    """Requests a tunnel from a proxy (RFC 9110 section 9.3.6) and hands over to the real protocol.

    :ivar ready: fires with the real protocol.
    """

    def __init__(self, factory: IProtocolFactory, authority: bytes, authorization: bytes | None) -> None:
        self._factory = factory
        self._request = b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n" % (authority, authority)
        if authorization:
            self._request += b"Proxy-Authorization: %b\r\n" % authorization
        self._buffer = bytearray()
        self.ready: Deferred[IProtocol] = Deferred(lambda _: self._abort())

    def connectionMade(self) -> None:
        """Request a tunnel from the proxy."""
        if self.transport is not None:
            self.transport.write(self._request + b"\r\n")
        self._request = b""

    def dataReceived(self, data: bytes) -> None:
        """Parse the proxy's response; nothing may follow it before we have sent something."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        try:
            if end < 0:
                check_beginning(self._buffer)
                return
            head = parse_head(bytes(self._buffer[: end + 2]))
        except UpstreamProtocolError:
            self._fail("The proxy in front of the upstream does not answer in HTTP/1.1; see --upstream-proxy.")
            return
        # In TLS and HTTP the client speaks first: bytes that already follow the head cannot be from our upstream.
        if 200 <= head.code < 300 and len(self._buffer) == end + 4:
            self._hand_over()
        elif head.code == 407:
            self._fail("The proxy in front of the upstream requires a different login; see --upstream-proxy.")
        else:
            self._fail(f"The proxy in front of the upstream refused the connection with status {head.code}.")

    def _hand_over(self) -> None:
        transport: Any = self.transport
        self.transport = None
        protocol = switch_protocol(transport, self._factory)
        if not self.ready.called:
            self.ready.callback(protocol)

    def hold_reads(self) -> None:
        """Do nothing: the response is a single head."""

    def flush_reads(self) -> None:
        """Do nothing: no reads are held before the tunnel exists."""

    def _fail(self, sentence: str) -> None:
        self._abort()
        if not self.ready.called:
            self.ready.errback(Failure(UpstreamUnreachable(sentence)))

    def _abort(self) -> None:
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fail: the proxy closed the connection before it responded."""
        self.transport = None
        if not self.ready.called:
            words = "The proxy in front of the upstream closed the connection without an answer."
            self.ready.errback(Failure(UpstreamUnreachable(words)))


@implementer(IStreamClientEndpoint)
class TunnelEndpoint:
    """Reaches a host through a proxy with CONNECT.

    :param endpoint: reaches the proxy.
    :param host: the upstream's name or address.
    :param port: the upstream's port.
    :param authorization: the value of ``Proxy-Authorization``, never logged.
    """

    def __init__(
        self, endpoint: IStreamClientEndpoint, host: str, port: int, authorization: bytes | None = None
    ) -> None:
        self._endpoint = endpoint
        name = f"[{host}]" if ":" in host else host
        self._authority = f"{name}:{port}".encode("idna" if name.isascii() else "utf-8")
        self._authorization = authorization

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect to the proxy and through it."""
        tunnel = Tunnel(protocolFactory, self._authority, self._authorization)
        connecting: Deferred[Any] = self._endpoint.connect(OneProtocol(tunnel))
        connecting.addErrback(_proxy_unreachable)
        return connecting.addCallback(lambda _: tunnel.ready)


def _proxy_unreachable(reason: Failure) -> Failure:
    """Report that the proxy, not the upstream, could not be reached; a cancellation is passed on."""
    if reason.check(CancelledError):
        return reason
    return Failure(UpstreamUnreachable("The proxy in front of the upstream cannot be reached; see --upstream-proxy."))
