"""TLS towards upstreams, over real sockets: whom the relay speaks to, and whom it refuses."""

import socket
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IOpenSSLContextFactory
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from ccsproxy.proxy.deadlines import BatchedTimers
from ccsproxy.proxy.errors import RelayError
from ccsproxy.proxy.transport import PROBE_AFTER, innermost, unacknowledged, unsent
from ccsproxy.proxy.upstream.client import RelayAgent, TransparentClient
from ccsproxy.proxy.upstream.endpoints.tls_endpoint import TLSEndpoint, tcp_endpoint
from ccsproxy.proxy.upstream.endpoints.tls_policy import TLSSettingError, Trust, UpstreamTLS, make_context
from ccsproxy.proxy.upstream.link import Timeouts
from ccsproxy.proxy.upstream.pool import RelayPool
from test.integration.certificates import DAY, NOW, Certificate, dns, ip

HOST = "api.example.test"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


class Body(Protocol):
    """Collects a body; `done` fires with it and the reason's name."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.done: Deferred[tuple[bytes, str]] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.pieces.append(data)

    def connectionLost(self, reason) -> None:
        self.done.callback((b"".join(self.pieces), reason.type.__name__))


class Answering(Protocol):
    """Answers each request head with what its factory says."""

    def connectionMade(self) -> None:
        self.factory.connections.append(self)
        self.buffer = b""

    def dataReceived(self, data: bytes) -> None:
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:
            head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
            self.factory.requests.append(head)
            self.factory.answer(self)

    def connectionLost(self, reason) -> None:
        self.factory.lost += 1


class Upstream(Factory):
    """A scripted upstream."""

    protocol = Answering
    noisy = False

    def __init__(self, answer=lambda protocol: protocol.transport.write(OK)) -> None:
        self.answer = answer
        self.connections: list[Answering] = []
        self.requests: list[bytes] = []
        self.lost = 0


@implementer(IOpenSSLContextFactory)
class ServerContext:
    """The context of a scripted TLS upstream."""

    isClient = False

    def __init__(self, pem: Path, change=lambda context: None) -> None:
        self.context = SSL.Context(SSL.TLS_SERVER_METHOD)
        self.context.use_certificate_chain_file(str(pem))
        self.context.use_privatekey_file(str(pem))
        change(self.context)

    def getContext(self) -> SSL.Context:
        return self.context


class TLSCase(TestCase):
    """An authority, and what is needed to run an upstream with a certificate of it."""

    timeout = 20

    def setUp(self) -> None:
        self.directory = Path(mkdtemp(dir=self.mktemp_parent()))
        self.authority = Certificate("authority", authority=True)
        self.authority_file = self.authority.write(self.directory)
        self.upstream = Upstream()
        self.pools: list[RelayPool] = []
        self.addCleanup(self.settle)

    def mktemp_parent(self) -> str:
        parent = Path(self.mktemp())
        parent.mkdir(parents=True)
        return str(parent)

    def listen(
        self, certificate: Certificate, chain: tuple[Certificate, ...] = (), change=lambda context: None
    ) -> int:
        pem = certificate.write(self.directory, chain=chain)
        port = reactor.listenSSL(0, self.upstream, ServerContext(pem, change), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return port.getHost().port

    def client(self, port: int, host: str = HOST, trust: Trust | None = None) -> TransparentClient:
        context = make_context(trust or Trust(authorities=self.authority_file))
        endpoint = TLSEndpoint(reactor, tcp_endpoint(reactor, "127.0.0.1", port), UpstreamTLS(host, context))
        self.pool = RelayPool(reactor, BatchedTimers(reactor), Timeouts(connect=5))
        self.pools.append(self.pool)
        return TransparentClient(RelayAgent(self.pool, endpoint))

    async def settle(self) -> None:
        """Close what is open, and wait until the other side has seen it."""
        for pool in self.pools:
            await pool.closeCachedConnections()
            for connection in tuple(pool._live):
                connection.abort()
        while self.upstream.lost < len(self.upstream.connections) or (
            reactor.getDelayedCalls()
            and any(call.active() and "connectionLost" in repr(call.func) for call in reactor.getDelayedCalls())
        ):
            await self.pause()

    def pause(self, seconds: float = 0.005) -> Deferred[None]:
        waiting: Deferred[None] = Deferred()
        reactor.callLater(seconds, waiting.callback, None)
        return waiting

    async def ask(self, client: TransparentClient) -> tuple[bytes, str]:
        response = await client.send(b"GET", b"/", b"Host: %b\r\n" % HOST.encode())
        body = Body()
        response.deliverBody(body)
        return await body.done

    async def refused(self, client: TransparentClient) -> RelayError:
        try:
            await client.send(b"GET", b"/", b"Authorization: secret\r\n")
        except RelayError as error:
            self.assertEqual(self.upstream.requests, [])
            return error
        raise self.failureException("accepted")


class AcceptedTests(TLSCase):
    """A certificate that is right is accepted, and its connection used again."""

    async def test_a_name(self) -> None:
        """A dNSName of a trusted authority."""
        client = self.client(self.listen(Certificate("x", self.authority, names=dns("other.test", HOST))))
        self.assertEqual(await self.ask(client), (b"hi", "ResponseDone"))
        self.assertEqual(await self.ask(client), (b"hi", "ResponseDone"))
        self.assertEqual(len(self.upstream.connections), 1)

    async def test_a_wildcard(self) -> None:
        """A wildcard of one label."""
        client = self.client(self.listen(Certificate("x", self.authority, names=dns("*.example.test"))))
        self.assertEqual(await self.ask(client), (b"hi", "ResponseDone"))

    async def test_an_address(self) -> None:
        """An iPAddress for an upstream that is an address."""
        client = self.client(self.listen(Certificate("x", self.authority, names=ip("127.0.0.1"))), "127.0.0.1")
        self.assertEqual(await self.ask(client), (b"hi", "ResponseDone"))

    async def test_a_chain(self) -> None:
        """An intermediate authority that the upstream sends along."""
        middle = Certificate("middle", self.authority, authority=True)
        client = self.client(self.listen(Certificate("x", middle, names=dns(HOST)), (middle,)))
        self.assertEqual(await self.ask(client), (b"hi", "ResponseDone"))

    async def test_alpn(self) -> None:
        """http/1.1 is offered, and nothing else."""
        offered: list[list[bytes]] = []

        def select(context: SSL.Context) -> None:
            context.set_alpn_select_callback(lambda _, names: offered.append(names) or names[0])

        client = self.client(self.listen(Certificate("x", self.authority, names=dns(HOST)), change=select))
        await self.ask(client)
        self.assertEqual(offered, [[b"http/1.1"]])

    async def test_our_own_certificate(self) -> None:
        """An upstream that demands a certificate gets ours, and refuses us without one."""

        def demand(context: SSL.Context) -> None:
            context.load_verify_locations(str(self.authority_file))
            context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *args: bool(args[-1]))

        ours = Certificate("us", self.authority, usage=ExtendedKeyUsageOID.CLIENT_AUTH).write(self.directory)
        port = self.listen(Certificate("x", self.authority, names=dns(HOST)), change=demand)
        client = self.client(port, trust=Trust(self.authority_file, ours, ours))
        self.assertEqual(await self.ask(client), (b"hi", "ResponseDone"))
        self.upstream.requests.clear()
        error = await self.refused(self.client(port))
        self.assertIn(error.kind, ("tls_handshake_failed", "upstream_reset_before_response"))

    async def test_dead_peers_are_noticed_below_tls_too(self) -> None:
        """The socket below TLS is probed, sends small records at once, and can be asked what is unacknowledged."""
        client = self.client(self.listen(Certificate("x", self.authority, names=dns(HOST))))
        await self.ask(client)
        (connection,) = self.pool._live
        tcp = innermost(connection.transport).socket
        self.assertEqual(tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE), PROBE_AFTER)
        self.assertTrue(tcp.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
        self.assertTrue(tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        self.assertEqual((unacknowledged(connection.transport), unsent(connection.transport)), (0, 0))

    async def test_large_bodies_and_pauses(self) -> None:
        """A body of many records arrives whole although its receiver pauses, and pauses hold."""
        size = 3 << 20
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
        self.upstream.answer = lambda protocol: protocol.transport.write(head + b"x" * size)
        client = self.client(self.listen(Certificate("x", self.authority, names=dns(HOST))))
        response = await client.send(b"GET", b"/", b"")
        body = Body()
        response.deliverBody(body)
        for _ in range(3):
            response.pauseProducing()
            seen = len(body.pieces)
            await self.pause(0.02)
            self.assertEqual(len(body.pieces), seen)
            response.resumeProducing()
            await self.pause(0.002)
        data, ending = await body.done
        self.assertEqual((len(data), ending), (size, "ResponseDone"))

    async def test_records_of_one_read_are_one_piece(self) -> None:
        """Many small records cost fewer pieces than records."""
        records = 200

        def answer(protocol: Answering) -> None:
            # One record for each write, which Twisted's own server transport would join.
            write = partial(TLSMemoryBIOProtocol.write, protocol.transport)
            write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(records):
                write(b"1\r\nx\r\n")
            write(b"0\r\n\r\n")

        self.upstream.answer = answer
        client = self.client(self.listen(Certificate("x", self.authority, names=dns(HOST))))
        response = await client.send(b"GET", b"/", b"")
        body = Body()
        response.deliverBody(body)
        data, _ = await body.done
        self.assertEqual(data, b"x" * records)
        self.assertLess(len(body.pieces), records // 4)

    async def test_a_client_that_leaves_closes_the_connection(self) -> None:
        """Aborting a body reaches the upstream at once, also while paused."""
        self.upstream.answer = lambda protocol: protocol.transport.write(OK[:-2])
        client = self.client(self.listen(Certificate("x", self.authority, names=dns(HOST))))
        response = await client.send(b"GET", b"/", b"")
        response.deliverBody(Body())
        response.pauseProducing()
        response.abortConnection()
        while not self.upstream.lost:
            await self.pause()
        self.assertEqual(self.pool.live_count, 0)


class RefusedTests(TLSCase):
    """Whatever is not shown to be right is refused before a byte of the request is sent."""

    async def assertRefused(self, port: int, word: str, host: str = HOST, trust: Trust | None = None) -> None:
        error = await self.refused(self.client(port, host, trust))
        self.assertEqual(
            (error.kind, error.status, error.error_type), ("tls_handshake_failed", 502, "tls_handshake_failed")
        )
        self.assertIn(word, error.message)
        self.assertEqual(self.pool.live_count, 0)

    async def test_names(self) -> None:
        """Another name, none, one of another kind, one that cannot be read: all refused."""
        cases: list[tuple[str, dict, str]] = [
            ("wrong name", {"names": dns("other.example.test")}, "is not for"),
            ("parent domain", {"names": dns("example.test")}, "is not for"),
            ("wildcard two labels up", {"names": dns("*.test")}, "certificate"),
            ("name as suffix", {"names": dns("xapi.example.test", "api.example.test.evil.test")}, "is not for"),
            ("address only", {"names": ip("127.0.0.1")}, "is not for"),
            ("mail address only", {"names": [x509.RFC822Name(f"a@{HOST}")]}, "subjectAltName"),
            ("no names but the common name", {}, "subjectAltName"),
            ("empty names", {"raw_names": b"\x30\x00"}, "certificate"),
            ("names that cannot be read", {"raw_names": b"\x30\x05\xff"}, "certificate"),
        ]
        for label, how, word in cases:
            with self.subTest(label):
                await self.assertRefused(self.listen(Certificate(HOST, self.authority, **how)), word)

    async def test_addresses(self) -> None:
        """An upstream that is an address needs that iPAddress; its text as a name does not do."""
        for names in (dns("127.0.0.1"), dns("localhost"), ip("127.0.0.2"), ip("::1")):
            port = self.listen(Certificate("127.0.0.1", self.authority, names=names))
            await self.assertRefused(port, "certificate", "127.0.0.1")

    async def test_times(self) -> None:
        """Expired and not yet valid, the certificate's own or its authority's."""
        expired = {"begins": NOW - 3 * DAY, "ends": NOW - DAY}
        future = {"begins": NOW + DAY, "ends": NOW + 2 * DAY}
        await self.assertRefused(self.listen(Certificate("x", self.authority, names=dns(HOST), **expired)), "expired")
        await self.assertRefused(
            self.listen(Certificate("x", self.authority, names=dns(HOST), **future)), "not valid yet"
        )
        old = Certificate("old", authority=True, **expired)
        port = self.listen(Certificate("x", old, names=dns(HOST)))
        await self.assertRefused(port, "expired", trust=Trust(old.write(self.directory)))

    async def test_issuers(self) -> None:
        """Self-signed, an unknown authority, a missing intermediate, an issuer that is none."""
        await self.assertRefused(self.listen(Certificate("x", names=dns(HOST))), "self-signed")
        other = Certificate("authority", authority=True)
        await self.assertRefused(self.listen(Certificate("x", other, names=dns(HOST))), "not trusted")
        middle = Certificate("middle", self.authority, authority=True)
        await self.assertRefused(self.listen(Certificate("x", middle, names=dns(HOST))), "not trusted")
        leaf = Certificate("leaf", self.authority, names=dns("leaf.test"))
        await self.assertRefused(self.listen(Certificate("x", leaf, names=dns(HOST)), (leaf,)), "not trusted")

    async def test_usage(self) -> None:
        """A certificate for clients is none for servers."""
        usage = ExtendedKeyUsageOID.CLIENT_AUTH
        port = self.listen(Certificate("x", self.authority, names=dns(HOST), usage=usage))
        await self.assertRefused(port, "not valid for servers")

    async def test_system_trust_is_replaced_and_does_not_hold_ours(self) -> None:
        """Without --upstream-ca a private authority is unknown."""
        port = self.listen(Certificate("x", self.authority, names=dns(HOST)))
        await self.assertRefused(port, "not trusted", trust=Trust())

    async def test_old_versions(self) -> None:
        """TLS 1.1 is not spoken."""

        def old(context: SSL.Context) -> None:
            context.set_cipher_list(b"DEFAULT@SECLEVEL=0")
            context.set_min_proto_version(SSL.TLS1_VERSION)
            context.set_max_proto_version(SSL.TLS1_1_VERSION)

        port = self.listen(Certificate("x", self.authority, names=dns(HOST)), change=old)
        await self.assertRefused(port, "TLS handshake")

    async def test_no_tls_at_all(self) -> None:
        """An upstream that speaks plain HTTP is refused, and one that closes."""
        for act in (lambda p, data: p.transport.write(OK), lambda p, data: p.transport.loseConnection()):
            plain = Upstream()
            plain.protocol = type("Plain", (Answering,), {"dataReceived": act})
            port = reactor.listenTCP(0, plain, interface="127.0.0.1")
            self.addCleanup(port.stopListening)
            self.upstream = plain
            await self.assertRefused(port.getHost().port, "TLS")

    async def test_an_upstream_that_says_nothing(self) -> None:
        """The handshake counts towards the connect limit; leaving during it closes the connection."""
        plain = Upstream()
        plain.protocol = type("Silent", (Answering,), {"dataReceived": lambda p, data: None})
        port = reactor.listenTCP(0, plain, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.upstream = plain
        client = self.client(port.getHost().port)
        self.pool.timeouts = Timeouts(connect=0.2)
        error = await self.refused(client)
        self.assertEqual(error.kind, "connect_timeout")
        while not plain.lost:
            await self.pause()

    def test_settings(self) -> None:
        """Files that are not what they should be are named with their option."""
        empty = self.directory / "empty.pem"
        empty.write_bytes(b"")
        key = Certificate("other").write(self.directory)
        for trust, word in (
            (Trust(authorities=self.directory / "none.pem"), "--upstream-ca"),
            (Trust(authorities=empty), "--upstream-ca"),
            (Trust(certificate=empty), "--client-cert"),
            (Trust(certificate=self.authority_file, key=empty), "--client-key"),
            (Trust(certificate=self.authority_file, key=key), "--client-key"),
        ):
            self.assertIn(word, str(self.assertRaises(TLSSettingError, make_context, trust)))
        key.chmod(0o644)
        error = self.assertRaises(TLSSettingError, make_context, Trust(certificate=key))
        self.assertIn(f"chmod 600 {key}", str(error))


class ManyTests(TLSCase):
    """Connections do not disturb one another."""

    async def test_several_at_once(self) -> None:
        """20 handshakes at a time with one context."""
        client = self.client(self.listen(Certificate("x", self.authority, names=dns(HOST))))
        answers = await gatherResults([Deferred.fromCoroutine(self.ask(client)) for _ in range(20)])
        self.assertEqual(set(answers), {(b"hi", "ResponseDone")})


class EndingTests(TLSCase):
    """How a TLS connection ends, and what that says of a body."""

    def ragged(self, answer: bytes) -> None:
        """Answer, and close the connection without a word in TLS."""

        def reply(protocol: Answering) -> None:
            protocol.transport.write(answer)
            reactor.callLater(0.02, protocol.transport.transport.loseConnection)

        self.upstream.answer = reply

    async def test_without_close_notify(self) -> None:
        """A body that ends with its connection is as whole as every direct client has it."""
        self.ragged(b"HTTP/1.0 200 OK\r\n\r\nhi")
        client = self.client(self.listen(Certificate("x", self.authority, names=dns(HOST))))
        self.assertEqual(await self.ask(client), (b"hi", "PotentialDataLoss"))

    async def test_framed_bodies_are_cut(self) -> None:
        """A body that says how long it is, or that it goes on, is not whole then."""
        for head in (b"Content-Length: 9\r\n\r\nhi", b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"):
            self.ragged(b"HTTP/1.1 200 OK\r\n" + head)
            client = self.client(self.listen(Certificate("x", self.authority, names=dns(HOST))))
            self.assertEqual(await self.ask(client), (b"hi", "UpstreamTruncated"))

    async def test_reset(self) -> None:
        """A connection that is reset has cut what it carried, whatever the framing."""

        def reply(protocol: Answering) -> None:
            protocol.transport.write(b"HTTP/1.0 200 OK\r\n\r\nhi")
            reactor.callLater(0.02, protocol.transport.transport.abortConnection)

        self.upstream.answer = reply
        client = self.client(self.listen(Certificate("x", self.authority, names=dns(HOST))))
        self.assertEqual((await self.ask(client))[1], "UpstreamTruncated")


class ResumptionTests(TLSCase):
    """A new connection resumes the session of an old one."""

    async def ask_again(self, change=lambda context: None, abort: bool = False) -> list[bool]:
        """Ask three times, each on a connection of its own; tell which resumed a session."""
        seen: list[bool] = []

        def answer(protocol: Answering) -> None:
            tls = protocol.transport._tlsConnection
            seen.append(bool(SSL._lib.SSL_session_reused(tls._ssl)))
            protocol.transport.write(OK)

        self.upstream.answer = answer
        client = self.client(self.listen(Certificate("x", self.authority, names=dns(HOST)), change=change))
        for _ in range(3):
            self.assertEqual(await self.ask(client), (b"hi", "ResponseDone"))
            for connection in tuple(self.pool._live):
                connection.abort() if abort else connection.close()
            await self.pause(0.02)
        return seen

    async def test_closed(self) -> None:
        """After an orderly end, with TLS 1.3 and 1.2."""
        self.assertEqual(await self.ask_again(), [False, True, True])

        def old(context: SSL.Context) -> None:
            context.set_max_proto_version(SSL.TLS1_2_VERSION)

        self.assertEqual(await self.ask_again(old), [False, True, True])

    async def test_aborted(self) -> None:
        """After a connection that a client's leaving has cut."""
        self.assertEqual(await self.ask_again(abort=True), [False, True, True])

    async def test_no_session_to_resume(self) -> None:
        """An upstream that resumes nothing gets a whole handshake each time."""

        def none(context: SSL.Context) -> None:
            context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
            context.set_options(SSL.OP_NO_TICKET)

        self.assertEqual(await self.ask_again(none), [False, False, False])

    async def test_refused_certificates_leave_no_session(self) -> None:
        """What was refused once is refused again, and not let in by a session."""
        client = self.client(self.listen(Certificate("x", self.authority, names=dns("other.test"))))
        for _ in range(2):
            self.assertEqual((await self.refused(client)).kind, "tls_handshake_failed")
