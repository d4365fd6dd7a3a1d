"""Records are the same whether redaction takes its quick ways or looks at everything."""

import json
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.capture import frames
from ccsproxy.capture.frames import EndFrame, FrameDecoder
from ccsproxy.capture.recorder.assembly import CapturePolicy
from ccsproxy.capture.recorder.bodies import MemoryBudget
from ccsproxy.capture.recorder.interfaces import Interpreters
from ccsproxy.capture.recorder.recorder import Recorder
from ccsproxy.capture.recorder.report import MainReport, Report
from ccsproxy.capture.recorder.sessions.sessions import Sessions
from ccsproxy.clients import identify
from ccsproxy.dialects import detect
from ccsproxy.exchange.record import Record
from ccsproxy.redaction import Redactor, redactors
from test.capture import encoded
from test.capture.fakes import SSE, ending, request_head, response_head
from test.capture.recorder.fake_interfaces import MemoryStore
from test.effort import effort
from test.redaction.test_consistency import CANARY, SHAPED, TEXT, anthropic, chat, cut
from test.redaction.test_rules import Thorough


class Everything(Thorough):
    """A redactor without any quick way."""

    def gathering(self) -> None:
        return None

    def holds_none(self, texts: Any) -> bool:
        return False

    def headers(self, fields: Any, where: str = "headers") -> Any:
        self._clean_values.are = lambda *_: False  # type: ignore[method-assign]
        return super().headers(fields, where)


WORDS = "So it goes, and the key was never there. " * 3
ODD = st.sampled_from(
    (
        b"",
        b": a comment\n\n",
        b"data: [DONE]\n\n",
        b"data: [DONE] %b\n\n" % SHAPED.encode(),
        b"event: %b\ndata: {}\n\n" % SHAPED.encode(),
        b"id: %b\ndata: {}\n\n" % CANARY.encode(),
        b"data: no json, %b\n\n" % SHAPED.encode(),
        b'data: {"api_key":"hidden"}\n\n',
        b'data: {"type":"ping","%b":1}\n\n' % SHAPED.encode(),
        b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\xff\xfe"}}\n\n',
        b'\r\ndata: {"a":"' + CANARY.encode(),
        b'{"error":"%b"}' % SHAPED.encode(),
        b'data: {"a":"%b' % SHAPED.encode(),
    )
)


def sse(events: list[Any]) -> bytes:
    return "".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
        if "type" in event
        else f"data: {json.dumps(event)}\n\n"
        for event in events
    ).encode()


def record(redactor: Any, body: Any, stream: bytes, pieces: list[bytes], keep: int) -> tuple[Record, Any]:
    """Return the record of an exchange, and what announced it."""
    store = MemoryStore()
    rooms = (Interpreters(detect, identify), redactor, Sessions("run", store.last_seq, bytes), store)
    recorder = Recorder(
        CapturePolicy(body_limit=keep),
        *rooms,
        Report(MainReport(lambda lines: None, lambda flush: None)),
        MemoryBudget(1 << 20),
    )
    question = json.dumps(body).encode()
    headers = [(b"X-Api-Key", CANARY.encode()), (b"X-Echo", b"a word"), (b"Content-Length", b"%d" % len(question))]
    said = [
        encoded.head(1, 0, request_head(headers=headers)),
        frames.frame(frames.REQUEST_BODY, 1, 5, question),
        encoded.response_head(1, 9, response_head(200, SSE, (b"Request-Id", b"req_1"))),
        *(frames.frame(frames.RESPONSE_BODY, 1, 10 * at, piece) for at, piece in enumerate(pieces, 1)),
        encoded.end(1, 9000, EndFrame(ending(), len(question), len(stream))),
    ]
    for frame in FrameDecoder().feed(b"".join(said)):
        recorder.take(frame)
    return store.records[0], store.begun[0]


class QuickRedactionTests(SynchronousTestCase):
    """The quick ways save time and nothing else."""

    make = staticmethod(redactors())

    def check(self, body: Any, stream: bytes, cuts: list[int], keep: int = 1 << 16) -> Record:
        edges = [0, *sorted(each % (len(stream) + 1) for each in cuts), len(stream)]
        pieces = [stream[i:j] for i, j in pairwise(edges) if i < j]
        quick = record(self.make, body, stream, pieces, keep)
        thorough = record(Everything, body, stream, pieces, keep)
        self.assertEqual(msgspec.json.encode(quick[1]), msgspec.json.encode(thorough[1]))
        self.assertEqual(msgspec.json.encode(quick[0]), msgspec.json.encode(thorough[0]))
        for secret in (CANARY, SHAPED, "h1dden-81x"):
            self.assertNotIn(secret.encode(), msgspec.json.encode(quick))
        return quick[0]

    @given(
        st.sampled_from((anthropic, chat)),
        st.booleans(),
        st.lists(st.integers(0, 400), max_size=12),
        st.lists(st.integers(0, 1 << 16), max_size=12),
        st.lists(st.tuples(st.integers(0, 20), ODD), max_size=2),
        st.sampled_from((1 << 16, 700)),
    )
    @settings(max_examples=effort(100), deadline=None)
    def test_streams(
        self, make: Any, secret: bool, cuts: list[int], reads: list[int], odd: list[tuple[int, bytes]], keep: int
    ) -> None:
        """Ordinary and odd streams, with and without secrets, cut into events and reads at any places."""
        text = cut(TEXT if secret else WORDS, cuts)
        parts = [sse([event]) for event in make(text, cut('{"command": "ls -l"}', cuts))]
        for at, piece in odd:
            parts.insert(at % (len(parts) + 1), piece)
        self.check({"model": "m"}, b"".join(parts), reads, keep)

    def test_a_bare_error_that_is_cut(self) -> None:
        """What is behind the last event is told of, whole or cut, also where it is looked at for secrets first."""
        stream = sse(chat(["It goes."], ["{}"]))
        for error in (b'{"error":{"message":"overl', b'[{"error":"%b' % SHAPED.encode(), b'{"a":1}data: {"b":"'):
            with self.subTest(error=error):
                made = self.check({"model": "m"}, stream + error, [7, 90, len(stream)])
                self.assertLessEqual({"bare_json", "invalid_event_json"}, set(made.capture.faults))

    @given(
        st.recursive(
            st.sampled_from(("plain", SHAPED, CANARY, f"x {CANARY[:9]}", TEXT, 5, None)),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("a", "token", SHAPED)), inner)
            ),
            max_leaves=6,
        )
    )
    @settings(max_examples=effort(50), deadline=None)
    def test_bodies(self, messages: Any) -> None:
        """Request bodies of any shape."""
        body = (
            {"model": "m", "messages": messages, "api_key": "h1dden-81x"} if messages == 5 else {"messages": messages}
        )
        self.check(body, b"", [])

    def test_a_long_ordinary_stream_is_not_read_again(self) -> None:
        """The usual stream is neither cut into events a second time nor searched event by event."""
        self.patch(Redactor, "find", lambda redactor, text: [] if len(text) < 64 else self.fail("searched"))
        events = anthropic([f"{word} " for word in WORDS.split()], ["{", "}"])
        stream = sse(events)
        made, _ = record(self.make, {"model": "m"}, stream, [sse([event]) for event in events], 1 << 16)
        self.assertEqual((made.response.stream.text, made.capture.faults), (stream.decode(), []))
