"""A change of protocol through the relay in memory: handshakes as they were, then every byte both ways."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.error import ConnectionLost
from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import FrameProtocol

from ccsproxy.proxy.server.access.guard import ServerRules
from test.effort import effort
from test.proxy.relay_rig import Client, Rig
from test.proxy.test_relay import RelayTestCase

HANDSHAKE = (
    b"GET /v1/responses HTTP/1.1\r\nhOst: localhost\r\nupGrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate; x=1\r\n"
    b"Proxy-Connection: x\r\nSec-WebSocket-Version: 13\r\nX-b:  two \r\n\r\n"
)
SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nconnection: upgrade\r\nX-c:  odd\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


class UpgradeTestCase(RelayTestCase):
    """A relay that lets WebSockets pass."""

    def begin(self, request: bytes = HANDSHAKE, **options: object) -> None:
        options.setdefault("rules", ServerRules(websocket=True))
        super().begin(request, **options)

    def switch(self, extra: bytes = b"") -> None:
        self.begin()
        self.rig.upstream.send(SWITCHED + extra)


class Handshakes(UpgradeTestCase):
    """What passes of a handshake, and which do not pass."""

    def test_lines_go_on_as_they_were(self) -> None:
        self.begin()
        wanted = HANDSHAKE.replace(b"localhost", b"api.anthropic.com").replace(b"Proxy-Connection: x\r\n", b"")
        self.assertEqual(self.rig.upstream.got, wanted)

    def test_answer_comes_as_it_was(self) -> None:
        self.switch()
        self.assertEqual(self.client.got, SWITCHED)

    def test_answer_in_single_bytes(self) -> None:
        self.begin()
        for place in range(len(SWITCHED)):
            self.rig.upstream.send(SWITCHED[place : place + 1])
        self.rig.upstream.send(b"\x81\x01a")
        self.assertEqual(self.client.got, SWITCHED + b"\x81\x01a")

    def test_switched_off_is_426(self) -> None:
        self.begin(rules=ServerRules())
        self.assertEqual((self.client.status, self.rig.forwarded), (426, []))
        self.ended("refused", "upgrade_refused")

    def test_half_a_handshake_is_426(self) -> None:
        for wrong in (
            HANDSHAKE.replace(b"keep-alive, Upgrade", b"keep-alive"),
            HANDSHAKE.replace(b"GET", b"POST"),
            HANDSHAKE.replace(b"HTTP/1.1", b"HTTP/1.0"),
            HANDSHAKE.replace(b"X-b:  two ", b"Content-Length: 2") + b"ab",
        ):
            self.begin(wrong)
            self.assertEqual((self.client.status, self.rig.forwarded), (426, []), wrong)

    def test_page_of_another_origin_is_refused(self) -> None:
        self.begin(HANDSHAKE.replace(b"X-b:  two ", b"Origin: https://evil.example"))
        self.assertEqual((self.client.status, self.rig.forwarded), (403, []))

    def test_upstream_that_declines_is_an_ordinary_answer(self) -> None:
        self.begin()
        self.rig.upstream.send(b"HTTP/1.1 426 No\r\nContent-Length: 2\r\n\r\nno")
        self.assertEqual(self.client.got, b"HTTP/1.1 426 No\r\nContent-Length: 2\r\n\r\nno")
        self.ended("http_error", "upstream_http_error")

    def test_101_that_nobody_asked_for_is_none(self) -> None:
        self.begin(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.rig.upstream.send(SWITCHED)
        self.assertEqual(self.client.status, 502)

    def test_record_says_what_it_is(self) -> None:
        self.switch()
        (heard,) = self.rig.heard
        self.assertEqual((heard.head.transport, heard.head.lines), ("websocket", HANDSHAKE[28:-2]))
        self.assertEqual((heard.answer.status, heard.answer.lines), (101, SWITCHED[34:-2]))


class Bytes(UpgradeTestCase):
    """What passes after it."""

    def test_both_ways(self) -> None:
        self.switch()
        self.client.send(b"\x81\x81abcde")
        self.rig.upstream.send(b"\x81\x02hi")
        self.client.send(b"\x00\x0d\x0a\x0d\x0a")
        self.assertTrue(self.rig.upstream.got.endswith(b"\r\n\r\n\x81\x81abcde\x00\x0d\x0a\x0d\x0a"))
        self.assertEqual(self.client.got, SWITCHED + b"\x81\x02hi")
        (heard,) = self.rig.heard
        self.assertEqual((heard.request, heard.response), (b"\x81\x81abcde\x00\x0d\x0a\x0d\x0a", b"\x81\x02hi"))

    def test_client_that_sends_no_more_before_the_answer(self) -> None:
        """Its end goes on as soon as there is somebody to tell, or both sides would wait for one another."""
        self.begin()
        self.client.channel.readConnectionLost()
        self.rig.upstream.send(SWITCHED)
        self.rig.write_batch.flush()
        self.assertTrue(self.rig.upstream.transport.closed)

    def test_what_comes_with_the_answer(self) -> None:
        self.switch(b"\x81\x02hi")
        self.assertEqual(self.client.got, SWITCHED + b"\x81\x02hi")
        self.assertEqual(self.rig.heard[0].response, b"\x81\x02hi")

    def test_what_the_client_sends_before_the_answer_waits_for_it(self) -> None:
        self.begin()
        self.client.send(b"early")
        before = self.rig.upstream.got
        self.rig.upstream.send(SWITCHED)
        self.assertEqual(self.rig.upstream.got, before + b"early")
        self.assertEqual(self.rig.heard[0].request, b"early")

    def test_slow_client_slows_the_upstream(self) -> None:
        self.switch()
        self.client.channel.pauseProducing()
        self.assertTrue(self.rig.upstream.transport.paused)
        self.client.channel.resumeProducing()
        self.assertFalse(self.rig.upstream.transport.paused)

    def test_slow_upstream_slows_the_client(self) -> None:
        self.switch()
        self.rig.upstream.transport.producer.pauseProducing()
        self.client.send(b"waits")
        self.assertTrue(self.client.transport.paused)
        self.assertFalse(self.rig.upstream.got.endswith(b"waits"))
        self.rig.upstream.transport.producer.resumeProducing()
        self.assertTrue(self.rig.upstream.got.endswith(b"waits"))
        self.assertFalse(self.client.transport.paused)

    def test_silence_for_hours_ends_nothing(self) -> None:
        self.switch()
        self.rig.settle(7 * 3600)
        self.rig.upstream.send(b"still")
        self.assertTrue(self.client.got.endswith(b"still"))


class Random(UpgradeTestCase):
    """Whatever frames there are, however they are cut, whoever is slow meanwhile."""

    @given(
        st.lists(
            st.tuples(
                st.booleans(), st.binary(max_size=300), st.booleans(), st.sampled_from("fpc"), st.integers(1, 99)
            ),
            max_size=15,
        ),
        st.sampled_from(["", "permessage-deflate", "permessage-deflate; server_no_context_takeover"]),
    )
    @settings(max_examples=effort(60), deadline=None)
    def test_bytes_arrive_as_they_were_sent_and_as_they_are_captured(self, parts: list, deflate: str) -> None:
        self.switch()
        before, (heard,) = self.rig.upstream.got, self.rig.heard
        ends = {ours: self.writer(deflate, client=ours) for ours in (True, False)}
        said: dict[bool, bytes] = {True: b"", False: b""}
        for ours, body, fin, kind, cut in parts:
            out = ends[ours]
            data = bytes(
                out.send_data(body, fin=fin) if kind == "f" else out.ping(body[:99]) if kind == "p" else body
            )
            said[ours] += data
            self.pause(ours, cut % 3 == 0)
            for start in range(0, len(data), cut):
                (self.client if ours else self.rig.upstream).send(data[start : start + cut])
        self.pause(True, False)
        self.pause(False, False)
        self.assertEqual(self.rig.upstream.got, before + said[True])
        self.assertEqual(self.client.got, SWITCHED + said[False])
        self.assertEqual((heard.request, heard.response), (said[True], said[False]))

    @staticmethod
    def writer(deflate: str, *, client: bool) -> FrameProtocol:
        extension = PerMessageDeflate()
        extension.finalize(deflate)
        return FrameProtocol(client=client, extensions=[extension] if deflate else [])

    def pause(self, ours: bool, paused: bool) -> None:
        """Let the receiving side of a direction be slow, or quick again."""
        if ours and (producer := self.rig.upstream.transport.producer) is not None:
            (producer.pauseProducing if paused else producer.resumeProducing)()


class Ends(UpgradeTestCase):
    """How it ends."""

    def test_upstream_closes(self) -> None:
        self.switch(b"last")
        self.rig.upstream.lose()
        self.assertTrue(self.client.got.endswith(b"last"))
        self.assertTrue(self.client.transport.closed)
        self.ended("complete")

    def test_upstream_breaks_off(self) -> None:
        self.switch()
        self.rig.upstream.lose(ConnectionLost())
        self.assertTrue(self.client.transport.closed)
        self.ended("upstream_truncated", "upstream_reset")

    def test_client_leaves(self) -> None:
        self.switch()
        self.client.send(b"last")
        self.client.leave()
        self.assertTrue(self.rig.upstream.got.endswith(b"last"))
        self.assertTrue(self.rig.upstream.transport.closed)
        self.assertFalse(self.rig.upstream.transport.aborted)
        self.ended("client_disconnected", "client_disconnected")

    def test_stop_of_the_proxy(self) -> None:
        self.switch()
        self.rig.site.cut()
        self.assertTrue(self.client.transport.closed)
        self.assertTrue(self.rig.upstream.transport.closed)
        self.ended("shutdown", "shutdown")

    def test_stop_waits_for_what_is_not_quiet_only(self) -> None:
        """A model that is silent for some seconds is within an answer; one that was asked owes one for longer."""
        for asked, after in ((b"", 5), (b"ask", 60)):
            self.switch()
            self.client.send(asked)
            self.rig.settle(after)
            self.rig.site.drain()
            self.assertFalse(self.client.transport.closed)
        self.switch()
        self.client.send(b"ask")
        self.rig.upstream.send(b"answer")
        self.rig.settle(11)
        self.rig.site.drain()
        self.assertTrue(self.client.transport.closed)
        self.ended("shutdown", "shutdown")

    def test_no_connection_is_used_again(self) -> None:
        self.switch()
        self.assertEqual((self.rig.client.pool.idle_count, self.rig.client.pool.live_count), (0, 0))

    def test_next_request_is_none_of_http(self) -> None:
        """What looks like a request after the handshake goes on as bytes."""
        self.switch()
        self.client.send(b"GET / HTTP/1.1\r\nHost: evil\r\n\r\n")
        self.assertEqual(len(self.rig.client.upstreams), 1)
        self.assertTrue(self.rig.upstream.got.endswith(b"Host: evil\r\n\r\n"))


class Other(UpgradeTestCase):
    """Other protocols than WebSocket."""

    def test_are_declined_by_leaving_them_out(self) -> None:
        self.begin(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n"
        )
        self.assertEqual(self.rig.upstream.got, b"GET / HTTP/1.1\r\nHost: api.anthropic.com\r\n\r\n")


class Second(UpgradeTestCase):
    """A handshake on a connection that has carried requests."""

    def test_after_an_ordinary_request(self) -> None:
        self.rig = Rig(rules=ServerRules(websocket=True))
        self.client = Client(self.rig)
        self.client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.rig.upstream.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        self.client.send(HANDSHAKE)
        self.rig.upstream.send(SWITCHED + b"x")
        self.assertTrue(self.client.got.endswith(SWITCHED + b"x"))
