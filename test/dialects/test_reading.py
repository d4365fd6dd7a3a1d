"""A body is read whatever it turns out to be, however it is cut."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dialects import Facts, detect
from ccsproxy.exchange.record import Error
from ccsproxy.exchange.usage import Usage
from test.dialects.exchanges import ROUTES, facts_for, lines, read, read_as, sse

TEXT = [
    {
        "type": "message_start",
        "message": {"id": "m", "role": "assistant", "content": [], "usage": {"input_tokens": 4}},
    },
    {"type": "ping"},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Zürich 🎉"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
    {"type": "message_stop"},
]
CHAT = [
    {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "né"}}]},
    {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
]
GEMINI = [
    {"candidates": [{"content": {"role": "model", "parts": [{"text": "né"}]}}]},
    {"candidates": [{"content": {"role": "model", "parts": [{"text": "e"}]}, "finishReason": "STOP"}]},
]
OLLAMA = [
    {"model": "l", "message": {"role": "assistant", "content": "né"}, "done": False},
    {"model": "l", "message": {"role": "assistant", "content": "e"}, "done": True, "done_reason": "stop"},
]


def comparable(answer: Any) -> Any:
    """An answer without its times, which depend on the cut."""
    return {name: getattr(answer, name) for name in answer.__struct_fields__ if name != "first_token_ms"}


class ChunkingTests(SynchronousTestCase):
    """What a body says does not depend on how it is cut."""

    def check(self, data: bytes, facts: Facts) -> None:
        whole = comparable(read_as(data, facts))
        self.assertTrue(whole["complete"], whole)
        self.assertEqual(whole["faults"], ())
        self.assertEqual(comparable(read_as([data[i : i + 1] for i in range(len(data))], facts)), whole)
        for at in range(1, len(data)):
            self.assertEqual(comparable(read_as([data[:at], data[at:]], facts)), whole, at)

    def test_event_streams_at_every_split(self) -> None:
        """SSE with each line end reads the same at every split and byte by byte."""
        data = sse(TEXT)
        for end in (b"\n", b"\r\n", b"\r"):
            self.check(data.replace(b"\n", end), facts_for(*ROUTES["anthropic"]))

    def test_chat_at_every_split(self) -> None:
        """Unnamed events and ``[DONE]`` read the same at every split."""
        self.check(b": hi\n\n" + sse(CHAT) + b"data: [DONE]\n\n", facts_for(*ROUTES["openai_chat"]))

    def test_arrays_at_every_split(self) -> None:
        """A streamed JSON array reads the same at every split."""
        data = json.dumps(GEMINI, indent=1).encode()
        self.check(data, facts_for(b"/v1beta/models/g:streamGenerateContent", b"application/json"))

    def test_lines_at_every_split(self) -> None:
        """Lines of JSON read the same at every split."""
        self.check(lines(OLLAMA), facts_for(*ROUTES["ollama"]))


class KindTests(SynchronousTestCase):
    """Content type, route and first bytes say together what a body is."""

    def test_a_byte_order_mark_loses_no_event(self) -> None:
        """A BOM before the first event is passed over."""
        self.assertEqual(read(b"\xef\xbb\xbf" + sse(TEXT), "anthropic").body["content"][0]["text"], "Zürich 🎉")

    def test_an_event_stream_without_its_content_type(self) -> None:
        """A relay that calls the stream plain text, or nothing, is not believed."""
        for content_type in (None, b"text/plain", b"application/json"):
            answer = read_as(sse(TEXT), facts_for(b"/v1/messages", content_type))
            self.assertEqual((answer.stream_kind, answer.complete), ("sse", True))

    def test_json_that_is_called_an_event_stream(self) -> None:
        """An error that came as JSON although a stream was promised is read as JSON."""
        body = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        answer = read(json.dumps(body).encode(), "anthropic")
        self.assertEqual((answer.stream_kind, answer.body), (None, body))
        self.assertEqual(answer.error, Error("overloaded_error", "Overloaded"))

    def test_text_stays_text(self) -> None:
        """What is neither JSON nor a stream stays text; what is no text is called binary."""
        facts = facts_for(b"/v1/messages", b"text/html")
        self.assertEqual(read_as(b"<h1>502 B\xc3\xa4d</h1>", facts).body, "<h1>502 Bäd</h1>")
        self.assertTrue(read_as(b"\xff\xfe\x00", facts_for(b"/x", b"image/png")).binary)

    def test_broken_json_is_kept_as_text(self) -> None:
        """A cut JSON body is kept as the text it is, with a fault."""
        answer = read_as(b'{"a": "b', facts_for(b"/v1/messages", b"application/json"), whole=False)
        self.assertEqual((answer.body, answer.faults, answer.complete), ('{"a": "b', ("invalid_json",), False))

    def test_json_lines_of_a_batch_are_kept(self) -> None:
        """Batch results are lines of JSON and no stream: they are kept as text."""
        text = '{"custom_id":"a"}\n{"custom_id":"b"}\n'
        facts = facts_for(b"/v1/messages/batches/b/results", b"application/x-jsonl", method=b"GET")
        self.assertEqual(read_as(text.encode(), facts).body, text)

    def test_no_body(self) -> None:
        """No bytes are no body."""
        answer = read([], "anthropic")
        self.assertEqual((answer.body, answer.stream_kind, answer.complete), (None, None, True))

    def test_an_empty_object_is_a_body(self) -> None:
        """Falsy JSON values are values."""
        self.assertEqual(read_as(b"{}", facts_for(b"/x", b"application/json")).body, {})
        self.assertIs(read_as(b"false", facts_for(b"/x", b"application/json")).body, False)

    def test_an_unknown_stream_is_counted_only(self) -> None:
        """The frames of an unknown stream are counted; it has no body that could be guessed wrong."""
        answer = read(b"data: a\n\ndata: {}\n\n", "generic")
        self.assertEqual(
            (answer.dialect, answer.body, answer.frames, answer.stream_kind), ("generic", None, 2, "sse")
        )

    def test_the_first_event_proves_the_dialect(self) -> None:
        """On an unknown route the first event says what the stream is, on a known one it corrects it."""
        answer = read(sse(TEXT), "generic")
        self.assertEqual((answer.dialect, answer.body["id"], answer.faults), ("anthropic", "m", ()))
        answer = read(sse(CHAT), "anthropic")
        self.assertEqual((answer.dialect, answer.faults), ("openai_chat", ("dialect_mismatch",)))
        facts = facts_for(b"/unknown", b"application/json")
        body = {"object": "response", "status": "completed", "output": [], "usage": {"input_tokens": 1}}
        answer = read_as(json.dumps(body).encode(), facts)
        self.assertEqual(
            (answer.dialect, answer.usage), ("openai_responses", Usage(input_tokens=1, raw={"input_tokens": 1}))
        )

    def test_a_last_event_without_its_blank_line(self) -> None:
        """It counts, and is flagged."""
        answer = read(sse(TEXT).rstrip(b"\n"), "anthropic")
        self.assertEqual((answer.complete, answer.faults), (True, ("unterminated_event",)))

    def test_a_bare_error_in_a_stream(self) -> None:
        """Google's servers may write a JSON error into a stream without the framing: it is found."""
        error = json.dumps({"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}, indent=1).encode()
        for tail in (error, error + b"\r\n\r\n"):
            answer = read([sse(GEMINI[:1]) + tail[:5], tail[5:]], "gemini")
            self.assertEqual((answer.error, answer.faults), (Error("UNAVAILABLE", "busy"), ("bare_json",)))

    def test_the_time_of_a_last_event(self) -> None:
        """An event that only the end completes came with the end, or with the last bytes."""
        facts = facts_for(*ROUTES["anthropic"])
        for at_ms, expected in ((9.0, 9.0), (None, 5.0)):
            reader = detect(facts).reader(facts)
            reader.feed(sse(TEXT[:3]), 0.0)
            reader.feed(sse(TEXT[3:4]).rstrip(b"\n"), 5.0)
            self.assertEqual(reader.finish(False, at_ms).first_token_ms, expected)

    def test_event_data_that_is_no_json_is_kept(self) -> None:
        """An event that is no JSON is kept as text, and the rest is read."""
        answer = read(sse(TEXT[:3]) + b"data: {oops\n\n" + sse(TEXT[3:]), "anthropic")
        self.assertEqual(answer.body["_unparsed_events"], ["{oops"])
        self.assertEqual((answer.faults, answer.complete), (("invalid_event_json",), True))

    def test_first_token_is_no_ping(self) -> None:
        """The first token is the first content, not what comes before it."""
        pieces = [sse([event]) for event in TEXT]
        self.assertEqual(read(pieces, "anthropic").first_token_ms, 3.0)
        self.assertIsNone(read(pieces[:3], "anthropic").first_token_ms)


class GuardTests(SynchronousTestCase):
    """A mistake of ours costs no more than the event that shows it."""

    def test_an_event_that_breaks_reassembly_is_kept(self) -> None:
        """The event is kept aside, and there is a fault."""
        facts = facts_for(*ROUTES["anthropic"])
        reader = detect(facts).reader(facts)
        reader.feed(sse(TEXT[:3]), 0.0)
        assert reader._reassembler is not None
        self.patch(reader._reassembler, "event", lambda *args: 1 // 0)
        reader.feed(sse(TEXT[3:4]), 1.0)
        answer = reader.finish(False)
        self.assertEqual(answer.faults, ("reassemble_failed",))
        self.assertEqual(answer.body["_unparsed_events"], TEXT[3:4])


class FirstContentTests(SynchronousTestCase):
    """When the first content came: not when something came that says nothing."""

    def test_blanks_before_json(self) -> None:
        """Servers that are busy send blank lines; the answer begins with what is none."""
        body = json.dumps({"choices": [{"message": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1}})
        facts = facts_for(b"/v1/chat/completions", b"application/json")
        for blanks in ([b"\n"] * 15, [b" \r\n"] * 3000, [b"\xef\xbb\xbf", b"\n"]):
            got = read_as([*blanks, body.encode()], facts)
            self.assertEqual((got.first_token_ms, got.begun_ms), (len(blanks), len(blanks)))
            self.assertEqual(got.stop_reason, "stop")

    def test_blanks_before_a_stream(self) -> None:
        """They make no stream anything else."""
        for blank in (b"\n", b"\r\n", b"   "):
            got = read([blank] * 2000 + [b"\n" + sse(TEXT)], "anthropic")
            self.assertEqual((got.complete, got.first_token_ms), (True, 2000.0), blank)

    def test_comments_pings_and_starts(self) -> None:
        """Keep-alives, the start of a message and of a block are no content."""
        pieces = [b": keep-alive\n\n", sse(TEXT[1:2]), sse(TEXT[:1]), b":\n", sse(TEXT[2:3]), sse(TEXT[3:])]
        self.assertEqual(read(pieces, "anthropic").first_token_ms, 5.0)

    def test_unknown_streams(self) -> None:
        """Nor are pings and empty events of a stream that is not known."""
        pieces = [b"event: ping\ndata: {}\n\n", sse([{"type": "keepalive"}]), b"data: {}\n\n", b"data: word\n\n"]
        got = read(pieces, "generic")
        self.assertEqual((got.first_token_ms, got.faults, got.complete), (3.0, (), True))

    def test_items_that_say_nothing(self) -> None:
        """The items of a response begin empty."""
        events = [
            {"type": "response.created", "response": {"id": "r", "output": []}},
            {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "summary": []}},
            {"type": "response.output_item.done", "output_index": 0, "item": {"type": "reasoning", "summary": []}},
            {"type": "response.output_item.added", "output_index": 1, "item": {"type": "message", "content": []}},
            {"type": "response.content_part.added", "output_index": 1, "content_index": 0,
             "part": {"type": "output_text", "text": ""}},
            {"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": ""},
            {"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "a"},
        ]  # fmt: skip
        pieces = [sse([event]) for event in events]
        self.assertEqual(read(pieces, "openai_responses").first_token_ms, 6.0)


class LinesTests(SynchronousTestCase):
    """Lines of JSON that are no stream, such as the results of batches."""

    def test_results_of_batches(self) -> None:
        """They are text without a fault, under any name of their type; a damaged line is one."""
        text = '{"custom_id": "a", "result": {}}\n' * 2
        for content_type in (b"application/x-jsonl", b"application/jsonl", b"application/json", b"text/plain"):
            facts = facts_for(b"/v1/messages/batches/b/results", content_type, method=b"GET")
            got = read_as(text.encode(), facts)
            self.assertEqual((got.body, got.faults, got.complete), (text, (), True), content_type)
        cut = read_as(text[:-9].encode(), facts_for(b"/v1/files/f/content", b"application/json", method=b"GET"))
        self.assertEqual(cut.faults, ("invalid_json",))
