"""From frames to records: every exchange becomes one record, whatever happens to it or to its neighbours."""

import gzip
import hashlib
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.capture import frames
from ccsproxy.capture.frames import EndFrame, Frame, FrameDecoder, Lost
from ccsproxy.capture.journal import Begun
from ccsproxy.capture.recorder.assembly import CapturePolicy
from ccsproxy.capture.recorder.bodies import MemoryBudget
from ccsproxy.capture.recorder.ingest.unclean import only_begun
from ccsproxy.capture.recorder.interfaces import Interpreters
from ccsproxy.capture.recorder.recorder import Recorder
from ccsproxy.capture.recorder.report import MainReport, RelayReport, Report
from ccsproxy.capture.recorder.sessions.sessions import Sessions
from ccsproxy.capture.recorder.storing import record_writer
from ccsproxy.exchange.record import Record, Started
from ccsproxy.exchange.relayed import Ending, RequestHead, ResponseHead, Timing
from ccsproxy.store.maintenance.unclean import unclean_record
from test.capture import encoded
from test.capture.fakes import JSON, SSE, ending, request_head, response_head
from test.capture.recorder import fake_interfaces
from test.capture.recorder.fake_interfaces import MemoryStore, Stars
from test.effort import effort


class Dropped(Exception):
    """The store's way to say no."""

    reason = "disk_full"


class RecorderCase(SynchronousTestCase):
    """A recorder over a store in memory."""

    meaning = fake_interfaces.MEANING
    keeping = CapturePolicy(body_limit=10_000)
    recorder_class = Recorder

    def setUp(self) -> None:
        self.store, self.lines = MemoryStore(), bytearray()
        self.redactor: Any = Stars()
        self.budget = MemoryBudget(1 << 20)
        self.make()

    def make(self, under_way: dict[str, Started] | None = None, stored: tuple[str, ...] = ()) -> None:
        self.report = Report(MainReport(self.lines.__iadd__, lambda flush: None))
        self.drops: list[str] = []
        relay = RelayReport(self.lines.__iadd__, lambda flush: None, lambda: 0, self.drops.append)
        self.report.relays[0] = relay
        sessions = Sessions("run", self.store.last_seq)
        rooms = (self.meaning, lambda: self.redactor, sessions, self.store)
        self.recorder = self.recorder_class(
            self.keeping, *rooms, self.report, self.budget, under_way, stored, unclean_record
        )

    def told(self, kind: str) -> list[Any]:
        """Return what the relay has been told of one kind."""
        self.report.main.flush()
        self.report.relays[0].flush()
        lines = [msgspec.json.decode(line) for line in bytes(self.lines).splitlines()]
        return [line[kind] for line in lines if kind in line]

    def take(self, *encoded: bytes) -> None:
        for frame in FrameDecoder().feed(b"".join(encoded)):
            self.recorder.take(frame)

    def begin(self, number: int = 1, head: RequestHead | None = None) -> None:
        self.take(encoded.head(number, 0, head or request_head(f"e{number}")))

    def ask(self, body: bytes, number: int = 1, at: int = 10) -> None:
        self.take(frames.frame(frames.REQUEST_BODY, number, at, body))

    def answer(self, head: ResponseHead, *pieces: bytes, number: int = 1) -> None:
        self.take(encoded.response_head(number, 1000, head))
        for at, piece in enumerate(pieces, 2):
            self.take(frames.frame(frames.RESPONSE_BODY, number, at * 1000, piece))

    def end(self, end: Ending | None = None, request: int = 0, response: int = 0, number: int = 1) -> Record:
        self.take(encoded.end(number, 9000, EndFrame(end or ending(), request, response)))
        return self.store.records[-1]

    def exchange(self, pieces: list[bytes], head: ResponseHead, end: Ending | None = None) -> Record:
        """Run a whole exchange and return its record."""
        self.begin()
        self.answer(head, *pieces)
        return self.end(end, response=sum(map(len, pieces)))


def started(exchange_id: str, session_id: str, seq: int) -> Started:
    """Make the line of an exchange that an earlier recorder has announced."""
    return msgspec.structs.replace(
        only_begun(Begun(1, exchange_id, 1.0, "anthropic", "run"), session_id, seq), method="POST"
    )


class RecordTests(RecorderCase):
    """What a record says."""

    def test_a_whole_exchange(self) -> None:
        """Request, response, times and counts are those of the wire."""
        body = b'{"model": "m-1", "n": 12345678901234567890123}'
        headers = [(b"Content-Length", str(len(body)).encode()), (b"X-A", b"1"), (b"x-a", b"\xe9")]
        self.begin(head=request_head(headers=headers))
        self.ask(body[:10])
        self.ask(body[10:])
        self.answer(response_head(200, SSE, (b"Request-Id", b"req_1")), b"hello\n", b"world\nend\n")
        record = self.end(request=len(body), response=16)
        self.assertEqual((record.id, record.seq, record.session_id, record.outcome), ("e1", 1, "run", "complete"))
        self.assertEqual((record.model, record.dialect, record.category), ("m-1", "lines", "model"))
        self.assertEqual(record.request.body, {"model": "m-1", "n": 12345678901234567890123})
        self.assertEqual(record.request.body_sha256, hashlib.sha256(body).hexdigest())
        self.assertEqual(record.request.headers["x-a"], "1, é")
        self.assertEqual(record.request.headers_raw[1:], [("X-A", "1"), ("x-a", "é")])
        self.assertEqual(record.response.body_reassembled, {"lines": ["hello", "world"]})
        self.assertEqual(record.response.stream.text, "hello\nworld\nend\n")
        self.assertEqual(record.response.stream.chunks, [(2.0, 6), (3.0, 10)])
        self.assertEqual((record.ttft_ms, record.timing.max_gap, record.duration_ms), (2.0, 1.0, 5.0))
        self.assertEqual((record.request_id, record.partial, record.error), ("req_1", False, None))
        self.assertEqual(record.capture.faults, [])
        self.assertEqual(self.told("stored"), [[1]])
        self.assertEqual([event["type"] for event in self.told("event")], ["request_started", "request_completed"])

    def test_compressed_bodies_are_read_and_measured_as_sent(self) -> None:
        """Content is decoded; length and hash are those of the wire."""
        body = gzip.compress(b'{"model": "m-2"}')
        headers = [(b"Content-Length", str(len(body)).encode()), (b"Content-Encoding", b"gzip")]
        self.begin(head=request_head(headers=headers))
        self.ask(body)
        record = self.end(request=len(body))
        self.assertEqual((record.request.body, record.request.body_bytes), ({"model": "m-2"}, len(body)))
        self.assertEqual((record.request.content_encoding, record.response), ("gzip", None))

    def test_text_and_binary_bodies(self) -> None:
        """What is not JSON is text, and what is not text is kept as base64."""
        for number, body, kept in ((1, b"plain", ("plain", msgspec.UNSET)), (2, b"\xff\x00", (None, "/wA="))):
            self.begin(number)
            self.ask(body, number)
            request = self.end(request=len(body), number=number).request
            self.assertEqual((request.body, request.body_base64), kept)

    def test_long_bodies_are_cut_and_measured(self) -> None:
        """Beyond the limit nothing is kept, hash and length stay exact, and the record says how much is missing."""
        pieces = [b"x" * 4000] * 5
        record = self.exchange(pieces, response_head(200, SSE))
        self.assertEqual(record.response.body_bytes, 20_000)
        self.assertEqual(record.response.body_sha256, hashlib.sha256(b"x" * 20_000).hexdigest())
        self.assertEqual(len(record.response.stream.text), 8000)
        self.assertEqual((record.capture.dropped_bytes, record.capture.faults), (12_000, ["body_limit"]))
        self.assertEqual(self.budget.left, 1 << 20)

    def test_a_stream_is_the_same_at_every_cut(self) -> None:
        """However the relay's reads cut the answer, the record says the same of it."""
        text = "größe\nzwei\nend\n".encode()
        whole = self.exchange([text], response_head(200, SSE)).response
        for cut in range(1, len(text)):
            response = self.exchange([text[:cut], text[cut:]], response_head(200, SSE)).response
            self.assertEqual(response.body_reassembled, whole.body_reassembled)
            self.assertEqual((response.stream.text, response.body_sha256), (whole.stream.text, whole.body_sha256))

    @settings(max_examples=effort(30), deadline=None)
    @given(st.lists(st.integers(1, 7), max_size=20), st.booleans())
    def test_compressed_streams_at_any_cut(self, cuts: list[int], zipped: bool) -> None:
        """The same for compressed streams and many cuts."""
        text = b"one\ntwo\nthree\nend\n"
        raw = gzip.compress(text) if zipped else text
        pieces, rest = [], raw
        for cut in cuts:
            pieces.append(rest[:cut])
            rest = rest[cut:]
        head = response_head(200, SSE, *([(b"Content-Encoding", b"gzip")] if zipped else []))
        record = self.exchange([piece for piece in [*pieces, rest] if piece], head)
        self.assertEqual(record.response.body_reassembled, {"lines": ["one", "two", "three"]})
        self.assertEqual((record.outcome, record.response.body_bytes), ("complete", len(raw)))

    def test_metadata_only(self) -> None:
        """Without bodies the record still says what they told: model, frames, lengths, hashes."""
        self.keeping = CapturePolicy(bodies=False)
        self.make()
        self.begin()
        self.ask(b'{"model": "m"}')
        self.answer(response_head(200, SSE), b"a\nend\n")
        record = self.end(request=14, response=6)
        self.assertEqual((record.model, record.response.raw_sse_frames_count), ("m", 2))
        self.assertEqual((record.request.body, record.response.body_reassembled), (None, None))
        self.assertIs(record.response.stream, msgspec.UNSET)
        self.assertEqual((record.request.body_bytes, record.response.body_bytes), (14, 6))


class OutcomeTests(RecorderCase):
    """How an exchange ended."""

    def outcome(self, pieces: list[bytes], head: ResponseHead, end: Ending | None = None) -> tuple[Any, ...]:
        record = self.exchange(pieces, head, end)
        return record.outcome, record.error.kind if record.error else None, record.partial

    def test_a_model_stream_needs_its_last_event(self) -> None:
        """A clean end of bytes without the dialect's own end is a truncation."""
        self.assertEqual(
            self.outcome([b"a\n"], response_head(200, SSE)), ("upstream_truncated", "sse_truncated", True)
        )
        self.assertEqual(self.outcome([b"a\nend\n"], response_head(200, SSE)), ("complete", None, False))

    def test_an_error_event_is_a_stream_error(self) -> None:
        """An error inside a 2xx stream names the outcome."""
        self.assertEqual(self.outcome([b"error\n"], response_head(200, SSE)), ("stream_error", "overloaded", True))

    def test_an_error_status(self) -> None:
        """A status of 400 and more is an HTTP error, whatever the body says."""
        self.assertEqual(
            self.outcome([b"error\n"], response_head(529, JSON)), ("http_error", "upstream_http_error", False)
        )

    def test_the_relay_knows_better(self) -> None:
        """An ending that the relay has named stays."""
        cut = ending("client_disconnected", "client_disconnected", "gone", whole=False)
        self.assertEqual(
            self.outcome([b"a\nend\n"], response_head(200, SSE), cut),
            ("client_disconnected", "client_disconnected", True),
        )

    def test_what_the_relay_saw_is_marked(self) -> None:
        """A body framed by nothing but its connection's end, and time that the proxy itself lost, are told."""
        end = msgspec.structs.replace(
            ending(), eof_unverified=True, delivered_bytes=7, timing=Timing(stalled=5_250_000)
        )
        record = self.exchange([b'{"complete":true}'], response_head(200, JSON), end)
        self.assertEqual(record.capture.faults, ["eof_unverified", "proxy_stalled"])
        self.assertEqual((record.timing.proxy_stalled, record.delivered_bytes), (5250.0, 7))

    def test_what_was_not_captured_proves_nothing(self) -> None:
        """A stream of which capture lost a part is not called truncated; what is missing is counted, not hashed."""
        self.begin()
        self.answer(response_head(200, SSE), b"a\n")
        self.take(encoded.lost(1, 0, Lost(frames.RESPONSE_BODY, 10, "queue_full")))
        record = self.end(response=100)
        self.assertEqual((record.outcome, record.partial), ("complete", False))
        self.assertEqual((record.response.body_bytes, record.response.body_sha256), (100, None))
        self.assertEqual((record.capture.dropped_bytes, record.capture.faults), (98, ["queue_full", "body_lost"]))


class LargeTests(RecorderCase):
    """Large exchanges are recorded in a thread, so that those beside them need not wait."""

    def test_others_go_on(self) -> None:
        """While a large one is made, small ones are recorded; the end waits for it; one that fails is told."""
        self.patch(record_writer, "LARGE", 8)
        waiting: list[tuple[Any, Deferred[Any]]] = []

        def in_thread(call: Any) -> Deferred[Any]:
            done: Deferred[Any] = Deferred()
            waiting.append((call, done))
            return done

        self.recorder.writer.in_thread = in_thread
        self.recorder.writer.give_back = lambda: None
        self.begin()
        self.answer(response_head(200, SSE), b"a long answer\n", b"end\n")
        self.take(encoded.end(1, 9000, EndFrame(ending(), 0, 18)))
        self.assertEqual((self.store.records, len(waiting)), ([], 1))
        done = self.recorder.settled(None)
        self.assertNoResult(done)
        (call, made) = waiting[0]
        made.callback(call())
        self.assertEqual(self.store.records[0].response.stream.text, "a long answer\nend\n")
        self.successResultOf(done)
        # What it was made of is given back when it is stored, in a thread too.
        self.assertEqual([call for call, _ in waiting[1:]], [self.recorder.writer.give_back])


class SessionTests(RecorderCase):
    """Which session, which number, and when."""

    def test_a_header_names_the_session_at_once(self) -> None:
        """The exchange is announced as soon as its head is there."""
        self.begin(head=request_head(headers=[(b"session", b"s1"), (b"Content-Length", b"5")]))
        self.assertEqual([(s.session_id, s.seq) for s in self.store.begun], [("s1", 1)])

    def test_only_the_body_names_it(self) -> None:
        """Then it is announced when the body has been read, and its neighbours are not held up."""
        body = b'{"session": "s2"}'
        self.begin(1, request_head("e1", [(b"Content-Length", str(len(body)).encode())]))
        self.begin(2)
        self.assertEqual([s.id for s in self.store.begun], ["e2"])
        self.ask(body)
        self.assertEqual([(s.session_id, s.seq) for s in self.store.begun], [("run", 1), ("s2", 1)])

    def test_a_chunked_body_is_read_at_the_latest_with_the_answer(self) -> None:
        """Without a length the answer shows that the body has been read."""
        self.begin(head=request_head(headers=[(b"Transfer-Encoding", b"chunked")]))
        self.ask(b'{"session": "s3"}')
        self.assertEqual(self.store.begun, [])
        self.answer(response_head(200, SSE))
        self.assertEqual(self.store.begun[0].session_id, "s3")

    def test_an_early_answer_does_not_cut_the_request(self) -> None:
        """A request whose answer comes before its end is still recorded whole."""
        self.begin(head=request_head(headers=[(b"Transfer-Encoding", b"chunked")]))
        self.ask(b'{"session": ')
        self.answer(response_head(200, SSE))
        self.ask(b'"s4"}')
        record = self.end(request=17)
        self.assertEqual((record.session_id, record.request.body), ("s4", {"session": "s4"}))

    def test_names_that_are_none(self) -> None:
        """A session that could not be a name, or that is a secret, is not used."""
        for number, name in ((1, b"../etc"), (2, b"hunter2"), (3, b"x" * 200)):
            self.begin(number, request_head(f"e{number}", [(b"session", name)]))
        self.assertEqual([s.session_id for s in self.store.begun], ["run"] * 3)

    def test_numbers_go_on_where_the_store_is(self) -> None:
        """No number is given twice, also not across restarts."""
        self.store.last["run"] = 41
        self.make()
        self.begin(1)
        self.begin(2)
        self.assertEqual([s.seq for s in self.store.begun], [42, 43])

    def test_numbers_given_before_the_restart_stay(self) -> None:
        """An exchange that was announced keeps session and number, and is not announced again."""
        self.make({"e1": started("e1", "s9", 7)})
        self.begin()
        self.take(encoded.lost(1, 0, Lost(frames.REQUEST_BODY, 3, "recorder_restarted")))
        record = self.end(request=3)
        self.assertEqual((record.session_id, record.seq, self.store.begun), ("s9", 7, []))
        self.assertEqual(record.capture.faults[0], "recorder_restarted")

    def test_records_stored_before_the_restart_are_not_repeated(self) -> None:
        """An exchange whose record is there already is acknowledged, not recorded again."""
        self.make(stored=("e1",))
        self.begin()
        self.take(encoded.end(1, 0, EndFrame(ending(), 0, 0)))
        self.assertEqual((self.store.records, self.told("stored")), ([], [[1]]))


class SecretTests(RecorderCase):
    """Nothing leaves the room unredacted."""

    def secret_exchange(self) -> Record:
        body = b'{"model": "hunter2", "deep": [{"key": "hunter2"}]}'
        self.begin(head=request_head(headers=[(b"X-Key", b"hunter2")], target=b"/v1?key=hunter2"))
        self.ask(body)
        self.answer(
            response_head(200, SSE, (b"Set-Cookie", b"hunter2"), (b"Request-Id", b"hunter2")), b"hun", b"ter2\nend\n"
        )
        return self.end(ending("complete", "kind", "message hunter2"), len(body), 12)

    def test_in_every_place(self) -> None:
        """The secret is in no record, no line, no event."""
        record = self.secret_exchange()
        self.assertNotIn(b"hunter2", msgspec.json.encode([record, self.store.begun]) + bytes(self.lines))
        self.assertGreaterEqual(record.capture.redactions, 8)
        self.assertEqual(record.response.stream.text, "<redacted>\nend\n")

    def test_an_unknown_coding(self) -> None:
        """Nothing can be found in bytes whose coding is not known: they are counted and hashed, and not kept."""
        self.begin(head=request_head(headers=[(b"Content-Encoding", b"rot13")]))
        self.ask(b"uhagre2")
        record = self.end(ending("complete"), 7, 0)
        self.assertEqual((record.request.body, record.request.body_base64), (None, msgspec.UNSET))
        self.assertEqual((record.request.body_bytes, record.request.content_encoding), (7, "rot13"))
        self.assertIn("content_coding_unknown", record.capture.faults)
        self.assertIsNotNone(record.request.body_sha256)

    def test_a_failing_redactor_costs_the_parts(self) -> None:
        """What could not be redacted is not kept; the rest of the record is."""

        def fail(*_: object) -> Any:
            raise ValueError("no")

        self.redactor.text = self.redactor.tree = self.redactor.headers = self.redactor.target = fail
        self.redactor.stream = fail
        record = self.secret_exchange()
        self.assertNotIn(b"hunter2", msgspec.json.encode([record, self.store.begun]) + bytes(self.lines))
        self.assertEqual((record.request.body, record.request.headers, record.outcome), (None, {}, "complete"))
        self.assertIn("redaction_error", record.capture.faults)
        self.assertEqual(record.request.body_bytes, 50)


class BrokenTests(RecorderCase):
    """What breaks one exchange hurts no other, and costs no record."""

    def test_every_room_raising_on_every_call(self) -> None:
        """With all meaning gone, each exchange still is a record with its ending."""

        def fail(*_: object) -> Any:
            raise RuntimeError("broken")

        self.meaning = Interpreters(fail, fail)
        self.make()
        record = self.exchange([b"a\n", b"end\n"], response_head(200, SSE))
        self.assertEqual((record.outcome, record.response.status, record.response.body_bytes), ("complete", 200, 6))
        self.assertEqual(set(record.capture.faults), {"identity_failed", "dialect_failed"})

    def test_a_reader_that_raises(self) -> None:
        """The body is then not reassembled; the record says so."""

        class Bad(fake_interfaces.LineReader):
            def feed(self, data: bytes, at_ms: float) -> None:
                raise RuntimeError("broken")

        class BadDialect(fake_interfaces.LineDialect):
            def reader(self, facts: Any) -> Bad:
                return Bad(True)

        self.meaning = Interpreters(lambda facts: BadDialect("m"), fake_interfaces.identify)
        self.make()
        record = self.exchange([b"a\n"], response_head(200, SSE))
        self.assertEqual((record.response.body_reassembled, record.capture.faults), (None, ["reassemble_failed"]))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_a_store_that_raises_or_refuses(self) -> None:
        """Both are counted by reason."""
        self.begin(1)
        self.store.refusal = Dropped()
        self.take(encoded.end(1, 0, EndFrame(ending(), 0, 0)))
        self.store.append = None  # type: ignore[assignment,method-assign]
        self.begin(2)
        self.take(encoded.end(2, 0, EndFrame(ending(), 0, 0)))
        self.assertEqual((self.told("dropped"), self.drops), ([[1, 2]], ["disk_full", "error"]))
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_a_store_that_cannot_number(self) -> None:
        """An exchange that gets no number is counted; nothing is raised."""

        def fail(session_id: str) -> int:
            raise OSError("index")

        self.store.last_seq = fail  # type: ignore[method-assign]
        self.make()
        self.begin()
        self.take(encoded.end(1, 0, EndFrame(ending(), 0, 0)))
        self.assertEqual((self.told("dropped"), self.drops), ([[1]], ["error"]))
        self.assertTrue(self.flushLoggedErrors(OSError))

    def test_nonsense_on_the_link(self) -> None:
        """Frames that cannot be read cost their own exchange only."""
        self.recorder.take(Frame(frames.HEAD, 1, 0, b"\xc1"))
        self.begin(2)
        self.recorder.take(Frame(frames.RESPONSE_HEAD, 2, 0, b"\xc1"))
        self.recorder.take(Frame(frames.END, 2, 0, b"\xc1"))
        self.recorder.take(Frame(99, 3, 0, b""))
        self.begin(3)
        self.end(number=3)
        self.assertEqual([(r.id, r.outcome) for r in self.store.records], [("e2", "shutdown"), ("e3", "complete")])
        self.assertEqual(self.store.records[0].capture.faults[0], "capture_error")
        self.flushLoggedErrors()


class FinishTests(RecorderCase):
    """The end of the recorder."""

    def test_it_waits_for_the_store(self) -> None:
        """Finishing is done when the last record is acknowledged."""
        self.store.held = []
        self.exchange([], response_head())
        done = self.recorder.finish(cut=True)
        self.assertNoResult(done)
        self.assertEqual((self.told("stored"), self.recorder.appending), ([], 1))
        self.store.held[0].callback(None)
        self.successResultOf(done)
        self.assertEqual(self.told("stored"), [[1]])

    def test_open_exchanges_are_cut(self) -> None:
        """An exchange without an ending is recorded as cut by the shutdown, or left for the next start."""
        self.begin()
        self.successResultOf(self.recorder.finish(cut=False))
        self.assertEqual(self.store.records, [])
        self.successResultOf(self.recorder.finish(cut=True))
        self.assertEqual([(r.outcome, r.partial) for r in self.store.records], [("shutdown", True)])


class DeathTests(RecorderCase):
    """A relay that has died, and exchanges of which only the journal knows."""

    def begin_of(self, relay: int, number: int = 1) -> int:
        """Begin an exchange of a relay, and return its number."""
        number += relay << frames.RELAY_SHIFT
        self.begin(number, request_head(f"e{number}"))
        return number

    def test_what_was_cut_is_unclean_and_keeps_what_came(self) -> None:
        """The record says who died, and holds the bytes that were relayed."""
        self.begin()
        self.answer(response_head(200, SSE), b"half\n")
        self.recorder.relay_died(0, "relay_died", "It died.")
        record = self.store.records[0]
        self.assertEqual((record.outcome, record.error.kind, record.partial), ("unclean", "relay_died", True))
        self.assertEqual((record.response.stream.text, record.ended_at), ("half\n", None))

    def test_what_was_whole_is_whole(self) -> None:
        """An exchange whose response was there when the relay died has its own outcome, and a fault that says so."""
        self.begin()
        self.answer(response_head(200, SSE), b"a\nend\n")
        self.take(encoded.whole(1, 7000))
        self.recorder.relay_died(0, "relay_died", "It died.")
        record = self.store.records[0]
        self.assertEqual((record.outcome, record.partial, record.duration_ms), ("complete", False, 7.0))
        self.assertEqual(record.capture.faults, ["relay_died"])

    def test_an_answer_of_the_proxys_own_keeps_its_outcome(self) -> None:
        """How it ends was said with the answer."""
        self.begin()
        self.answer(response_head(502), b"{}")
        self.take(encoded.whole(1, 7000, "upstream_unreachable", "upstream_unreachable", "nobody there"))
        self.recorder.relay_died(0, "relay_died", "It died.")
        record = self.store.records[0]
        self.assertEqual((record.outcome, record.error.kind), ("upstream_unreachable", "upstream_unreachable"))

    def test_other_relays_go_on(self) -> None:
        """Only the exchanges of the one that died end."""
        self.begin_of(1), self.begin_of(2)
        self.recorder.relay_died(1, "worker_died", "It died.")
        self.assertEqual([r.id for r in self.store.records], [f"e{(1 << frames.RELAY_SHIFT) + 1}"])

    def test_waiting_for_one_relay(self) -> None:
        """Records of others hold nothing up."""
        self.store.held = []
        for relay in (1, 2):
            number = self.begin_of(relay)
            self.take(encoded.end(number, 1, EndFrame(ending(), 0, 0)))
        done = self.recorder.settled(1)
        self.store.held[1].callback(None)
        self.assertNoResult(done)
        self.store.held[0].callback(None)
        self.successResultOf(done)

    def test_only_begun(self) -> None:
        """What only the journal knows becomes a record that says so, in the session of its run."""
        begun = Begun(5, "lost", 1_700_000_000.0, "anthropic", "run-of-yesterday")
        self.assertTrue(self.successResultOf(self.recorder.record_unclean(begun)))
        record = self.store.records[0]
        self.assertEqual((record.id, record.outcome, record.session_id), ("lost", "unclean", "run-of-yesterday"))
        self.assertEqual((record.seq, record.response, record.duration_ms), (1, None, None))

    def test_announced_and_not_ended(self) -> None:
        """An exchange that was announced keeps session and number."""
        self.make({"e1": started("e1", "s9", 7)})
        self.successResultOf(self.recorder.record_unclean(Begun(1, "e1", 1.0, "anthropic", "run")))
        self.assertEqual([(r.session_id, r.seq) for r in self.store.records], [("s9", 7)])

    def test_recorded_already(self) -> None:
        """What has its record gets no second one."""
        self.make(stored=("e1",))
        self.assertTrue(self.successResultOf(self.recorder.record_unclean(Begun(1, "e1", 1.0, "x", "run"))))
        self.assertEqual(self.store.records, [])

    def test_a_store_that_refuses(self) -> None:
        """Then the journal has to be kept, and whoever asks hears it."""
        self.store.refusal = Dropped()
        self.assertFalse(self.successResultOf(self.recorder.record_unclean(Begun(1, "e1", 1.0, "x", "run"))))
        self.successResultOf(self.recorder.settled(0))
