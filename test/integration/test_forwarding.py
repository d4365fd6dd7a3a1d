"""The proxy port as an HTTP proxy, over real sockets: tunnels, intercepted connections, WebSockets, their records."""

import os
import socket
import ssl
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from test.integration.certificates import DAY, NOW, Certificate, dns, ip
from test.integration.harness import OK, Peer, ProxiedTestCase, ScriptedUpstream, answering
from test.integration.messages import Message, head_of
from test.integration.test_tls import ServerContext

CONNECT = b"CONNECT localhost:%d HTTP/1.1\r\nHost: localhost:%d\r\nX-a: b\r\n\r\n"
GET = b"GET /v1/models HTTP/1.1\r\nhOst: api.example\r\nX-b:  two \r\n\r\n"
HANDSHAKE = (
    b"GET /v1/responses HTTP/1.1\r\nHost: api.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


def read_until(client: socket.socket, end: bytes) -> bytes:
    data = b""
    while end not in data:
        piece = client.recv(65536)
        if not piece:
            break
        data += piece
    return data


def read_all(client: socket.socket) -> bytes:
    pieces = []
    while piece := client.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


class ForwardingCase(ProxiedTestCase):
    """A TLS upstream on loopback, and a proxy that intercepts it or does not."""

    async def set_up(self, script: Any = None, certificate: Certificate | None = None, **settings: Any) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.root = Certificate("root", authority=True)
        self.upstream = ScriptedUpstream(script or answering(OK))
        leaf = certificate or Certificate("localhost", self.root, names=[*dns("localhost"), *ip("127.0.0.1")])
        pem = leaf.write(self.directory)
        port = reactor.listenSSL(0, self.upstream, ServerContext(pem), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.addCleanup(self.close_peers, self.upstream)
        self.port = port.getHost().port
        trusted = self.root.write(self.directory)
        values = {"upstream_ca": trusted, "intercept": (f"localhost:{self.port}",), "forward": True, **settings}
        await self.start(**values)

    @property
    def authority(self) -> str:
        return str(self.data_dir / "ca" / "ca.pem")

    def open_tunnel(self, host: str = "localhost") -> tuple[socket.socket, bytes]:
        client = socket.create_connection(("127.0.0.1", self.proxy_port), 30)
        client.sendall((CONNECT % (self.port, self.port)).replace(b"localhost", host.encode()))
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):  # not a byte of what follows
            answer += client.recv(1) or b"\r\n\r\n"
        return client, answer

    async def refused(self, outcome: str, count: int = 1) -> None:
        """See that a client that would trust anybody is refused, in the record of this number."""
        client, answer = await deferToThread(self.open_tunnel)
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        error = await self.assertFailure(deferToThread(context.wrap_socket, client), ssl.SSLError)
        self.assertIn("ALERT", str(error).upper())
        client.close()
        record = (await self.records(count))[-1]
        self.assertEqual((record["outcome"], record["request"]["method"]), (outcome, "CONNECT"))

    def tls(self, client: socket.socket, trusted: str | None = None, **options: Any) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=trusted or self.authority)
        context.set_alpn_protocols(options.pop("alpn", ["http/1.1"]))
        return context.wrap_socket(client, server_hostname=options.pop("name", "localhost"), **options)

    def ask_through(self, lines: bytes = GET, **options: Any) -> bytes:
        client, answer = self.open_tunnel()
        assert answer.startswith(b"HTTP/1.1 200 "), answer
        with self.tls(client, **options) as secured:
            secured.sendall(lines)
            return read_until(secured, b"ok")


class Intercepted(ForwardingCase):
    """Hosts whose TLS is ended here."""

    async def test_request_passes_unchanged_and_is_recorded(self) -> None:
        await self.set_up()
        self.assertEqual(await deferToThread(self.ask_through), OK)
        self.assertEqual(self.upstream.requests, [Message(*head_of(GET))])
        (record,) = await self.records(1)
        self.assertEqual(
            (record["transport"], record["upstream"], record["outcome"]), ("http", "localhost", "complete")
        )
        self.assertEqual(record["upstream_url"], f"https://localhost:{self.port}")
        self.assertEqual(record["request"]["headers_raw"], [["hOst", "api.example"], ["X-b", "two"]])

    async def test_certificate_is_for_the_host_and_alpn_says_http_1_1(self) -> None:
        await self.set_up()

        def ask() -> Any:
            with self.tls(self.open_tunnel()[0], alpn=["h2", "http/1.1"]) as secured:
                return secured.getpeercert(), secured.selected_alpn_protocol(), secured.version()

        certificate, protocol, version = await deferToThread(ask)
        self.assertEqual((certificate["subjectAltName"], protocol), ((("DNS", "localhost"),), "http/1.1"))
        self.assertEqual(version, "TLSv1.3")

    async def test_client_of_http_2_alone_is_told_so(self) -> None:
        await self.set_up()

        def ask() -> None:
            self.tls(self.open_tunnel()[0], alpn=["h2"])

        error = await self.assertFailure(deferToThread(ask), ssl.SSLError)
        self.assertIn("NO_APPLICATION_PROTOCOL", str(error).upper().replace(" ", "_"))
        (record,) = await self.records(1)
        self.assertEqual(record["outcome"], "tls_handshake_failed")

    async def test_sessions_are_resumed(self) -> None:
        await self.set_up()

        def twice() -> list[bool]:
            context = ssl.create_default_context(cafile=self.authority)
            session, reused = None, []
            for _ in range(3):
                client = context.wrap_socket(self.open_tunnel()[0], server_hostname="localhost", session=session)
                with client as secured:
                    secured.sendall(GET)
                    read_until(secured, b"ok")
                    session = secured.session
                    reused.append(bool(secured.session_reused))
            return reused

        await deferToThread(self.ask_through)  # makes the authority
        self.assertEqual(await deferToThread(twice), [False, True, True])

    async def test_client_that_does_not_trust_us_leaves_a_record(self) -> None:
        await self.set_up()

        def ask() -> None:
            self.tls(self.open_tunnel()[0], trusted=str(self.root.write(self.directory)))

        await self.assertFailure(deferToThread(ask), ssl.SSLCertVerificationError)
        (record,) = await self.records(1)
        self.assertEqual(record["outcome"], "tls_handshake_failed")
        self.assertEqual(record["error"]["kind"], "client_tls_handshake_failed")
        self.assertEqual(self.upstream.requests, [])

    async def test_bad_certificates_are_refused_towards_the_client(self) -> None:
        """Of an unknown authority, of none, for another name, and expired."""
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.root, other = Certificate("root", authority=True), Certificate("other", authority=True)
        heard = ScriptedUpstream(answering(OK))
        ports = []
        for bad in (
            Certificate("localhost", other, names=dns("localhost")),
            Certificate("localhost", names=dns("localhost")),
            Certificate("localhost", self.root, names=dns("other.example")),
            Certificate("localhost", self.root, names=dns("localhost"), ends=NOW - DAY / 2),
        ):
            port = reactor.listenSSL(0, heard, ServerContext(bad.write(self.directory)), interface="127.0.0.1")
            self.addCleanup(port.stopListening)
            ports.append(port.getHost().port)
        trusted, hosts = self.root.write(self.directory), tuple(f"localhost:{port}" for port in ports)
        await self.start(upstream_ca=trusted, intercept=hosts, forward=True)
        for count, self.port in enumerate(ports, 1):
            await self.refused("tls_handshake_failed", count)
        self.assertEqual(heard.requests, [])

    async def test_upstream_that_is_not_there_answers_the_connect(self) -> None:
        await self.set_up()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.port = taken.getsockname()[1]
        await self.running.shutdown()
        await self.start(intercept=(f"localhost:{self.port}",), forward=True)
        client, answer = await deferToThread(self.open_tunnel)
        self.assertTrue(answer.startswith(b"HTTP/1.1 502 "), answer)
        client.close()
        (record,) = await self.records(1)
        self.assertEqual((record["outcome"], record["response"]["status"]), ("upstream_unreachable", 502))

    async def test_websocket_inside(self) -> None:
        def script(peer: Peer, request: Message) -> None:
            self.upstream.script = None
            peer.send(SWITCHED + b"\x81\x02hi")

        await self.set_up(script)

        def talk() -> bytes:
            client, _ = self.open_tunnel()
            with self.tls(client) as secured:
                secured.sendall(HANDSHAKE)
                data = read_until(secured, b"\x81\x02hi")
                secured.sendall(b"\x88\x80abcd")
                return data

        self.assertEqual(await deferToThread(talk), SWITCHED + b"\x81\x02hi")
        self.assertEqual(self.upstream.requests, [Message(*head_of(HANDSHAKE))])
        (record,) = await self.records(1)
        self.assertEqual((record["transport"], record["outcome"]), ("websocket", "complete"))
        # By whichever connection: one that was made for the CONNECT may have been replaced when the request came.
        await self.until(lambda: any(b"\x88\x80abcd" in raw for raw in self.upstream.raw), "the close frame")

    async def test_files_of_the_authority_are_closed_to_others(self) -> None:
        await self.set_up()
        await deferToThread(self.ask_through)
        modes = {each.name: each.stat().st_mode & 0o777 for each in (self.data_dir / "ca").iterdir()}
        self.assertEqual(modes, {"ca.pem": 0o600, "ca.key": 0o600})

    async def test_authority_that_was_deleted_is_made_anew(self) -> None:
        await self.set_up()
        await deferToThread(self.ask_through)
        before = Path(self.authority).read_bytes()
        for each in (self.data_dir / "ca").iterdir():
            each.unlink()
        client, _ = await deferToThread(self.open_tunnel)
        client.close()
        self.assertNotEqual(Path(self.authority).read_bytes(), before)
        self.assertEqual(await deferToThread(self.ask_through), OK)


class Tunnelled(ForwardingCase):
    """Hosts that are none of our business."""

    async def test_bytes_pass_and_nothing_of_them_is_recorded(self) -> None:
        await self.set_up(intercept=("other.example",))
        trusted = str(self.root.write(self.directory))
        self.assertEqual(await deferToThread(self.ask_through, trusted=trusted), OK)
        self.assertEqual(self.upstream.requests, [Message(*head_of(GET))])
        (record,) = await self.records(1)
        self.assertEqual((record["transport"], record["outcome"]), ("tunnel", "complete"))
        self.assertEqual((record["request"]["path"], record["capture"]["faults"]), (f"localhost:{self.port}", []))
        self.assertGreater(record["request"]["body_bytes"], 300)
        self.assertGreater(record["response"]["body_bytes"], 500)
        self.assertNotIn("models", str(record))
        self.assertFalse((self.data_dir / "ca").exists())

    async def raw(self, respond: Any) -> None:
        """Tunnel to a thread that deals with one connection."""
        await self.set_up(intercept=("other.example",))
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        self.port = listener.getsockname()[1]

        def serve() -> Any:
            peer, _ = listener.accept()
            peer.settimeout(30)
            with peer:
                return respond(peer)

        self.served = deferToThread(serve)

    async def test_client_may_end_first(self) -> None:
        """The upstream hears the end, and its answer still comes."""

        def respond(peer: socket.socket) -> bytes:
            asked = read_all(peer)
            peer.sendall(b"after the end: " + asked)
            return asked

        await self.raw(respond)

        def talk() -> bytes:
            client, _ = self.open_tunnel("127.0.0.1")
            with client:
                client.sendall(b"question")
                client.shutdown(socket.SHUT_WR)
                return read_all(client)

        self.assertEqual(await deferToThread(talk), b"after the end: question")
        self.assertEqual(await self.served, b"question")
        (record,) = await self.records(1)
        self.assertEqual((record["outcome"], record["partial"]), ("complete", False))
        self.assertEqual((record["request"]["body_bytes"], record["response"]["body_bytes"]), (8, 23))

    async def test_upstream_may_end_first(self) -> None:
        def respond(peer: socket.socket) -> bytes:
            peer.sendall(b"all I have")
            peer.shutdown(socket.SHUT_WR)
            return read_all(peer)

        await self.raw(respond)

        def talk() -> bytes:
            client, _ = self.open_tunnel("127.0.0.1")
            with client:
                data = read_all(client)
                client.sendall(b"x" * 300_000)
                return data

        self.assertEqual(await deferToThread(talk), b"all I have")
        self.assertEqual(len(await self.served), 300_000)
        (record,) = await self.records(1)
        self.assertEqual((record["outcome"], record["request"]["body_bytes"]), ("complete", 300_000))

    async def test_upstream_that_breaks_off_does_so_towards_the_client(self) -> None:
        def respond(peer: socket.socket) -> None:
            peer.recv(10)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

        await self.raw(respond)

        def talk() -> bytes:
            client, _ = self.open_tunnel("127.0.0.1")
            with client:
                client.sendall(b"question")
                return read_all(client)

        await self.assertFailure(deferToThread(talk), ConnectionResetError)
        (record,) = await self.records(1)
        self.assertEqual(record["outcome"], "upstream_truncated")

    async def test_memory_is_bounded_by_the_slower_side(self) -> None:
        def respond(peer: socket.socket) -> int:
            sent = 0
            peer.settimeout(1.0)
            try:
                while sent < 64 << 20:
                    sent += peer.send(b"x" * 65536)
            except TimeoutError:
                return sent
            return sent

        await self.raw(respond)
        client, _ = await deferToThread(self.open_tunnel, "127.0.0.1")
        self.assertLess(await self.served, 16 << 20)
        client.close()
        await self.records(1)

    async def test_unreachable_host(self) -> None:
        await self.set_up(intercept=("other.example",))
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.port = taken.getsockname()[1]
        client, answer = await deferToThread(self.open_tunnel)
        client.close()
        self.assertTrue(answer.startswith(b"HTTP/1.1 502 "), answer)
        (record,) = await self.records(1)
        self.assertEqual((record["transport"], record["outcome"]), ("tunnel", "upstream_unreachable"))

    async def test_environment_that_names_this_proxy_leads_to_no_loop(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        self.patch(os, "environ", {**os.environ, "HTTPS_PROXY": f"http://127.0.0.1:{port}"})
        await self.set_up(intercept=("other.example",), proxy_port=port, upstream_proxy=None)
        trusted = str(self.root.write(self.directory))
        self.assertEqual(await deferToThread(self.ask_through, trusted=trusted), OK)


class AbsoluteForm(ProxiedTestCase):
    """Plain HTTP through the proxy."""

    async def test_known_host_is_recorded_with_its_content(self) -> None:
        upstream = ScriptedUpstream(answering(OK))
        port = self.listen(upstream)
        self.addCleanup(self.close_peers, upstream)
        await self.start(forward=True, intercept=(f"127.0.0.1:{port}",))
        lines = b"GET http://127.0.0.1:%d/v1/models?a=1 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-a:  b\r\n\r\n" % (
            port,
            port,
        )
        answer = await self.ask(lines)
        self.assertEqual(answer.body, b"ok")
        self.assertEqual(upstream.requests, [Message(*head_of(lines.replace(b"http://127.0.0.1:%d" % port, b"")))])
        (record,) = await self.records(1)
        self.assertEqual((record["transport"], record["response"]["body_reassembled"]), ("http", "ok"))

    async def test_other_host_leaves_what_a_tunnel_leaves(self) -> None:
        upstream = ScriptedUpstream(answering(OK))
        port = self.listen(upstream)
        self.addCleanup(self.close_peers, upstream)
        await self.start(forward=True)
        lines = b"GET http://127.0.0.1:%d/private?a=1 HTTP/1.1\r\nHost: x\r\nCookie: c\r\n\r\n" % port
        self.assertEqual((await self.ask(lines)).body, b"ok")
        (record,) = await self.records(1)
        self.assertEqual((record["transport"], record["request"]["path"]), ("tunnel", f"127.0.0.1:{port}"))
        self.assertNotIn("private", str(record))
        self.assertEqual(record["response"]["body_bytes"], 2)

    async def test_switched_off(self) -> None:
        upstream = await self.start_scripted(answering(OK), forward=False)
        tunnel = await self.ask(b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost:1\r\n\r\n")
        other = await self.ask(b"GET http://other.example/ HTTP/1.1\r\nHost: other.example\r\n\r\n")
        self.assertEqual((tunnel.status, other.status, upstream.requests), (405, 421, []))

    async def test_without_an_upstream_a_path_is_told_so(self) -> None:
        await self.start(forward=True)
        self.assertEqual((await self.ask(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")).status, 404)
