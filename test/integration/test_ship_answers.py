"""Targets that answer oddly, over real sockets: what comes was taken, or it goes again, in bounded time."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor, ssl
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import LoopingCall
from twisted.trial.unittest import TestCase

from ccsproxy.config.shipping import ship_address
from ccsproxy.ship import http
from ccsproxy.ship.http import TargetClient
from ccsproxy.ship.reply import Reply
from ccsproxy.ship.target import Unavailable
from test.integration.certificates import DAY, NOW, Certificate, ip
from test.integration.harness import OK, Peer, ScriptedUpstream
from test.integration.messages import Message

Script = Callable[[Peer, Message], object]


def sending(*pieces: bytes, leave: bool = False) -> Script:
    """Make a script that answers with some bytes and, perhaps, breaks the connection off."""

    def script(peer: Peer, request: Message) -> None:
        for piece in pieces:
            peer.send(piece)
        if leave:
            peer.close()

    return script


class DoorCase(TestCase):
    """A way to one server on loopback."""

    timeout = 60

    def serve(self, script: Script | None, path: str = "/in") -> ScriptedUpstream:
        """Start a server, and make the way to it."""
        server = ScriptedUpstream(script)
        port = reactor.listenTCP(0, server, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.url = f"http://127.0.0.1:{port.getHost().port}{path}"
        self.open(f"jsonl+{self.url}")
        self.addCleanup(lambda: [peer.leave() for peer in server.peers if peer.ended is None])
        return server

    def open(self, address: str) -> None:
        """Make the way to an address."""
        client = self.client = TargetClient(reactor, ship_address(address))
        self.addCleanup(lambda: ensureDeferred(client.close()))

    async def post(self, body: bytes = b"batch", **more: Any) -> Reply:
        return await self.client.post(self.url, body, {"Authorization": "Basic synthetic"}, **more)

    async def trouble(self, **more: Any) -> str:
        """Return why a POST has no answer."""
        try:
            reply = await self.post(**more)
        except Unavailable as error:
            return str(error)
        raise AssertionError(f"it was answered: {reply}")


class AnswerTests(DoorCase):
    """What comes back."""

    async def test_redirects(self) -> None:
        """Are followed by nobody: neither do credentials go there, nor does a POST become a GET that succeeds."""
        other = ScriptedUpstream(sending(OK))
        port = reactor.listenTCP(0, other, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        place = f"Location: http://127.0.0.1:{port.getHost().port}/\r\n".encode()
        for status in (301, 302, 303, 307, 308):
            self.serve(sending(b"HTTP/1.1 %d Elsewhere\r\n%sContent-Length: 0\r\n\r\n" % (status, place)))
            self.assertEqual((await self.post()).status, status)
        self.assertEqual(other.requests, [])

    async def test_without_end(self) -> None:
        """A body that never ends is read up to a bound, and its connection is closed."""
        server = self.serve(None)

        def pour(peer: Peer, request: Message) -> None:
            peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
            flow = LoopingCall(lambda: peer.ended or peer.send(b"x" * 100_000))
            flow.start(0.001)
            peer.until(lambda: peer.ended).addCallback(lambda _: flow.stop())

        server.script = pour
        reply = await self.post()
        self.assertEqual((reply.status, len(reply.body)), (200, http.MOST))
        await server.peers[0].end()

    async def test_trickle(self) -> None:
        """A body of which nothing more comes is waited for so long, and no longer."""
        server = self.serve(sending(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx"))
        self.assertIn("too long", await self.trouble(within=0.3))
        await server.peers[0].end()

    async def test_silence(self) -> None:
        """So is an answer that does not come at all."""
        server = self.serve(lambda peer, request: None)
        self.assertIn("too long", await self.trouble(within=0.3))
        await server.peers[0].end()

    async def test_broken_off(self) -> None:
        """A connection that ends before the answer does is no answer; one without a length ends with it."""
        for pieces in (
            (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx",),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",),
            (b"HTTP/1.1 200",),
            (),
            (b"nonsense\r\n\r\n",),
        ):
            self.serve(sending(*pieces, leave=True))
            self.assertIn("does not answer", await self.trouble(), pieces)
        self.serve(sending(b"HTTP/1.0 200 OK\r\n\r\nfine", leave=True))
        self.assertEqual((await self.post()).body, b"fine")

    async def test_refused_before_it_was_sent(self) -> None:
        """A server that says 413 to the head of a large batch is heard, though it reads no more of it."""
        server = self.serve(None)
        refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        asked = Deferred.fromCoroutine(self.post(b"x" * (64 << 20)))
        while not server.peers:
            await _moment()
        peer = server.peers[0]
        await peer.until(lambda: b"\r\n\r\n" in peer.received)
        peer.transport.pauseProducing()
        peer.send(refusal)
        self.assertEqual((await asked).status, 413)

    async def test_a_large_batch(self) -> None:
        """64 MB arrive whole."""
        server = self.serve(None)
        body = b"0123456789abcdef" * (4 << 20)
        asked = Deferred.fromCoroutine(self.post(body))
        while not server.peers:
            await _moment()
        peer = server.peers[0]
        await peer.until(lambda: b"\r\n\r\n" in peer.received)
        head = bytes(peer.received).partition(b"\r\n\r\n")[0]
        self.assertIn(b"Content-Length: %d" % len(body), head)
        await peer.until(lambda: len(peer.received) == len(head) + 4 + len(body))
        self.assertTrue(peer.received.endswith(body))
        peer.send(OK)
        self.assertEqual((await asked).status, 200)


class ReachTests(DoorCase):
    """What keeps a batch from being sent at all."""

    async def test_no_name(self) -> None:
        """A name that nobody knows, which may be known in a minute."""
        self.url = "https://collector.invalid/in"
        self.open(f"jsonl+{self.url}")
        self.assertIn("collector.invalid does not answer", await self.trouble())

    async def test_nobody_there(self) -> None:
        """A port at which nothing listens."""
        self.serve(None)
        port = reactor.listenTCP(0, ScriptedUpstream(), interface="127.0.0.1")
        self.url = f"http://127.0.0.1:{port.getHost().port}/"
        await port.stopListening()
        self.assertIn("refused", await self.trouble())

    async def test_certificates(self) -> None:
        """One that has expired, is of nobody known, or for another name is not spoken to; the sentence says so."""
        authority = Certificate("CA", authority=True)
        here = [*ip("127.0.0.1")]
        good = Certificate("h", authority, names=here)
        expired = Certificate("h", authority, names=here, begins=NOW - 9 * DAY, ends=NOW - DAY)
        stranger = Certificate("h", Certificate("other CA", authority=True), names=here)
        elsewhere = Certificate("h", authority, names=[*ip("127.0.0.9")])
        for certificate, answered in ((good, True), (expired, False), (stranger, False), (elsewhere, False)):
            server = self.serve_tls(certificate, authority)
            if answered:
                self.assertEqual((await self.post()).status, 200)
            else:
                self.assertIn("certificate is not trusted", await self.trouble())
                self.assertEqual(server.requests, [])

    def serve_tls(self, certificate: Certificate, authority: Certificate) -> ScriptedUpstream:
        """Start a server with a certificate, and make the way to it that trusts an authority."""
        folder = Path(tempfile.mkdtemp(dir="."))
        pem, ca = certificate.write(folder), folder / "ca.pem"
        ca.write_bytes(authority.pem)
        server = ScriptedUpstream(sending(OK))
        context = ssl.DefaultOpenSSLContextFactory(str(pem), str(pem))
        port = reactor.listenSSL(0, server, context, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.url = f"https://127.0.0.1:{port.getHost().port}/in"
        self.open(f"jsonl+{self.url}?ca={ca.absolute()}")
        return server


async def _moment() -> None:
    from twisted.internet.task import deferLater

    await deferLater(reactor, 0.005)
