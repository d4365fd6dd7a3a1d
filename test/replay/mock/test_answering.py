"""Tests of answering requests from records, on whatever they come."""

import json
from io import BytesIO
from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import NOT_DONE_YET
from twisted.web.test.requesthelper import DummyRequest
from wsproto.events import CloseConnection, TextMessage

from ccsproxy.exports.mock.answers import RecordedAnswer
from ccsproxy.exports.mock.matching import PREFIX
from ccsproxy.replay.mock.answering import Answering, MockedCall, Served, recorded_call
from ccsproxy.replay.mock.site import MockResource
from ccsproxy.replay.mock.socket import MockSocket
from ccsproxy.wire.coding import decode
from ccsproxy.wire.websocket_peer import SocketPeer
from test.wire.test_websocket_peer import Client

BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def call(seq: int, body: Any, path: str = "/v1/messages", pieces: Any = ((1.0, b"{}"),), **more: Any) -> MockedCall:
    record = {"session_id": "s", "seq": seq, "request": {"method": "POST", "path": path, "body": body}, **more}
    answer = RecordedAnswer(200, "OK", (), 0.0, pieces, more.get("ends", True))
    return recorded_call(record, path, lambda: answer)


class AnsweringCase(SynchronousTestCase):
    """Recorded calls, and what was told of requests."""

    def answering(self, *calls: MockedCall, speed: float = 1.0) -> Answering:
        self.told: list[Served] = []
        return Answering(calls, PREFIX, speed, frozenset(["openai"]), self.told.append)


class ChoiceTests(AnsweringCase):
    """What answers."""

    def test_told_and_counted(self) -> None:
        answering = self.answering(call(1, BODY), call(2, {**BODY, "messages": []}), speed=2.0)
        answer, why = answering.answer("POST", "/v1/messages", BODY, b"")
        assert answer is not None
        self.assertEqual((answer.pieces[0][0], why, answering.left), (0.5, "", ["s/2"]))
        self.assertEqual(self.told, [Served("POST", "/v1/messages", 200, "s/1", "equal")])

    def test_below_the_name_of_an_upstream(self) -> None:
        answering = self.answering(call(1, BODY, "/v1/responses"))
        self.assertIsNotNone(answering.answer("POST", "/openai/v1/responses", BODY, b"")[0])
        self.assertIsNone(answering.answer("POST", "/other/v1/responses", BODY, b"")[0])

    def test_why_not(self) -> None:
        answering = self.answering(call(1, BODY))
        other = {"messages": [{"role": "user", "content": "bye"}]}
        self.assertIn("s/1, says something else", answering.answer("POST", "/v1/messages", other, b"")[1])
        self.assertIn("no recorded call went to GET /v1/models", answering.answer("GET", "/v1/models", None, b"")[1])
        answering.answer("POST", "/v1/messages", BODY, b"")
        self.assertIn("was given already", answering.answer("POST", "/v1/messages", other, b"")[1])


class SiteTests(AnsweringCase):
    """Requests of HTTP."""

    def ask(self, body: bytes, **headers: str) -> Any:
        request: Any = DummyRequest([b""])
        request.isSecure, request.setResponseCode = (
            lambda: False,
            lambda code, _=b"": setattr(request, "responseCode", code),
        )
        request.getRequestHostname = lambda: headers["host"].partition(":")[0].encode()
        request.method, request.uri, request.content = b"POST", b"/v1/messages", BytesIO(body)
        for name, value in headers.items():
            request.requestHeaders.setRawHeaders(name.replace("_", "-"), [value])
        self.clock = Clock()
        resource = MockResource(self.clock, self.answering(call(1, BODY)))
        request.said = resource.render(request)
        return request

    def test_an_answer(self) -> None:
        request = self.ask(json.dumps(BODY).encode(), host="127.0.0.1:1")
        self.assertEqual(request.said, NOT_DONE_YET)
        self.clock.advance(1)
        self.assertEqual(b"".join(request.written), b"{}")

    def test_none(self) -> None:
        request = self.ask(b"{}", host="localhost")
        self.assertEqual((request.responseCode, json.loads(request.said)["type"]), (404, "error"))

    def test_web_pages_are_refused(self) -> None:
        """By a name of their own, by their origin, or by what the browser says of it."""
        whole = json.dumps(BODY).encode()
        for headers, status in (
            ({"host": "evil.example"}, 421),
            ({"host": "localhost", "origin": "https://evil.example"}, 403),
            ({"host": "localhost", "sec_fetch_site": "cross-site"}, 403),
        ):
            self.assertEqual(self.ask(whole, **headers).responseCode, status)
            self.assertEqual((self.told[0].status, self.told[0].call), (status, ""))

    def test_a_compressed_request(self) -> None:
        """Codex compresses its bodies."""
        import zstandard

        body = zstandard.ZstdCompressor().compress(json.dumps(BODY).encode())
        self.assertEqual(decode(body, "zstd", 1 << 20).data, json.dumps(BODY).encode())
        self.ask(body, host="localhost", content_encoding="zstd")
        self.assertEqual(self.told[0].call, "s/1")


class SocketTests(AnsweringCase):
    """Messages of a WebSocket."""

    def setUp(self) -> None:
        lines = b'{"type": "response.created"}\n{"type": "response.completed"}\n'
        pieces = ((1.0, lines[:29]), (2.0, lines[29:]))
        socket = {"transport": "websocket"}
        self.known = self.answering(
            call(1, {"type": "response.create", "input": "a"}, "/v1/responses", pieces, **socket),
            call(2, {"type": "response.create", "input": "b"}, "/v1/responses", pieces[:1], ends=False, **socket),
        )
        self.clock, self.transport = Clock(), StringTransport()
        self.socket = MockSocket(self.clock, self.known)
        self.socket.makeConnection(self.transport)
        self.client = Client(SocketPeer())
        self.socket.dataReceived(self.client.opening)
        self.read()

    def read(self) -> list[str]:
        """Return the texts that have come since the last time."""
        before = len(self.client.heard)
        self.client.take(self.transport.value())
        self.transport.clear()
        return [event.data for event in self.client.heard[before:] if isinstance(event, TextMessage)]

    def say(self, value: Any) -> None:
        text = value if isinstance(value, str) else json.dumps(value)
        self.socket.dataReceived(self.client.connection.send(TextMessage(text)))

    def test_events_at_their_times(self) -> None:
        self.assertTrue(self.known.has_sockets("/openai/v1/responses"))
        self.say({"type": "response.create", "input": "a"})
        self.clock.advance(1)
        self.assertEqual(self.read(), ['{"type": "response.created"}'])
        self.clock.advance(1)
        self.assertEqual(self.read(), ['{"type": "response.completed"}'])

    def test_no_record(self) -> None:
        for said in ({"type": "response.create", "input": "c"}, "no json"):
            self.say(said)
            self.assertEqual(json.loads(self.read()[0])["status"], 404)

    def test_cut_off(self) -> None:
        self.say({"type": "response.create", "input": "b"})
        self.clock.advance(1)
        self.read()
        self.assertIsInstance(self.client.heard[-1], CloseConnection)
        self.assertTrue(self.transport.disconnecting)

    def test_a_client_that_leaves(self) -> None:
        self.say({"type": "response.create", "input": "a"})
        self.socket.connectionLost()
        self.assertEqual(self.clock.getDelayedCalls(), [])
