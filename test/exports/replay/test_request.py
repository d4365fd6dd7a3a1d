"""Tests of making a request out of a record."""

import base64
import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.replay.edits import Edits, read_setting
from ccsproxy.exports.replay.errors import NotReplayable
from ccsproxy.exports.replay.request import replay_request

HEADERS = [
    ["Host", "api.anthropic.com"], ["X-Api-Key", "<redacted>"], ["content-type", "application/json"],
    ["Content-Length", "99"], ["Accept-Encoding", "gzip, br"], ["Connection", "keep-alive, X-Hop"], ["X-Hop", "1"],
    ["anthropic-beta", "a,b"], ["Proxy-Authorization", "Basic x"], ["X-Stainless-Lang", "js"],
]  # fmt: skip
BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def record(body: Any = BODY, **more: Any) -> dict[str, Any]:
    request = {
        "method": "POST",
        "path": "/v1/messages?beta=true",
        "headers_raw": HEADERS,
        "headers": {},
        "body": body,
    }
    request |= {"body_bytes": 10, "headers": {"content-type": "application/json"}, **more.pop("request", {})}
    capture = {"faults": [], "redactions": 0, "redacted": []}
    return {
        "upstream": "anthropic", "upstream_url": "https://api.anthropic.com", "dialect": "anthropic",
        "transport": "http", "request": request, "capture": capture, **more,
    }  # fmt: skip


class RequestTests(SynchronousTestCase):
    """What is sent."""

    def test_as_it_was(self) -> None:
        """Method, target, body, and the fields that say something; none that shows who asks or frames the body."""
        made = replay_request(record(), Edits())
        self.assertEqual(
            (made.method, made.target, made.base), ("POST", "/v1/messages?beta=true", "https://api.anthropic.com")
        )
        self.assertEqual(json.loads(made.body), BODY)
        self.assertEqual([name for name, _ in made.headers], ["content-type", "anthropic-beta", "X-Stainless-Lang"])
        self.assertEqual((made.shown, made.notes), ({"x-api-key"}, ()))

    def test_below_a_name(self) -> None:
        """The segment that chose the upstream is none of its path."""
        made = replay_request(record(request={"path": "/anthropic/v1/messages"}), Edits())
        self.assertEqual(made.target, "/v1/messages")

    def test_key_in_the_query(self) -> None:
        path = "/v1beta/models/g:generateContent?key=<redacted>&alt=sse"
        made = replay_request(record(request={"path": path, "headers_raw": []}), Edits())
        self.assertEqual((made.target, made.shown), ("/v1beta/models/g:generateContent?alt=sse", {"x-goog-api-key"}))

    def test_a_field_that_held_a_secret(self) -> None:
        headers = [["X-Session-Token", "<redacted:jwt:1a2b>"], ["A", "b"]]
        made = replay_request(record(request={"headers_raw": headers}), Edits())
        self.assertEqual(made.headers, (("A", "b"),))
        self.assertIn("X-Session-Token is left out", made.notes[0])

    def test_text_and_binary_bodies(self) -> None:
        self.assertEqual(
            replay_request(record("a=1", request={"headers_raw": [], "headers": {}}), Edits()).body, b"a=1"
        )
        binary = {"body_base64": base64.b64encode(b"\xff\x00").decode(), "body_bytes": 2, "headers_raw": []}
        self.assertEqual(replay_request(record(None, request=binary), Edits()).body, b"\xff\x00")
        nothing = replay_request(record(None, request={"method": "GET", "body_bytes": 0}), Edits())
        self.assertEqual((nothing.method, nothing.body), ("GET", b""))

    def test_a_message_of_a_socket(self) -> None:
        """A message of the Responses API asks the same as a POST; what belongs to the socket is left out."""
        body = {"type": "response.create", "model": "g", "input": [], "previous_response_id": "r", "stream": True}
        fields = {
            "path": "/v1/responses",
            "method": "GET",
            "headers_raw": [["Sec-WebSocket-Key", "x"], ["originator", "codex"]],
        }
        made = replay_request(
            record(body, request=fields, transport="websocket", dialect="openai_responses"), Edits()
        )
        self.assertEqual((made.method, made.target), ("POST", "/v1/responses"))
        self.assertEqual(json.loads(made.body), {"model": "g", "input": [], "stream": True})
        self.assertEqual(dict(made.headers)["originator"], "codex")


class RefusalTests(SynchronousTestCase):
    """What is not sent."""

    def refused(self, given: dict[str, Any], *settings: str) -> str:
        edits = Edits(settings=tuple(map(read_setting, settings)))
        return str(self.assertRaises(NotReplayable, replay_request, given, edits))

    def test_what_was_not_kept(self) -> None:
        self.assertIn("not kept", self.refused(record(None)))
        self.assertIn("as a tunnel", self.refused(record(transport="tunnel")))
        self.assertIn("is incomplete", self.refused(record(capture={"faults": ["request_partial"]})))
        self.assertIn("is incomplete", self.refused(record('{"model": "m", "mess')))
        binary = {"body_base64": base64.b64encode(b"\xff").decode(), "body_bytes": 2}
        self.assertIn("too long", self.refused(record(None, request=binary)))
        self.assertIn("call 3", self.refused(record({"input": [], "_missing_context": 3})))

    def test_other_sockets(self) -> None:
        self.assertIn("WebSocket", self.refused(record(transport="websocket", dialect="openai_realtime")))
        warming = {"type": "response.create", "generate": False}
        self.assertIn("warmed", self.refused(record(warming, transport="websocket", dialect="openai_responses")))

    def test_secrets_that_were_replaced(self) -> None:
        """The place is named; with a value for it the request can be sent."""
        body = {"messages": [{"content": "token <redacted:github-token:7f3a>"}, {"content": "<redacted>"}]}
        redacted = {"redactions": 2, "redacted": [{"kind": "key", "where": "request.body", "count": 2}]}
        given = record(body, capture=redacted)
        said = self.refused(given)
        self.assertIn("messages[0].content and 1 more places", said)
        self.assertIn("messages[1].content;", self.refused(given, "messages[0].content=x"))
        edits = Edits(settings=(read_setting("messages[0].content=x"), read_setting("messages[1].content=y")))
        self.assertEqual(json.loads(replay_request(given, edits).body)["messages"][1]["content"], "y")

    def test_words_that_only_look_so(self) -> None:
        """A request about redaction holds such words itself: where nothing was replaced they stand for nothing."""
        body = {"messages": [{"content": "what is <redacted>?"}]}
        replay_request(record(body), Edits())
        headers_only = {"redactions": 1, "redacted": [{"kind": "key", "where": "request.headers", "count": 1}]}
        replay_request(record(body, capture=headers_only), Edits())
        self.assertIn("replaced", self.refused(record(body, capture={"redactions": 1})))  # an older record: who knows

    def test_a_secret_in_the_path(self) -> None:
        self.assertIn("path", self.refused(record(request={"path": "/bot<redacted:telegram:1234>/x"})))
