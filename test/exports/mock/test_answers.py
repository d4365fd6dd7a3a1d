"""Tests of recorded answers as they are given again."""

import base64
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.mock.answers import answer_of, spread
from test.effort import effort

EVENTS = "event: a\ndata: 1\n\nevent: b\ndata: héllo\n\ndata: [DONE]\n\n"


def record(response: Any, **more: Any) -> dict[str, Any]:
    timing = {"headers": 100.0, "first_byte": 150.0, "last_byte": 400.0}
    return {
        "transport": "http",
        "timing": timing,
        "duration_ms": 400.0,
        "partial": False,
        "response": response,
        **more,
    }


def response(**more: Any) -> dict[str, Any]:
    lines = [
        ["Content-Type", "text/event-stream"],
        ["Content-Encoding", "gzip"],
        ["Transfer-Encoding", "chunked"],
        ["request-id", "r"],
        ["Set-Cookie", "a=<redacted>"],
        ["x-org", "<redacted:key:1234>"],
        ["Vary", "a"],
        ["Vary", "b"],
    ]
    return {
        "status": 200,
        "reason": "OK",
        "headers": {"content-type": "text/event-stream"},
        "headers_raw": lines,
        **more,
    }


class AnswerTests(SynchronousTestCase):
    """Heads, bodies, endings."""

    def test_a_stream(self) -> None:
        """Its pieces at their times; fields that say something, without what was replaced."""
        size = len(EVENTS.encode())
        stream = {"text": EVENTS, "chunks": [[150.0, 18], [300.0, 20], [400.0, size - 38]]}
        made = answer_of(record(response(stream=stream)))
        assert made is not None
        self.assertEqual(b"".join(data for _, data in made.pieces), EVENTS.encode())
        self.assertEqual([(at, len(data)) for at, data in made.pieces], [(0.15, 18), (0.3, 20), (0.4, size - 38)])
        self.assertEqual((made.head_at, made.ends, made.status), (0.1, True, 200))
        self.assertEqual(
            made.headers, (("Content-Type", "text/event-stream"), ("request-id", "r"), ("Vary", "a"), ("Vary", "b"))
        )

    def test_speed(self) -> None:
        stream = {"text": EVENTS, "chunks": [[150.0, 1], [400.0, 1]]}
        made = answer_of(record(response(stream=stream)))
        assert made is not None
        self.assertEqual([at for at, _ in made.at_speed(2).pieces], [0.075, 0.2])
        self.assertEqual((made.at_speed(0).head_at, {at for at, _ in made.at_speed(0).pieces}), (0.0, {0.0}))

    def test_a_body(self) -> None:
        """JSON whole, when its last byte came; an error with its status; no body at all."""
        made = answer_of(record(response(status=529, body_reassembled={"type": "error"}, body_bytes=9)))
        assert made is not None
        self.assertEqual((made.status, made.pieces), (529, ((0.4, b'{"type":"error"}'),)))
        empty = answer_of(record(response(status=204, body_bytes=0)))
        assert empty is not None
        self.assertEqual(empty.pieces, ())
        binary = answer_of(record(response(body_base64=base64.b64encode(b"\xff\0").decode(), body_bytes=2)))
        assert binary is not None
        self.assertEqual(binary.pieces[0][1], b"\xff\0")

    def test_one_that_was_cut(self) -> None:
        made = answer_of(record(response(stream={"text": "data: 1\n\n", "chunks": [[1.0, 9]]}), partial=True))
        assert made is not None
        self.assertFalse(made.ends)

    def test_what_the_relay_answered(self) -> None:
        error = {"kind": "upstream_timeout", "message": 'no "answer" in time'}
        made = answer_of(record(None, outcome="upstream_timeout", error=error))
        assert made is not None
        self.assertEqual(
            (made.status, json.loads(made.pieces[0][1])["error"]["message"]), (504, "no 'answer' in time")
        )
        refused = answer_of(record(None, outcome="upstream_unreachable"))
        assert refused is not None
        self.assertEqual(refused.status, 502)

    def test_what_cannot_be_given(self) -> None:
        aws = response(
            stream={"text": "{}", "chunks": [[1.0, 9]]},
            headers={"content-type": "application/vnd.amazon.eventstream"},
        )
        for given_ in (
            record(None, outcome="client_disconnected"),
            record(response(), transport="tunnel"),
            record(response(body_bytes=10)),  # only its size was kept
            record(response(body_base64=base64.b64encode(b"x").decode(), body_bytes=2)),
            record(aws),
        ):
            self.assertIsNone(answer_of(given_))


class SpreadTests(SynchronousTestCase):
    """Where a stream is cut."""

    @given(st.binary(max_size=60), st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 40)), max_size=12))
    @settings(max_examples=effort(200), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_nothing_is_lost(self, content: bytes, chunks: list[Any]) -> None:
        """Every byte once, in order, whatever sizes were noted; none where none were."""
        pieces = list(spread(content, chunks))
        whole = b"".join(data for _, data in pieces)
        self.assertEqual(whole, content if sum(size for _, size in chunks) else b"")
        self.assertNotIn(b"", [data for _, data in pieces])
        if sum(size for _, size in chunks) == len(content):
            self.assertEqual([len(data) for _, data in pieces], [size for _, size in chunks if size])

    def test_between_events(self) -> None:
        """What was compressed on the wire, or replaced, is cut between events only."""
        content = EVENTS.encode()
        for sizes in ([1, 1, 1], [5, 90, 3], [1000, 1, 1], [1] * 20):
            pieces = [data for _, data in spread(content, [(n, size) for n, size in enumerate(sizes)])]
            self.assertEqual(b"".join(pieces), content)
            self.assertTrue(all(piece.endswith(b"\n\n") for piece in pieces), sizes)
