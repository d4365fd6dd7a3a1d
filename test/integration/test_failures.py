"""Upstreams that cannot be asked or do not answer: status, JSON and record of each failure."""

import json
import socket
from pathlib import Path
from typing import Any

from twisted.internet import reactor

from ccsproxy.config.model import Upstream
from test.integration.certificates import Certificate, ip
from test.integration.harness import OK, Peer, ProxiedTestCase, ScriptedUpstream, answering, at_port
from test.integration.messages import Message
from test.integration.test_tls import ServerContext

GET = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody"


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class FailureTests(ProxiedTestCase):
    """Each failure is answered and recorded under its own name."""

    async def fails(self, request: bytes, status: int, error_type: str, outcome: str, kind: str) -> dict[str, Any]:
        """Send a request that fails, and check answer and record."""
        answer = await self.ask(request)
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.values(b"content-type"), [b"application/json"])
        error = json.loads(answer.body)["error"]
        self.assertEqual((error["type"], set(error)), (error_type, {"type", "message"}))
        self.assertTrue(error["message"])
        (record,) = await self.records(1)
        self.assertEqual((record["outcome"], record["error"]["kind"]), (outcome, kind), record)
        self.assertEqual(record["response"]["status"], status)
        return record

    async def test_refused(self) -> None:
        """Nobody listens there."""
        await self.start(free_port())
        await self.fails(POST, 502, "upstream_unreachable", "upstream_unreachable", "upstream_unreachable")

    async def test_no_such_name(self) -> None:
        """The host's name means nothing."""
        await self.start(Upstream(name="u", scheme="http", host="no-such-host.invalid", port=80))
        await self.fails(POST, 502, "upstream_unreachable", "upstream_unreachable", "upstream_unreachable")

    async def test_connect_timeout(self) -> None:
        """A listener whose queue is full answers no connection attempt."""
        with socket.socket() as full, socket.socket() as first, socket.socket() as second:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for filler in (first, second):
                filler.setblocking(False)
                filler.connect_ex(full.getsockname())
            await self.start(full.getsockname()[1], connect_timeout=0.3)
            await self.fails(POST, 504, "upstream_timeout", "upstream_timeout", "connect_timeout")

    async def test_first_byte_timeout(self) -> None:
        """An upstream that takes the request and says nothing."""
        upstream = await self.start_scripted(lambda peer, request: None, first_byte_timeout=0.3)
        await self.fails(POST, 504, "upstream_timeout", "upstream_timeout", "first_byte_timeout")
        self.assertEqual(len(upstream.requests), 1)

    async def test_idle_timeout(self) -> None:
        """A stream that stands still is broken off, for the client too."""
        upstream = await self.start_scripted(
            answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), idle_timeout=0.3
        )
        client = await self.connect()
        client.send(GET)
        await client.end()
        self.assertTrue(client.received.endswith(b"5\r\nhello\r\n"))
        (record,) = await self.records(1)
        self.assertEqual((record["outcome"], record["error"]["kind"]), ("upstream_timeout", "idle_timeout"))
        self.assertTrue(record["partial"])
        await upstream.peers[0].end()

    async def test_closed_without_an_answer(self) -> None:
        """A POST whose upstream closes the connection is answered 502 and never sent twice."""
        upstream = await self.start_scripted(lambda peer, request: peer.close())
        await self.fails(POST, 502, "upstream_error", "upstream_error", "upstream_reset_before_response")
        self.assertEqual(len(upstream.requests), 1)

    async def test_an_answer_that_is_not_http(self) -> None:
        """What is not HTTP is not passed on."""
        await self.start_scripted(answering(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"))
        await self.fails(POST, 502, "upstream_error", "upstream_error", "upstream_protocol_error")

    async def test_an_untrusted_certificate(self) -> None:
        """TLS whose certificate nobody vouches for: no byte of the request leaves."""
        upstream = await self.start_tls(trusted=False)
        await self.fails(POST, 502, "tls_handshake_failed", "tls_handshake_failed", "tls_handshake_failed")
        self.assertEqual((upstream.requests, [bytes(raw) for raw in upstream.raw if raw]), ([], []))

    async def test_a_trusted_certificate(self) -> None:
        """The same with ``--upstream-ca`` works."""
        await self.start_tls(trusted=True)
        answer = await self.ask(POST)
        self.assertEqual(answer.body, b"ok", answer.body)
        (record,) = await self.records(1)
        self.assertEqual(record["outcome"], "complete")

    async def test_no_tls_there(self) -> None:
        """An upstream that speaks plain HTTP where TLS is expected."""
        upstream = ScriptedUpstream(answering(OK))
        upstream.buildProtocol = lambda addr: Peer(lambda peer: peer.send(b"HTTP/1.1 400 Bad\r\n\r\n"))  # type: ignore
        await self.start(at_port(self.listen(upstream), scheme="https"))
        await self.fails(POST, 502, "tls_handshake_failed", "tls_handshake_failed", "tls_handshake_failed")

    async def start_tls(self, *, trusted: bool) -> ScriptedUpstream:
        """Start before an HTTPS upstream."""
        directory = Path(self.mktemp())
        directory.mkdir()
        authority = Certificate("authority", authority=True)
        leaf = Certificate("x", authority, names=ip("127.0.0.1")).write(directory)
        upstream = ScriptedUpstream(answering(OK))
        port = reactor.listenSSL(0, upstream, ServerContext(leaf), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        trust = {"upstream_ca": authority.write(directory)} if trusted else {}
        await self.start(at_port(port.getHost().port, scheme="https"), **trust)
        self.addCleanup(self.close_peers, upstream)
        return upstream


class LimitTests(ProxiedTestCase):
    """Bodies beyond ``--max-request-body``."""

    async def test_an_announced_body_that_is_too_large(self) -> None:
        """It is refused before the upstream is asked."""
        upstream = await self.start_scripted(answering(OK), max_request_body=1000)
        answer = await self.ask(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\n\r\n")
        self.assertEqual(answer.status, 413)
        (record,) = await self.records(1)
        self.assertEqual(record["outcome"], "request_too_large")
        self.assertEqual(upstream.peers, [])

    async def test_a_chunked_body_that_grows_too_large(self) -> None:
        """The upstream's connection is broken off, and the client is answered."""
        upstream = await self.start_scripted(answering(OK), max_request_body=1000)
        client = await self.connect()
        client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1f4\r\n" + b"x" * 500)
        await self.until(lambda: upstream.peers and b"x" * 500 in upstream.raw[0], "the beginning")
        client.send(b"\r\n1f5\r\n" + b"x" * 501 + b"\r\n0\r\n\r\n")
        self.assertEqual((await client.message()).status, 413)
        await client.end()
        await upstream.peers[0].end()
        self.assertEqual(upstream.requests, [])
        (record,) = await self.records(1)
        self.assertEqual(record["outcome"], "request_too_large")

    async def test_a_body_at_the_limit(self) -> None:
        """The limit itself is allowed, in both framings."""
        upstream = await self.start_scripted(answering(OK), max_request_body=1000)
        body = b"x" * 1000
        for framed in (
            b"Content-Length: 1000\r\n\r\n" + body,
            b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n%b\r\n0\r\n\r\n" % body,
        ):
            answer = await self.ask(b"POST / HTTP/1.1\r\nHost: localhost\r\n" + framed)
            self.assertEqual(answer.status, 200)
        self.assertEqual([request.body for request in upstream.requests], [body, body])

    async def test_the_first_byte_leaves_before_the_last_arrives(self) -> None:
        """Uploads stream."""

        def script(peer: Peer, request: Message) -> None:
            peer.send(OK)

        upstream = await self.start_scripted(script)
        client = await self.connect()
        client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nfirst")
        await self.until(lambda: upstream.raw and upstream.raw[0].endswith(b"first"), "the first half")
        client.send(b" half")
        self.assertEqual((await client.message()).body, b"ok")
        self.assertEqual(upstream.requests[0].body, b"first half")
