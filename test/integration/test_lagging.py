"""Clients that read late through TLS: what their upstream had sent before it died still reaches them."""

import os
import socket
from threading import Event
from typing import Any

from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from ccsproxy.proxy.transport import unacknowledged, unsent
from test.integration.harness import Peer
from test.integration.messages import Message
from test.integration.test_forwarding import HANDSHAKE, SWITCHED, ForwardingCase

#: Far more than the client's system takes before its program reads.
MUCH = os.urandom(256 << 10)


class LaggingClientTests(ForwardingCase):
    """An intercepted client begins to read when its upstream is long gone."""

    async def ask(self, answer: bytes, request: bytes, how: str) -> tuple[bytes, str]:
        """Let the upstream answer and vanish before the client reads; return what it got, and how that ended."""

        def script(peer: Peer, message: Message) -> None:
            self.upstream.script = None
            peer.send(answer)
            self.vanish(peer, how)

        self.gone = Event()
        await self.set_up(script)
        return await deferToThread(self.read_late, request)

    def vanish(self, peer: Peer, how: str) -> None:
        """End the upstream's TCP connection without a word in TLS, in order or by a reset, when all has left it."""
        tcp: Any = peer.transport.transport
        if unsent(tcp) or unacknowledged(tcp):
            reactor.callLater(0.02, self.vanish, peer, how)
            return
        tcp.abortConnection() if how == "reset" else tcp.loseConnection()
        reactor.callLater(0.5, self.gone.set)

    def read_late(self, request: bytes) -> tuple[bytes, str]:
        client, _ = self.open_tunnel()
        # Little of it may wait on the client's side, or the proxy would have nothing left to lose.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 << 10)
        pieces = []
        with self.tls(client, suppress_ragged_eofs=False) as secured:
            secured.sendall(request)
            self.gone.wait(30)
            try:
                while piece := secured.recv(65536):
                    pieces.append(piece)
            except OSError:  # of TLS as well: an end without close_notify
                return b"".join(pieces), "reset"
        return b"".join(pieces), "closed"

    async def test_websocket_of_an_upstream_that_says_no_farewell(self) -> None:
        """Most servers close without close_notify; that is an orderly end, and nothing before it is lost."""
        self.assertEqual(await self.ask(SWITCHED + MUCH, HANDSHAKE, "close"), (SWITCHED + MUCH, "closed"))

    async def test_websocket_of_an_upstream_that_is_reset(self) -> None:
        """Everything first, then the reset."""
        self.assertEqual(await self.ask(SWITCHED + MUCH, HANDSHAKE, "reset"), (SWITCHED + MUCH, "reset"))

    async def test_old_client_and_a_cut_answer(self) -> None:
        """A body that only its connection delimits: the client has all there was, and hears that it is cut."""
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % (len(MUCH) + 1)
        request = b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n"
        got, end = await self.ask(head + MUCH, request, "close")
        self.assertEqual((got.partition(b"\r\n\r\n")[2], end), (MUCH, "reset"))
        (record,) = await self.records(1)
        self.assertEqual((record["outcome"], record["delivered_bytes"]), ("upstream_truncated", len(MUCH)))
