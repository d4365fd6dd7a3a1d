"""Tests for `ccsproxy.redaction.streams.cut`, and for streams that end within an event."""

import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dialects import detect
from ccsproxy.dialects.facts import Facts
from ccsproxy.redaction import PLACEHOLDER, Redactor
from ccsproxy.redaction.streams.cut import read_cut
from test.effort import effort
from test.redaction.test_text import bare

SECRET = "sk-ant-api03-A1b2C3d4E5f6G7h8I9j0K1l2M3n4"
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=6), st.sampled_from(['"', "\\", "é\\u"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=12,
)


class CutTests(SynchronousTestCase):
    """What the beginning of a JSON text says."""

    @given(st.one_of(st.lists(VALUES, max_size=4), st.dictionaries(st.text(max_size=4), VALUES, max_size=4)),
           st.booleans())  # fmt: skip
    @settings(max_examples=effort(30), deadline=None)
    def test_every_beginning_is_read_and_written_again(self, value: Any, ascii_only: bool) -> None:
        """Wherever a compact text is cut, its beginning is a value, and that is written as it stood."""
        text = json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))
        for end in range(1, len(text)):
            cut = read_cut(text[:end])
            assert cut is not None, text[:end]
            again = cut.written(cut.value) + cut.rest
            self.assertEqual(read_cut(again), cut)
            self.assertEqual(json.loads(cut.written(cut.value) + cut.closing), cut.value)

    def test_the_value_of_an_open_string(self) -> None:
        """The text of a string that is not closed counts; half an escape at its end does not."""
        for end, said in (("ab", "ab"), ("ab\\", "ab"), ("ab\\u00", "ab"), ("ab\\\\", "ab\\"), ("ab\\n", "ab\n")):
            cut = read_cut('{"a":[{"b":"' + end)
            assert cut is not None
            self.assertEqual(cut.value, {"a": [{"b": said}]})

    def test_what_is_left_out(self) -> None:
        """A member without its value, and a number that may go on, are no part of the value."""
        for text, value, rest in (
            ('{"a":1,"b', {"a": 1}, ',"b'),
            ('{"a":1,"b":', {"a": 1}, ',"b":'),
            ('{"a":1,"b":12', {"a": 1}, ',"b":12'),
            ("[1,2", [1], ",2"),
            ('{"', {}, '"'),
        ):
            cut = read_cut(text)
            assert cut is not None
            self.assertEqual((cut.value, cut.rest), (value, rest))

    def test_no_beginning(self) -> None:
        """Text that is no JSON is none when it is cut, either."""
        for text in ("", "[DONE]", "hello", '"a', '{"a" "b"', '{"a":1}}'):
            self.assertIsNone(read_cut(text), text)

    def test_blanks(self) -> None:
        """What a number that may go on was followed by decides whether it counts."""
        for text, value in (
            ('{"a": 1', {}),
            ('{"a": 1 ', {"a": 1}),
            ('{ "a" : [ 1 , 2', {"a": [1]}),
            ('{"a": 1 , "b', {"a": 1}),
            ('{"a": {} , ', {"a": {}}),
            ('{"a":1, "b" : tr', {"a": 1}),
            ("[ ", []),
        ):
            cut = read_cut(text)
            assert cut is not None, text
            self.assertEqual(cut.value, value, text)

    def test_no_escape(self) -> None:
        """A string with an escape that JSON does not have is no JSON, wherever it is cut."""
        for text in ('{"a":"\\x', '{"a":"\\u12g4 and more', '{"a":"\\xyz","b":1'):
            self.assertIsNone(read_cut(text), text)

    def test_cost(self) -> None:
        """A line of megabytes costs a few bytes and well under a microsecond a character, whatever it is made of."""
        size = 2 << 20
        for piece in ("Ab3/", "x\\n", '{\\"k\\":1}', "\\\\", "\\u00e9"):
            text = '{"a":"' + piece * (size // len(piece))
            began = time.process_time()
            peak = _peak(lambda text=text: read_cut(text))  # type: ignore[misc]
            self.assertLess(peak, 5 * len(text), piece)
            self.assertLess(time.process_time() - began, 2.0, piece)


def _peak(work: Callable[[], Any]) -> int:
    """Return how many bytes some work held at most."""
    tracemalloc.start()
    try:
        result = work()
        peak = tracemalloc.get_traced_memory()[1]
        del result
    finally:
        tracemalloc.stop()
    return peak


def body_of(stream: str) -> Any:
    """Read a stream as the recorder does."""
    facts = Facts(target=b"/v1/messages", request_body={"model": "m", "stream": True}, status=200,
                  content_type="text/event-stream")  # fmt: skip
    reader = detect(facts).reader(facts)
    reader.feed(stream.encode(), 1.0)
    return reader.finish(False).body


def deltas(*texts: str) -> str:
    """Write an Anthropic stream of one block."""
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": [], "usage": {}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": t}} for t in texts),
    ]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)


class CutStreamTests(SynchronousTestCase):
    """A stream that ends within an event: what the event has of a secret goes, wherever that began."""

    def assert_clean(self, stream: str, secret: str, longest: int) -> None:
        redactor = Redactor()
        kept = redactor.stream(stream, "sse")
        body = json.dumps(redactor.tree(body_of(stream)))
        for start in range(len(secret) - longest):
            self.assertNotIn(secret[start : start + longest], kept)
            self.assertNotIn(secret[start : start + longest], body)

    def test_a_token_that_began_earlier(self) -> None:
        """The tail of a token stands in the event that was cut off; body and stream are clean of it."""
        for parted in range(1, len(SECRET) - 1, 3):
            for end in range(1, 45):
                stream = deltas("x " + SECRET[:parted], SECRET[parted:])
                self.assert_clean(stream[:-end], SECRET[7:], 11)

    def test_a_value_whose_key_came_earlier(self) -> None:
        """A streamed tool argument with a secret key, cut within its value."""
        stream = deltas("").replace("text_delta", "input_json_delta").replace('"text": ""', '"partial_json": "{"')
        for argument in ('\\"api_key\\": \\"', "c0rrect7", "h0rse!battery&staple"):
            event = {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta"}}
            text = json.dumps(event)[:-2] + f', "partial_json": "{argument}"}}}}'
            stream += f"event: content_block_delta\ndata: {text}\n\n"
        for end in range(1, 30):
            redactor = Redactor()
            kept = redactor.stream(stream[:-end], "sse")
            self.assertNotIn("c0rrect", kept)
            self.assertNotIn("h0rse", kept)
            self.assertNotIn("h0rse", json.dumps(redactor.tree(body_of(stream[:-end]))))

    def test_other_framings(self) -> None:
        """Cut lines and cut arrays are no different."""
        elements = [{"candidates": [{"content": {"parts": [{"text": part}]}}]} for part in (SECRET[:9], SECRET[9:])]
        for kind, text in (("json", json.dumps(elements)), ("ndjson", "\n".join(map(json.dumps, elements)))):
            for end in range(1, 18):
                self.assertNotIn(SECRET[9:20], Redactor().stream(text[:-end], kind), (kind, end))

    def test_the_cut_event_stays_recognisable(self) -> None:
        """Only the secret's text goes from the event, which stays as it was cut."""
        stream = deltas("x " + SECRET[:20], SECRET[20:])[:-6]
        kept = Redactor().stream(stream, "sse")
        event = '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"'
        self.assertTrue(kept.endswith(f"data: {event}"), kept)

    def test_secrets_in_names(self) -> None:
        """A token that is the name of a member goes, too."""
        stream = f'data: {{"a":{{"{SECRET}":1}}}}\n\n'
        self.assertEqual(bare(Redactor().stream(stream, "sse")), f'data: {{"a":{{"{PLACEHOLDER}":1}}}}\n\n')


class BinaryTests(SynchronousTestCase):
    """Bodies that are no UTF-8."""

    def test_utf_16(self) -> None:
        """Text in UTF-16 with a secret is not kept; other bytes with zeros stay."""
        for order in ("utf-16-le", "utf-16-be", "utf-16"):
            redactor = Redactor()
            self.assertEqual((redactor.binary(f"my key {SECRET}".encode(order)), redactor.count), (b"", 1))
        self.assertEqual(Redactor().binary(b"\x89PNG\0\0\0\xff" * 9), b"\x89PNG\0\0\0\xff" * 9)
        self.assertEqual(Redactor(enabled=False).binary(SECRET.encode("utf-16")), SECRET.encode("utf-16"))


class AsideTests(SynchronousTestCase):
    """What found no place in the message is kept in lists beside it, event by event."""

    def test_unknown_events(self) -> None:
        """A secret that goes through several unknown events is removed from each."""
        events = [{"type": "x.delta", "index": 0, "delta": SECRET[i : i + 5]} for i in range(0, len(SECRET), 5)]
        clean = json.dumps(Redactor().tree({"content": [], "_unparsed_events": events}))
        self.assertNotIn(SECRET[10:15], clean)
        self.assertEqual(events[0]["delta"], SECRET[:5])

    def test_unknown_deltas(self) -> None:
        """So are those that are kept within a block."""
        deltas = [{"type": "odd_delta", "odd": SECRET[i : i + 5]} for i in range(0, len(SECRET), 5)]
        clean = json.dumps(Redactor().tree({"content": [{"type": "text", "_unparsed_deltas": deltas}]}))
        self.assertNotIn(SECRET[10:15], clean)

    def test_lists_of_text(self) -> None:
        """So are the pieces of a text in a list."""
        parts = [SECRET[i : i + 5] for i in range(0, len(SECRET), 5)]
        self.assertEqual(
            json.loads(bare(json.dumps(Redactor().tree({"_transcripts": parts})))),
            {"_transcripts": [PLACEHOLDER] + [""] * (len(parts) - 1)},
        )

    def test_deep_trees(self) -> None:
        """Any JSON that can be read can be redacted, however deep it is."""
        deep: Any = {"api_key": "canary-81x", "text": SECRET}
        for _ in range(5000):
            deep = {"a": [deep]}
        clean = Redactor().tree(deep)
        for _ in range(5000):
            clean = clean["a"][0]
        self.assertEqual(bare(json.dumps(clean)), json.dumps({"api_key": PLACEHOLDER, "text": PLACEHOLDER}))
