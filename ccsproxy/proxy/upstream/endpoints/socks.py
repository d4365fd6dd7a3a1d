"""Connecting through a SOCKS5 proxy (RFC 1928, RFC 1929), as offered by ssh -D, VPN programs and Tor.

`python_socks` implements the protocol over any stream that can write and read a given number of bytes; it is imported
only here, and only if such a proxy is configured. Names are passed to the proxy unresolved (``socks5h``): where a
SOCKS proxy is needed, the names are often known only behind it.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from ccsproxy.proxy.errors import UpstreamUnreachable
from ccsproxy.proxy.upstream.endpoints.tls_endpoint import OneProtocol, switch_protocol

_GONE = "The SOCKS proxy in front of the upstream closed the connection without an answer; see --upstream-proxy."


class SocksStream(Protocol):
    """The connection to a SOCKS proxy as the stream that `python_socks` expects: it writes, and reads a number of
    bytes.

    At most one reader waits at a time. What arrives before it is asked for is buffered; a proxy that sends more than
    was asked for is refused when the connection is handed over, because those bytes would reach the wrong reader.

    """

    def __init__(self) -> None:
        self._buffer = b""
        self._wanted = 0
        self._reader: Deferred[bytes] | None = None
        self._lost = False

    @property
    def surplus(self) -> bool:
        """Whether there are unread bytes."""
        return bool(self._buffer)

    async def write(self, data: bytes) -> None:
        """Send bytes to the SOCKS proxy."""
        transport: Any = self.transport
        transport.write(data)

    async def read_exactly(self, size: int) -> bytes:
        """Wait for a number of bytes and return them."""
        if len(self._buffer) < size:
            if self._lost:
                raise UpstreamUnreachable(_GONE)
            self._wanted = size
            self._reader = Deferred()
            await self._reader
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def dataReceived(self, data: bytes) -> None:
        """Take bytes from the proxy."""
        self._buffer += data
        reader = self._reader
        if reader is not None and len(self._buffer) >= self._wanted:
            self._reader = None
            reader.callback(b"")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fail a waiting reader."""
        self._lost = True
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.errback(Failure(UpstreamUnreachable(_GONE)))

    def hold_reads(self) -> None:
        """Do nothing: the proxy's answers are a few bytes."""

    def flush_reads(self) -> None:
        """Do nothing: no reads are held before the tunnel exists."""


@implementer(IStreamClientEndpoint)
class SocksEndpoint:
    """Reaches a host through a SOCKS5 proxy.

    :param endpoint: reaches the proxy.
    :param host: the upstream's name or address; the proxy resolves names.
    :param port: the upstream's port.
    :param login: user and password, if the proxy requires them; never logged.
    """

    def __init__(
        self, endpoint: IStreamClientEndpoint, host: str, port: int, login: tuple[str, str] | None = None
    ) -> None:
        self._endpoint, self._host, self._port, self._login = endpoint, host, port, login

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect to the proxy and through it."""
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        stream = SocksStream()
        try:
            await self._endpoint.connect(OneProtocol(stream))
        except (CancelledError, UpstreamUnreachable):
            raise
        except Exception:
            raise UpstreamUnreachable(
                "The SOCKS proxy in front of the upstream cannot be reached; see --upstream-proxy."
            ) from None
        transport: Any = stream.transport
        try:
            await self._ask(stream)
            # As with CONNECT: the far side must not send before us, so such bytes come from the proxy itself.
            if stream.surplus:
                raise UpstreamUnreachable("The SOCKS proxy in front of the upstream sent unexpected data.")
        except BaseException:
            transport.abortConnection()
            raise
        return switch_protocol(transport, factory)

    def _ask(self, stream: SocksStream) -> Coroutine[Any, Any, None]:
        # Private only by its name: the public half of python_socks brings its own event loops along.
        from python_socks._connectors.socks5_async import Socks5AsyncConnector
        from python_socks._protocols.errors import ReplyError

        user, password = self._login or (None, None)
        connector = Socks5AsyncConnector(user, password, True, None)  # type: ignore[arg-type]

        async def ask() -> None:
            try:
                await connector.connect(stream, self._host, self._port)  # type: ignore[arg-type]
            except ReplyError as error:
                raise UpstreamUnreachable(f"The SOCKS proxy in front of the upstream refused: {error}.") from None
            except (UnicodeError, ValueError, IndexError):
                raise UpstreamUnreachable(
                    "The configured SOCKS proxy does not answer in SOCKS5; see --upstream-proxy."
                ) from None

        return ask()
