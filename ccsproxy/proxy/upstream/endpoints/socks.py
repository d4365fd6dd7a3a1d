"""The way through a SOCKS5 proxy (RFC 1928, RFC 1929), which ssh -D, VPN programs and Tor offer.

`python_socks` speaks the protocol over anything that can write and read so many bytes; it is imported here and
nowhere else, and only when such a proxy is set. Names go to the proxy as they are (``socks5h``): where a SOCKS proxy
is needed, the names are often known only behind it.
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

_GONE = "The SOCKS proxy on the way to the upstream closed the connection without an answer; see --upstream-proxy."


class SocksStream(Protocol):
    """The connection to a SOCKS proxy as `python_socks` wants it: something that writes, and reads so many bytes.

    At most one reader waits at a time. What comes before it is asked for is kept; a proxy that sends more than it
    was asked for is refused when the connection is handed over, because those bytes would reach the wrong reader.

    """

    def __init__(self) -> None:
        self._buffer = b""
        self._wanted = 0
        self._reader: Deferred[bytes] | None = None
        self._lost = False

    @property
    def surplus(self) -> bool:
        """Whether something has come that nobody has read."""
        return bool(self._buffer)

    async def write(self, data: bytes) -> None:
        """Send bytes to the SOCKS server."""
        transport: Any = self.transport
        transport.write(data)

    async def read_exactly(self, size: int) -> bytes:
        """Return so many bytes, when they are there."""
        if len(self._buffer) < size:
            if self._lost:
                raise UpstreamUnreachable(_GONE)
            self._wanted = size
            self._reader = Deferred()
            await self._reader
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def dataReceived(self, data: bytes) -> None:
        """Take what the proxy says."""
        self._buffer += data
        reader = self._reader
        if reader is not None and len(self._buffer) >= self._wanted:
            self._reader = None
            reader.callback(b"")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fail whoever waits for an answer."""
        self._lost = True
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.errback(Failure(UpstreamUnreachable(_GONE)))

    def hold_reads(self) -> None:
        """Collect nothing: the answers are a few bytes."""

    def flush_reads(self) -> None:
        """Release nothing: no reads are held before the tunnel is there."""


@implementer(IStreamClientEndpoint)
class SocksEndpoint:
    """A way through a SOCKS5 proxy.

    :param endpoint: the way to the proxy.
    :param host: the upstream's name or address; the proxy looks names up.
    :param port: the upstream's port.
    :param login: user and password, if the proxy wants them; never logged.
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
                "The SOCKS proxy on the way to the upstream cannot be reached; see --upstream-proxy."
            ) from None
        transport: Any = stream.transport
        try:
            await self._ask(stream)
            # As with CONNECT: nobody on the other side may speak before us, so that such bytes are the proxy's own.
            if stream.surplus:
                raise UpstreamUnreachable("The SOCKS proxy on the way to the upstream spoke out of turn.")
        except BaseException:
            transport.abortConnection()
            raise
        return switch_protocol(transport, factory)

    def _ask(self, stream: SocksStream) -> Coroutine[Any, Any, None]:
        # Private by its name only: the public half of python_socks brings its own event loops along.
        from python_socks._connectors.socks5_async import Socks5AsyncConnector
        from python_socks._protocols.errors import ReplyError

        user, password = self._login or (None, None)
        connector = Socks5AsyncConnector(user, password, True, None)  # type: ignore[arg-type]

        async def ask() -> None:
            try:
                await connector.connect(stream, self._host, self._port)  # type: ignore[arg-type]
            except ReplyError as error:
                raise UpstreamUnreachable(f"The SOCKS proxy on the way to the upstream refused: {error}.") from None
            except (UnicodeError, ValueError, IndexError):
                raise UpstreamUnreachable(
                    "What is set as a SOCKS proxy does not answer in SOCKS5; see --upstream-proxy."
                ) from None

        return ask()
