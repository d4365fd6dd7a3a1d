"""The mock's port as a proxy: ``CONNECT`` to a known host ends here, in its name; to any other it is refused.

So an agent that is directed here by its proxy settings is answered from records without noticing, and reaches no
provider.
"""

from __future__ import annotations

import re
from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure

from ccsproxy.proxy.forward.client_tls import client_tls
from ccsproxy.proxy.forward.interception import Interception
from ccsproxy.proxy.forward.leaves import LeafContexts
from ccsproxy.replay.mock.answering import Answering
from ccsproxy.replay.mock.site import OWN_NAMES
from ccsproxy.replay.mock.socket import MockSocket
from ccsproxy.runtime.sockets.peers import is_same_user, owner_of_peer
from ccsproxy.wire.target import BadTarget, parse_authority

#: Maximum length of a head.
_LONGEST = 64 << 10
_UPGRADE = re.compile(rb"^upgrade:[ \t]*websocket[ \t]*\r?$", re.I | re.M)
_OPENED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_CLOSED = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class MockConnection(Protocol):
    """Reads the first head of a connection, which shows whether it is a request or a ``CONNECT``.

    :param inside: the connection is already inside a ``CONNECT``.

    States: reading (``_begun`` grows), opening (waiting for a context), gone (another protocol has the
    connection).
    """

    def __init__(self, factory: MockConnectionFactory, inside: bool = False) -> None:
        self._factory, self._inside = factory, inside
        self._begun = b""
        self._opening = False

    def connectionMade(self) -> None:
        """Serve programs of this user only: the responses were recorded for nobody else."""
        if self._inside:
            return
        owner = owner_of_peer(self.transport)
        if owner is not None and not is_same_user(owner) and self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]

    def dataReceived(self, data: bytes) -> None:
        """Read the first head until its kind is known."""
        self._begun += data
        end = self._begun.find(b"\r\n\r\n")
        if self._opening or (end < 0 and len(self._begun) <= _LONGEST):
            return
        head = self._begun[: max(end, 0)]
        if head.startswith(b"CONNECT ") and not self._inside:
            self._begun = self._begun[end + 4 :]
            self._connect(head.split(b" ", 2)[1])
        elif _UPGRADE.search(head):
            self._give_to(self._factory.socket_for(head, inside=self._inside))
        else:
            self._give_to(self._factory.site.buildProtocol(None))

    def _connect(self, authority: bytes) -> None:
        try:
            host, port = parse_authority(authority.lower())
        except BadTarget:
            self._refuse()
            return
        name = host.decode("ascii", "replace")
        if not self._factory.known.includes(name, port or 443):
            self._refuse()
            return
        self._opening = True
        self._factory.leaves.context_for(name.rstrip(".")).addCallbacks(self._open, self._no_context)

    def _open(self, context: SSL.Context) -> None:
        if self.transport is None or not self.connected:
            return
        self.transport.write(_OPENED)
        inner = MockConnection(self._factory, inside=True)
        self._give_to(client_tls(context, inner, self._factory.reactor, lambda why: None))

    def _no_context(self, reason: Failure) -> None:
        self._refuse()

    def _refuse(self) -> None:
        if self.transport is not None:
            self.transport.write(_CLOSED)
            self.transport.loseConnection()

    def _give_to(self, protocol: Any) -> None:
        transport: Any = self.transport
        if isinstance(transport, TLSMemoryBIOProtocol):
            transport.wrappedProtocol = protocol
        else:
            transport.protocol = protocol
        begun, self._begun = self._begun, b""
        protocol.makeConnection(transport)
        if begun:
            protocol.dataReceived(begun)


class MockConnectionFactory(Factory):
    """Creates the mock's connections.

    :param answering: chooses the responses.
    :ivar site: the web site that serves them.
    :ivar leaves: the certificates of the hosts.
    :ivar known: the hosts that the mock replaces.
    """

    noisy = False

    def __init__(
        self, answering: Answering, site: Any, leaves: LeafContexts, known: Interception, reactor: Any
    ) -> None:
        self._answering = answering
        self.site, self.leaves, self.known, self.reactor = site, leaves, known, reactor

    def socket_for(self, head: bytes, *, inside: bool) -> Any:
        """Return the protocol for a WebSocket handshake: the recorded messages, or the site, which refuses it.

        :param inside: it came through a `CONNECT` to a host, which no web page can send.
        """
        fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
        page = b"origin" in fields or fields.get(b"host", b"").strip().rpartition(b":")[0] not in OWN_NAMES
        target = head.split(b" ", 2)[1].decode("latin-1")
        if (inside or not page) and self._answering.has_sockets(target):
            return MockSocket(self.reactor, self._answering)
        return self.site.buildProtocol(None)

    def startFactory(self) -> None:
        """Also start the site, which creates the protocols."""
        self.site.startFactory()

    def stopFactory(self) -> None:
        """Also stop the site, and what it waits for."""
        self.site.stopFactory()

    def buildProtocol(self, addr: IAddress | None) -> MockConnection:
        """Make the protocol of a connection."""
        return MockConnection(self)
