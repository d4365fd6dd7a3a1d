"""Tests for `ccsproxy.redaction.streams.stream`."""

import json
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.redaction import PLACEHOLDER, Redactor
from ccsproxy.wire.sse import SseDecoder
from test.effort import effort
from test.redaction.test_text import bare

SECRET = "sk-ant-api03-A1b2C3d4E5f6G7h8"
TEXT = f'The key is {SECRET}, and {{"api_key": "c4nary99", "n": 1}} too.'


def sse(events: list[dict[str, Any]], end: str = "\n") -> str:
    return "".join(
        f"event: {event.get('type', 'message')}{end}data: {json.dumps(event)}{end}{end}" for event in events
    )


def anthropic(parts: list[str]) -> list[dict[str, Any]]:
    delta = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": part}}
        for part in parts[1:]
    ]
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": parts[0]}}
    return [start, {"type": "ping"}, *delta, {"type": "message_stop"}]


def texts(stream: str) -> str:
    """Join the text of a stream, as a reader of any of these dialects would."""
    events = [json.loads(event.data) for event in SseDecoder().feed(stream.encode())]
    found = []
    for event in events:
        for choice in event.get("choices", []):
            if choice["index"] == 0:
                found.append(choice["delta"].get("content") or "")
        found.append((event.get("content_block") or {}).get("text", ""))
        delta = event.get("delta", "")
        found.append(delta if isinstance(delta, str) else delta.get("text", "") + delta.get("partial_json", ""))
    return "".join(found)


class StreamTests(SynchronousTestCase):
    """A redacted stream parses, and reads into the redacted body."""

    def test_secret_cut_anywhere(self) -> None:
        """A secret in two deltas is removed from both, wherever it is cut, in every dialect."""
        for cut in range(len(TEXT) + 1):
            parts = ["", TEXT[:cut], TEXT[cut:]]
            chat = [{"choices": [{"index": i, "delta": {"content": part}}]} for part in parts for i in (1, 0)]
            responses = [{"type": "response.output_text.delta", "output_index": 0, "delta": part} for part in parts]
            tools = [
                {
                    "type": "content_block_delta",
                    "index": 1,
                    "delta": {"type": "input_json_delta", "partial_json": part},
                }
                for part in parts
            ]
            for events in (anthropic(parts), chat, responses, tools):
                clean = Redactor().stream(sse(events), "sse")
                self.assertEqual(texts(clean), Redactor().text(TEXT), (cut, events))
                self.assertNotIn("c4nary99", clean)

    @given(st.lists(st.integers(0, len(TEXT)), max_size=12), st.sampled_from(["\n", "\r\n", "\r"]))
    @settings(max_examples=effort(100), deadline=None)
    def test_any_cuts(self, cuts: list[int], end: str) -> None:
        """However the text is cut into events, the joined text is the redacted text, and the framing stays."""
        edges = [0, *sorted(cuts), len(TEXT)]
        parts = [TEXT[i:j] for i, j in pairwise(edges)]
        stream = sse(anthropic(parts), end)
        clean = Redactor().stream(stream, "sse")
        self.assertEqual(texts(clean), Redactor().text(TEXT))
        self.assertEqual(clean.count(end), stream.count(end))

    def test_interleaved_blocks(self) -> None:
        """Blocks that are sent in turns are kept apart."""
        events = []
        for i in range(0, len(SECRET), 3):
            for index in (0, 1):
                text = SECRET[i : i + 3] if index == 0 else "ok "
                events.append({"type": "content_block_delta", "index": index, "delta": {"text": text}})
        redactor = Redactor()
        clean = redactor.stream(sse(events), "sse")
        self.assertNotIn(SECRET[8:11], clean)
        self.assertEqual(clean.count("ok "), len(events) // 2)
        self.assertEqual(redactor.count, 1)

    def test_untouched_events_stay_byte_by_byte(self) -> None:
        """Events without secrets keep their spelling, comments and odd lines included."""
        stream = '\ufeff: hi\n\nid: 7\nretry: 5\ndata:{"a" : 1.0,\ndata: "b":"\\u00e9"}\n\n'
        stream += 'foo\ndata\n\ndata: [DONE]\n\n\r\rdata: {"x'
        redactor = Redactor()
        self.assertEqual(redactor.stream(stream, "sse"), stream)
        self.assertEqual(redactor.count, 0)

    @given(st.lists(st.sampled_from(
        ["data: ", "data:", "data", "event: x", ": c", "\n", "\r\n", "\r", "\n\n", '{"a":', "1}", "[DONE]", "é"]
    ), max_size=25), st.sampled_from(["sse", "ndjson", "json", ""]))  # fmt: skip
    @settings(max_examples=effort(100), deadline=None)
    def test_any_stream_without_secrets_stays(self, parts: list[str], kind: str) -> None:
        """Whatever the lines and their order, nothing changes where there is no secret."""
        stream = "".join(parts)
        self.assertEqual(Redactor().stream(stream, kind), stream)

    def test_lines_between_data_lines(self) -> None:
        """An event whose data lines are parted by others stays one event."""
        clean = Redactor().stream('data: {"api_key":\nevent: x\ndata: "c4nary99"}\nid: 5\n\n', "sse")
        (event,) = SseDecoder().feed(clean.encode())
        self.assertEqual((event.name, event.data.decode(), event.id), ("x", f'{{"api_key":"{PLACEHOLDER}"}}', "5"))

    def test_secret_keys_in_events(self) -> None:
        """Members of secret keys go, in the one event that has them."""
        events = [{"type": "a", "token_count": 5}, {"type": "b", "auth": {"access_token": "c4nary99"}}, {"type": "c"}]
        stream = sse(events)
        clean = Redactor().stream(stream, "sse")
        self.assertNotIn("c4nary99", clean)
        self.assertIn(json.dumps(events[0]), clean)

    def test_many_data_lines(self) -> None:
        """JSON over several data lines is one event."""
        clean = Redactor().stream('data: {\r\ndata: "api_key":\r\ndata: "c4nary99"}\r\n\r\n', "sse")
        self.assertEqual(clean, f'data: {{"api_key":"{PLACEHOLDER}"}}\r\n\r\n')

    def test_text_events_comments_and_names(self) -> None:
        """Secrets in data that is no JSON, in comments and in other lines go too."""
        stream = f": {SECRET}\nevent: {SECRET}\nid: {SECRET}\ndata: no json {SECRET}\ndata: b\n\n"
        self.assertEqual(bare(Redactor().stream(stream, "sse")), stream.replace(SECRET, PLACEHOLDER))

    def test_error_event(self) -> None:
        """An echo of a known secret in an error event goes."""
        redactor = Redactor()
        redactor.headers([("x-api-key", "c4nary99-0123456789")])
        stream = sse([{"type": "error", "error": {"message": "bad key c4nary99-0123456789"}}])
        self.assertNotIn("c4nary99-0123", redactor.stream(stream, "sse"))

    def test_ndjson(self) -> None:
        """Lines of JSON are redacted like events."""
        for cut in range(len(SECRET) + 1):
            lines = [{"message": {"content": part}, "done": False} for part in (SECRET[:cut], SECRET[cut:])]
            clean = Redactor().stream("\n".join(map(json.dumps, lines)) + "\n", "ndjson")
            parts = [json.loads(line)["message"]["content"] for line in clean.splitlines()]
            self.assertEqual(bare("".join(parts)), PLACEHOLDER)

    def test_array(self) -> None:
        """The elements of a streamed array are redacted like events, and it stays an array."""
        elements = [{"candidates": [{"content": {"parts": [{"text": part}]}}]} for part in (SECRET[:9], SECRET[9:])]
        clean = json.loads(Redactor().stream(json.dumps(elements, indent=2), "json"))
        self.assertEqual(len(clean), 2)
        self.assertNotIn(SECRET[9:], json.dumps(clean))
        self.assertNotIn(SECRET[:9], json.dumps(clean))

    def test_other_kinds(self) -> None:
        """Anything else is searched as one text."""
        self.assertEqual(bare(Redactor().stream(f"a {SECRET}", "")), f"a {PLACEHOLDER}")

    def test_surrogates_and_large_numbers(self) -> None:
        """Odd JSON stays what it is in an event that is written anew."""
        clean = Redactor().stream(
            'data: {"api_key":"x9yz-81kq","s":"\\ud800","n":123456789012345678901234567890}\n\n', "sse"
        )
        self.assertEqual(
            clean, f'data: {{"api_key":"{PLACEHOLDER}","s":"\\ud800","n":123456789012345678901234567890}}\n\n'
        )
