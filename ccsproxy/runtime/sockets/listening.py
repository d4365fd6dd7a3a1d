"""Binds ports at once, or reports in one sentence why it cannot."""

import os
import socket
from typing import Any, cast

from twisted.internet import endpoints, error
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.python.failure import Failure

from ccsproxy.errors import BindError
from ccsproxy.runtime.takeover import Inherited


def loopback(port: int) -> str:
    """Return the endpoint string of a loopback TCP port; 0 lets the system choose."""
    return f"tcp:{port}:interface=127.0.0.1"


def listen(reactor: object, endpoint: str, factory: IProtocolFactory, key: str) -> IListeningPort:
    """Listen on an endpoint string.

    :param endpoint: such as ``tcp:8787:interface=127.0.0.1`` or ``systemd:domain=INET:name=proxy``.
    :param key: the option it comes from, for the message.
    :raises BindError: if the string is invalid, or the port is in use or not permitted.
    """
    try:
        waiting = endpoints.serverFromString(reactor, endpoint).listen(factory)
    except (ValueError, TypeError, KeyError, IndexError, NotImplementedError) as problem:
        raise BindError(f"{key}: {endpoint!r} is not an endpoint that can be listened on ({problem})") from None
    results: list[object] = []
    waiting.addBoth(results.append)
    # An endpoint that binds later, such as one that resolves a name, could no longer be refused at startup.
    if not results:
        waiting.cancel()
        raise BindError(f"{key}: {endpoint!r} cannot be listened on at once; use a tcp:, unix: or systemd: endpoint")
    if isinstance(results[0], Failure):
        raise BindError(f"{key}: {_why(endpoint, results[0])}") from None
    return cast(IListeningPort, results[0])


class Listeners:
    """Opens listening sockets, or takes over those of our predecessor.

    :ivar open: the listening ports, each with option and endpoint as its name.
    """

    def __init__(self, reactor: Any, inherited: Inherited) -> None:
        self._reactor, self._inherited = reactor, inherited
        self.open: list[tuple[str, IListeningPort]] = []

    def listen(self, endpoint: str, factory: IProtocolFactory, key: str) -> IListeningPort:
        """Listen on an endpoint string, see `listen`."""
        name = f"{key} {endpoint}"
        descriptor = self._inherited.take(name)
        if descriptor is None:
            port = listen(self._reactor, endpoint, factory, key)
        else:
            port = _adopted(self._reactor, descriptor, endpoint, factory)
        self.open.append((name, port))
        return port

    def leave_open(self) -> None:
        """Keep the sockets listening when our ports are closed: another process has them, too."""
        for _, port in self.open:
            # Twisted shuts the socket of a closing port down, which ends it in every process, unless it was adopted.
            port._shouldShutdown = False  # type: ignore[attr-defined]


def _adopted(reactor: Any, descriptor: int, endpoint: str, factory: IProtocolFactory) -> IListeningPort:
    """Listen on an inherited listening socket; TLS around it is set up anew."""
    with socket.socket(fileno=descriptor) as one:
        family = one.family
        if not endpoint.startswith("ssl:"):
            return cast(IListeningPort, reactor.adoptStreamPort(descriptor, family, factory))
        from twisted.protocols.tls import TLSMemoryBIOFactory

        server: Any = endpoints.serverFromString(reactor, endpoint)
        wrapped = TLSMemoryBIOFactory(server._sslContextFactory, False, factory)
        port: Any = reactor.adoptStreamPort(descriptor, family, wrapped)
        port._type = "TLS"  # as set by Twisted's own listenSSL
        return cast(IListeningPort, port)


def _why(endpoint: str, failure: Failure) -> str:
    problem = failure.value
    if isinstance(problem, error.CannotListenError):
        where = f"port {problem.port}" if isinstance(problem.port, int) else repr(endpoint)
        reason = getattr(problem.socketError, "strerror", None) or str(problem.socketError)
        return f"cannot listen on {where} ({reason}); choose another one or stop what is using it"
    return f"cannot listen on {endpoint!r}: {failure.getErrorMessage()}"


def url_of(port: IListeningPort, path: str = "") -> str:
    """Return the URL of a listening port."""
    address = port.getHost()
    host, number = getattr(address, "host", None), getattr(address, "port", None)
    if host is None:
        return f"unix:{os.fsdecode(getattr(address, 'name', None) or b'?')}"
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"  # noqa: S104
    shown = f"[{host}]" if ":" in host else host
    # Twisted marks ports that terminate TLS like this.
    scheme = "https" if getattr(port, "_type", "") == "TLS" else "http"
    return f"{scheme}://{shown}:{number}{path}"


def addresses_of(port: IListeningPort) -> set[tuple[str, int]]:
    """Return the (host, port) pairs under which a TCP port is reachable on this machine."""
    address = port.getHost()
    host, number = getattr(address, "host", None), getattr(address, "port", None)
    if host is None or number is None:
        return set()
    if host in ("0.0.0.0", "::"):  # noqa: S104
        return {(name, number) for name in ("127.0.0.1", "::1", "localhost", socket.gethostname().lower())}
    return {(host, number)} | ({("localhost", number)} if host in ("127.0.0.1", "::1") else set())
