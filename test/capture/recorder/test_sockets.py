"""WebSockets in the recorder: frames of the link in, one record for each response out, over the real dialects."""

import json
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import FrameProtocol

from ccsproxy.capture import frames
from ccsproxy.capture.frames import RESPONSE_BODY, EndFrame, Lost
from ccsproxy.capture.recorder.interfaces import Interpreters
from ccsproxy.capture.recorder.websocket.socket_recorder import SocketRecorder
from ccsproxy.clients import identify
from ccsproxy.dialects import detect
from ccsproxy.exchange.record import Started
from ccsproxy.exchange.relayed import Ending, RequestHead, ResponseHead
from test.capture import encoded
from test.capture.fakes import ending, request_head
from test.capture.recorder.test_recorder import RecorderCase

STARTED = {
    **dict.fromkeys(("id", "session_id", "started_at", "upstream", "category", "method", "path"), ""),
    "seq": 1,
    "dialect": None,
    "model": None,
    "client": {},
    "headers": {},
}
SWITCHED = b"Upgrade: websocket\r\nConnection: Upgrade\r\n"


def head(exchange_id: str = "e1", target: bytes = b"/v1/responses") -> RequestHead:
    plain = request_head(exchange_id)
    lines = b"Host: localhost\r\nUpgrade: websocket\r\nAuthorization: Bearer x\r\n"
    changed = {"method": b"GET", "target": target, "forwarded_target": target, "lines": lines}
    return msgspec.structs.replace(plain, transport="websocket", **changed)


class Wire:
    """Both sides' writers."""

    def __init__(self, deflate: str = "") -> None:
        self.client, self.server = (self._writer(deflate, client=client) for client in (True, False))

    @staticmethod
    def _writer(deflate: str, *, client: bool) -> FrameProtocol:
        extension = PerMessageDeflate()
        if deflate:
            extension.finalize(deflate)
        return FrameProtocol(client=client, extensions=[extension] if deflate else [])


class SocketCase(RecorderCase):
    """One connection."""

    meaning = Interpreters(detect, identify)

    recorder_class = SocketRecorder

    def open(self, target: bytes = b"/v1/responses", lines: bytes = SWITCHED, deflate: str = "") -> None:
        self.wire, self.at = Wire(deflate), 1000
        self.begin(head=head(target=target))
        self.take(encoded.response_head(1, 500, ResponseHead(101, b"Switching Protocols", "1.1", lines)))

    def out(self, *messages: Any) -> None:
        for message in messages:
            data = self.wire.client.send_data(message if isinstance(message, str | bytes) else json.dumps(message))
            self.at += 1000
            self.take(frames.frame(frames.REQUEST_BODY, 1, self.at, data))

    def into(self, *messages: Any) -> None:
        for message in messages:
            data = self.wire.server.send_data(message if isinstance(message, str | bytes) else json.dumps(message))
            self.at += 1000
            self.take(frames.frame(frames.RESPONSE_BODY, 1, self.at, data))

    def close(self, *, server: bool = False, code: int = 1000) -> None:
        data = (self.wire.server if server else self.wire.client).close(code, "")
        self.take(frames.frame(frames.RESPONSE_BODY if server else frames.REQUEST_BODY, 1, self.at, data))

    def over(self, end: Ending | None = None) -> list[Any]:
        self.take(encoded.end(1, self.at, EndFrame(end or ending(at=self.at), 0, 0)))
        return self.store.records

    def turn(self, number: int, text: str = "hello", **asked: Any) -> None:
        self.out({"type": "response.create", "model": "gpt-5.5", "input": text, **asked})
        response = {
            "id": f"r{number}",
            "object": "response",
            "model": "gpt-5.5",
            "status": "in_progress",
            "output": [],
        }
        self.into({"type": "response.created", "response": response})
        usage = {"input_tokens": 7, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 4}}
        done = {**response, "status": "completed", "usage": usage}
        self.into({"type": "response.completed", "response": done})


class ResponsesRecords(SocketCase):
    """Responses: each is a record of its own."""

    def test_one_record_for_each_response(self) -> None:
        self.open()
        self.turn(1, generate=False)
        self.turn(2, previous_response_id="r1")
        self.close()
        first, second = self.over()
        self.assertEqual((first.id, first.outcome, first.category), ("e1", "complete", "model"))
        self.assertEqual((first.model, first.transport, first.partial), ("gpt-5.5", "websocket", False))
        self.assertEqual((first.usage.input_tokens, first.usage.output_tokens), (3, 3))
        self.assertEqual(first.response.body_reassembled["id"], "r1")
        self.assertEqual((first.response.status, first.delivered_bytes), (101, None))
        self.assertEqual(second.request.body["previous_response_id"], "r1")
        self.assertEqual((second.request.context, second.seq), (1, 2))
        self.assertIs(first.request.context, msgspec.UNSET)
        self.assertNotEqual(second.id, first.id)

    def test_relay_hears_once_and_at_the_end(self) -> None:
        self.open()
        self.turn(1)
        self.assertEqual(self.told("stored"), [])
        self.turn(2)
        self.over()
        self.assertEqual(self.told("stored"), [[1]])

    def test_frames_are_listed_with_direction_time_and_size(self) -> None:
        self.open(lines=SWITCHED + b"Sec-WebSocket-Protocol: chat\r\n")
        self.turn(1)
        self.take(frames.frame(frames.RESPONSE_BODY, 1, self.at, self.wire.server.ping(b"pp")))
        self.turn(2)
        first, second = self.over()
        note = first.response.websocket
        self.assertEqual((note.path, note.subprotocol), ("/v1/responses", "chat"))
        self.assertEqual([(at, where) for at, where, _ in note.frames], [(0.0, "out"), (1.0, "in"), (2.0, "in")])
        self.assertEqual(second.response.websocket.frames[0], (0.0, "in", 2))

    def test_times_count_from_the_message_that_asked(self) -> None:
        self.open()
        self.turn(1)
        self.at = 60_000_000
        self.turn(2)
        first, second = self.over()
        self.assertEqual((second.duration_ms, second.timing.first_byte), (2.0, 1.0))
        self.assertGreater(second.started_at, first.started_at)

    def test_deflated_with_context(self) -> None:
        agreed = "permessage-deflate; server_max_window_bits=12"
        self.open(lines=SWITCHED + b"Sec-WebSocket-Extensions: " + agreed.encode() + b"\r\n", deflate=agreed)
        for number in range(1, 4):
            self.turn(number, "the same text " * 50)
        self.close()
        records = self.over()
        self.assertEqual([record.outcome for record in records], ["complete"] * 3)
        self.assertEqual(records[2].request.body["input"], "the same text " * 50)
        self.assertLess(records[2].response.websocket.frames[0][2], 100)

    def test_context_in_another_session_is_unknown(self) -> None:
        self.open()
        self.turn(1, previous_response_id="never seen")
        (record,) = self.over()
        self.assertIsNone(record.request.context)

    def test_error_in_a_frame(self) -> None:
        self.open()
        self.out({"type": "response.create", "model": "m", "input": "x"})
        self.into({"type": "error", "status": 429, "error": {"type": "rate_limit", "message": "slow down"}})
        self.turn(2)
        first, second = self.over()
        self.assertEqual((first.outcome, first.error.message), ("stream_error", "slow down"))
        self.assertEqual(second.outcome, "complete")

    def test_response_that_is_cut(self) -> None:
        for end, by, wanted in (
            (ending(), None, "upstream_truncated"),
            (ending("client_disconnected", "client_disconnected", "gone"), None, "client_disconnected"),
            (ending("client_disconnected", "client_disconnected", "gone"), "client", "client_disconnected"),
            (ending(), "server", "upstream_truncated"),
            (ending("shutdown", "shutdown", "stopped"), None, "shutdown"),
        ):
            self.setUp()
            self.open()
            self.out({"type": "response.create", "model": "m", "input": "x"})
            self.into({"type": "response.created", "response": {"id": "r1", "object": "response", "model": "m"}})
            if by is not None:
                self.close(server=by == "server")
            (record,) = self.over(end)
            self.assertEqual((record.outcome, record.partial), (wanted, True), (end.outcome, by))
            self.assertEqual(self.told("stored"), [[1]])

    def test_unanswered_request_is_not_complete(self) -> None:
        self.open()
        self.out({"type": "response.create", "model": "m", "input": "x"})
        self.close(server=True, code=1011)
        (record,) = self.over()
        self.assertEqual((record.outcome, record.error.kind), ("upstream_truncated", "websocket_closed"))

    def test_upstream_that_declines_leaves_an_ordinary_record(self) -> None:
        self.begin(head=head())
        self.answer(ResponseHead(426, b"No", "1.1", b"Content-Length: 2\r\n"), b"no")
        record = self.end(ending("http_error", "upstream_http_error", "426"), response=2)
        self.assertEqual((record.transport, record.response.status, record.outcome), ("http", 426, "http_error"))
        self.assertEqual(self.told("stored"), [[1]])

    def test_upstream_that_never_answers_leaves_an_ordinary_record(self) -> None:
        self.begin(head=head())
        record = self.end(ending("upstream_unreachable", "upstream_unreachable", "no"))
        self.assertEqual((record.transport, record.outcome), ("http", "upstream_unreachable"))


class OtherRecords(SocketCase):
    """What is no response."""

    def test_silent_connection_leaves_one_record(self) -> None:
        self.open()
        self.close()
        (record,) = self.over()
        self.assertEqual((record.id, record.outcome, record.category), ("e1", "complete", "other"))
        self.assertEqual(record.response.status, 101)

    def test_unknown_protocol_is_a_log_of_texts(self) -> None:
        self.open(b"/socket")
        self.out("hello", b"\x00binary", "again")
        self.into('{"a":1}', b"\x01", "world")
        self.close()
        (record,) = self.over()
        self.assertEqual(record.request.body, "hello\nagain\n")
        self.assertEqual(record.response.body_reassembled, '{"a":1}\nworld\n')
        self.assertEqual(record.outcome, "complete")
        self.assertEqual([size for _, _, size in record.response.websocket.frames], [5, 7, 5, 7, 1, 5, 2])

    def test_end_without_a_close_is_no_clean_one(self) -> None:
        self.open(b"/socket")
        self.out("hello")
        (record,) = self.over()
        self.assertEqual(record.outcome, "upstream_truncated")

    def test_realtime(self) -> None:
        self.open(b"/v1/realtime?model=gpt-realtime")
        self.into({"type": "session.created", "session": {"model": "gpt-realtime"}})
        self.out({"type": "input_audio_buffer.append", "audio": "QUJD" * 1000})
        self.into({"type": "response.created", "response": {"id": "r1", "object": "realtime.response"}})
        self.into({"type": "response.output_audio.delta", "response_id": "r1", "delta": "QUJD" * 100})
        usage = {"input_tokens": 9, "output_tokens": 5, "input_token_details": {"cached_tokens": 2}}
        done = {"id": "r1", "status": "completed", "output": [{"type": "message"}], "usage": usage}
        self.into({"type": "response.done", "response": done})
        self.close()
        (record,) = self.over()
        self.assertEqual(
            (record.dialect, record.model, record.outcome), ("openai_realtime", "gpt-realtime", "complete")
        )
        self.assertEqual((record.usage.input_tokens, record.usage.cache_read_input_tokens), (7, 2))
        self.assertEqual(record.capture.dropped_bytes, 3000 + 300)
        self.assertNotIn("QUJDQUJD", str(record))

    def test_gemini_live_in_binary_frames(self) -> None:
        self.open(b"/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent")
        self.out({"setup": {"model": "models/gemini-live"}})
        self.into(b'{"setupComplete":{}}')
        self.out({"clientContent": {"turns": [{"role": "user", "parts": [{"text": "hi"}]}], "turnComplete": True}})
        self.into(b'{"serverContent":{"modelTurn":{"parts":[{"text":"He"}]}}}')
        self.into(b'{"serverContent":{"modelTurn":{"parts":[{"text":"llo"}]}}}')
        counts = {"promptTokenCount": 5, "responseTokenCount": 2, "totalTokenCount": 7}
        self.into(json.dumps({"serverContent": {"turnComplete": True}, "usageMetadata": counts}).encode())
        self.close()
        (record,) = self.over()
        self.assertEqual((record.dialect, record.model, record.outcome), ("gemini_live", "gemini-live", "complete"))
        self.assertEqual((record.usage.input_tokens, record.usage.output_tokens), (5, 2))
        parts = record.response.body_reassembled["candidates"][0]["content"]["parts"]
        self.assertEqual("".join(part["text"] for part in parts), "Hello")


class Trouble(SocketCase):
    """What goes wrong on the way."""

    def test_damaged_bytes_end_the_reading_alone(self) -> None:
        self.open()
        self.turn(1)
        self.take(frames.frame(RESPONSE_BODY, 1, self.at, b"\xff\xff\xff"))
        self.turn(2)
        self.close()
        first, second = self.over()
        self.assertEqual((first.outcome, first.capture.faults), ("complete", []))
        self.assertEqual((second.outcome, second.partial), ("complete", True))
        self.assertIn("websocket_damaged", second.capture.faults)

    def test_lost_bytes_are_a_fault(self) -> None:
        self.open()
        self.turn(1)
        self.take(encoded.lost(1, self.at, Lost(RESPONSE_BODY, 100, "queue_full")))
        self.turn(2)
        first, second = self.over()
        self.assertEqual(first.capture.faults, [])
        self.assertIn("queue_full", second.capture.faults)

    def test_message_beyond_the_limit_is_a_fault(self) -> None:
        self.open()
        self.out({"type": "response.create", "model": "m", "input": "x" * 20_000})
        self.into({"type": "response.created", "response": {"id": "r1"}})
        self.close()
        records = self.over()
        self.assertIn("body_limit", records[0].capture.faults)

    def test_recorder_that_was_restarted_records_what_is_left(self) -> None:
        """The id is an earlier record's already: what follows gets another, and is not lost in silence."""
        self.make(stored=("e1",))
        self.open()
        self.take(encoded.lost(1, 0, Lost(RESPONSE_BODY, 100, "recorder_restarted")))
        self.take(encoded.lost(1, 0, Lost(frames.REQUEST_BODY, 100, "recorder_restarted")))
        (record,) = self.over()
        self.assertNotEqual(record.id, "e1")
        self.assertIn("recorder_restarted", record.capture.faults)
        self.assertEqual(self.told("stored"), [[1]])

    def test_number_given_before_is_kept(self) -> None:
        self.make({"e1": msgspec.convert({**STARTED, "id": "e1", "session_id": "s", "seq": 7}, Started)})
        self.open()
        self.turn(1)
        (record,) = self.over()
        self.assertEqual((record.session_id, record.seq), ("s", 7))

    def test_store_that_takes_one_of_two(self) -> None:
        self.open()
        self.turn(1)
        self.store.append = lambda record: 1 / 0  # type: ignore[method-assign]
        self.turn(2)
        self.take(encoded.end(1, self.at, EndFrame(ending(), 0, 0)))
        self.assertEqual((self.told("stored"), self.told("dropped")), ([[1]], []))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_shutdown_ends_what_was_not_answered(self) -> None:
        """A handshake that waits for its answer is an ordinary exchange, and has a record."""
        self.begin(head=head())
        self.recorder.finish(cut=True)
        (record,) = self.store.records
        self.assertEqual(
            (record.transport, record.outcome, record.path if False else record.id), ("http", "shutdown", "e1")
        )

    def test_an_opening_that_fails(self) -> None:
        """What cannot be told of a connection costs its record that, and is a fault of it."""
        self.open()

        def fail(*_: Any) -> str:
            raise ZeroDivisionError

        self.patch(self.recorder, "start", fail)
        self.out({"type": "response.create", "model": "m", "input": "x"})
        self.close()
        (record, *_) = self.over()
        self.assertIn("capture_error", record.capture.faults)
        self.assertTrue(self.flushLoggedErrors(ZeroDivisionError))

    def test_death_of_its_relay_after_its_end(self) -> None:
        """A connection that has ended, and whose record is not with the disk yet, leaves no second one."""
        self.open()
        records = self.store.records

        def slow(record: Any) -> Deferred[Any]:
            records.append(record)
            return Deferred()

        self.store.append = slow  # type: ignore[assignment]
        self.into("hi")
        self.close()
        self.over()
        self.recorder.relay_died(0, "worker_died", "The relay process of this exchange died.")
        self.recorder.finish(cut=True)
        self.assertEqual([each.outcome for each in records], ["complete"])

    def test_shutdown_ends_what_is_open(self) -> None:
        self.open()
        self.out({"type": "response.create", "model": "m", "input": "x"})
        self.recorder.finish(cut=True)
        (record,) = self.store.records
        self.assertEqual(record.outcome, "shutdown")


class Tunnels(RecorderCase):
    """What is known of a tunnel."""

    def test_bytes_and_nothing_else(self) -> None:
        announced = msgspec.structs.replace(
            request_head("e1"), method=b"CONNECT", target=b"a:443", transport="tunnel"
        )
        self.begin(head=announced)
        self.answer(ResponseHead(200, b"Connection established", "1.1", b""))
        end = msgspec.structs.replace(ending(), request_bytes=517, response_bytes=4096)
        record = self.end(end)
        self.assertEqual((record.transport, record.outcome, record.capture.faults), ("tunnel", "complete", []))
        self.assertEqual((record.request.body_bytes, record.response.body_bytes), (517, 4096))
