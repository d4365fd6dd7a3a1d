"""Tests for `ccsproxy.wire.sse`."""

import codecs

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.wire.sse import Event, SseDecoder
from test.effort import effort
from test.wire.splits import every_split

#: What it shows, the bytes, the events as (name, data, id), the reconnection time.
VECTORS = [
    ("LF", b"data: a\n\n", [("message", "a", "")], None),
    ("CRLF", b"event: x\r\ndata: a\r\n\r\n", [("x", "a", "")], None),
    ("CR", b"event: x\rdata: a\r\r", [("x", "a", "")], None),
    ("mixed line ends", b"event: x\rdata: a\r\ndata: b\n\r\n", [("x", "a\nb", "")], None),
    ("LF CR is two line ends", b"data: a\n\rdata: b\n\n", [("message", "a", ""), ("message", "b", "")], None),
    ("one BOM", b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", [("message", "a", "")], None),
    ("half a BOM", b"\xef\xbbdata: a\n\ndata: b\n\n", [("message", "b", "")], None),
    ("comments alone", b": ping\n\n:\n\n", [], None),
    ("comment inside an event", b"data: a\n: c\ndata: b\n\n", [("message", "a\nb", "")], None),
    (
        "one leading space",
        b"data:  a\n\ndata:b\n\ndata:\tc\n\n",
        [("message", " a", ""), ("message", "b", ""), ("message", "\tc", "")],
        None,
    ),
    ("field without colon", b"data\n\ndata\ndata\n\n", [("message", "", ""), ("message", "\n", "")], None),
    (
        "empty data counts, a name alone does not",
        b"data:\n\nevent: x\n\ndata: k\n\n",
        [("message", "", ""), ("message", "k", "")],
        None,
    ),
    ("empty line of data", b"data: a\ndata:\ndata: b\n\n", [("message", "a\n\nb", "")], None),
    ("unknown and misspelt fields", b"foo: 1\nData: x\ndata : y\ndata: a\n\n", [("message", "a", "")], None),
    (
        "ids persist, NUL is refused, empty resets",
        b"id: 7\ndata: a\n\ndata: b\n\nid: 8\x009\ndata: c\n\nid\ndata: d\n\n",
        [("message", "a", "7"), ("message", "b", "7"), ("message", "c", "7"), ("message", "d", "")],
        None,
    ),
    ("an id of an event without data persists", b"id: 3\n\ndata: a\n\n", [("message", "a", "3")], None),
    ("retry takes digits only", b"retry: 10\nretry: 1x\nretry: -5\nretry:\ndata: a\n\n", [("message", "a", "")], 10),
    ("no blank line", b"data: a\n\ndata: b\n", [("message", "a", "")], None),
    ("no line end", b"data: a\n\ndata: b", [("message", "a", "")], None),
    ("name is reset", b"event: x\ndata: a\n\ndata: b\n\n", [("x", "a", ""), ("message", "b", "")], None),
    ("name after data", b"data: a\nevent: x\n\n", [("x", "a", "")], None),
    (
        "last name wins, empty is message",
        b"event: x\nevent: y\ndata: a\n\nevent: z\nevent:\ndata: b\n\nevent: \ndata: c\n\n",
        [("y", "a", ""), ("message", "b", ""), ("message", "c", "")],
        None,
    ),
    (
        "other line ends are data",
        "data: a\u2028b\u2029c\u0085d\x0ce\x0bf\n\n".encode(),
        [("message", "a\u2028b\u2029c\u0085d\x0ce\x0bf", "")],
        None,
    ),
    ("multi-byte text", "event: ü\ndata: Zürich ✓ 🎉\n\n".encode(), [("ü", "Zürich ✓ 🎉", "")], None),
    ("invalid UTF-8", b"data: a\xff\xe2\x28\n\n", [("message", "a\ufffd\ufffd(", "")], None),
    ("UTF-8 cut by a line end", b"data: a\xe2\x9c\ndata: b\n\n", [("message", "a\ufffd\nb", "")], None),
    ("colons in the value", b'data: {"a":1}: b:\n\n', [("message", '{"a":1}: b:', "")], None),
    (
        "blank lines everywhere",
        b"\n\n\r\n\rdata: a\n\n\n\n\ndata: b\n\n",
        [("message", "a", ""), ("message", "b", "")],
        None,
    ),
    ("final CR CR", b"data: a\r\r", [("message", "a", "")], None),
]


class CutFieldTests(SynchronousTestCase):
    """A stream that ends within the name of a field."""

    def test_ordinary(self) -> None:
        """Where an event is cut off says nothing of those before it, wherever that is."""
        event = b'event: a\ndata: {"a":1}\n\n'
        for end in range(len(event) - 2):
            decoder = SseDecoder()
            decoder.feed_named(event + event[:end])
            decoder.finish()
            self.assertTrue(decoder.ordinary, event[:end])


class Reference:
    """The standard's algorithm, letter by letter."""

    def __init__(self) -> None:
        self.utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self.first, self.after_cr, self.line = True, False, ""
        self.data: list[str] = []
        self.name = self.id = ""
        self.events: list[tuple[str, str, str]] = []

    def feed(self, data: bytes) -> None:
        for letter in self.utf8.decode(data):
            bom, self.first = self.first and letter == "\ufeff", False
            skip, self.after_cr = self.after_cr and letter == "\n", letter == "\r"
            if bom or skip:
                continue
            if letter in "\r\n":
                self.end_line()
            else:
                self.line += letter

    def end_line(self) -> None:
        line, self.line = self.line, ""
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if self.data:
                self.events.append((self.name or "message", "\n".join(self.data), self.id))
            self.data, self.name = [], ""
        elif field == "data":
            self.data.append(value)
        elif field == "event":
            self.name = value
        elif field == "id" and "\0" not in value:
            self.id = value


def decoded(pieces: list[bytes], strict: bool = True) -> tuple[list[tuple[str, str, str]], SseDecoder]:
    decoder = SseDecoder(strict)
    events = [event for piece in pieces for event in decoder.feed(piece)] + decoder.finish()
    return [(event.name, event.text, event.id) for event in events], decoder


class SseDecoderTests(SynchronousTestCase):
    """What a stream says does not depend on how it is cut."""

    def test_vectors_at_every_split(self) -> None:
        """Each vector gives the events that the standard asks for, whole, byte by byte and cut anywhere."""
        for title, data, expected, retry in VECTORS:
            for pieces in every_split(data):
                events, decoder = decoded(pieces)
                self.assertEqual((events, decoder.retry), (expected, retry), (title, pieces))

    def test_vectors_cut_twice(self) -> None:
        """Each vector gives the same events cut in three anywhere."""
        for title, data, expected, _retry in VECTORS:
            for i in range(len(data)):
                for j in range(i, len(data)):
                    self.assertEqual(decoded([data[:i], data[i:j], data[j:]])[0], expected, title)

    def test_dispatch_at_once(self) -> None:
        """An event is there with the byte that ends it, also when that is a CR whose LF is still to come."""
        decoder = SseDecoder()
        self.assertEqual(decoder.feed(b"data: a\r\n\r"), [Event("message", b"a")])
        self.assertEqual(decoder.feed(b"\n"), [])
        self.assertEqual(decoder.feed(b"data: b\r\n\r\n"), [Event("message", b"b")])

    def test_comments_are_counted(self) -> None:
        """Keep-alive comments are counted, alone and inside events."""
        self.assertEqual(decoded([b": a\n\n:\n\ndata: x\n: b\n\n"])[1].comments, 3)

    def test_last_event_id(self) -> None:
        """The id to resume with is that of the last dispatch."""
        decoder = SseDecoder()
        decoder.feed(b"id: 1\ndata: a\n\nid: 2\n")
        self.assertEqual(decoder.last_event_id, "1")
        decoder.feed(b"\n")
        self.assertEqual(decoder.last_event_id, "2")

    def test_recovery(self) -> None:
        """A whole last event without its blank line is returned and flagged; a cut one is not."""
        for end in (b"", b"\n", b"\r", b"\r\n"):
            for data in (b'{"a":1}', b"[DONE]"):
                decoder = SseDecoder()
                self.assertEqual(decoder.feed(b"event: x\ndata: " + data + end), [])
                self.assertEqual(decoder.finish(), [Event("x", data, "", True)])
                self.assertEqual(decoder.finish(), [])
        decoder = SseDecoder()
        decoder.feed(b'data: {"a":')
        self.assertEqual(decoder.finish(), [])

    @given(
        st.lists(
            st.sampled_from(
                [
                    b"data",
                    b":",
                    b" ",
                    b"\n",
                    b"\r",
                    b"\r\n",
                    b"event: x\n",
                    b"id: 1\n",
                    b"\xef\xbb\xbf",
                    b"\xe2\x9c\x93",
                    b"\xff",
                ]
            ),
            max_size=30,
        ),
        st.data(),
    )
    @settings(max_examples=effort(100), deadline=None)
    def test_equals_the_reference(self, parts: list[bytes], data: st.DataObject) -> None:
        """Any bytes in any pieces give what the letter-by-letter algorithm gives."""
        stream = b"".join(parts)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
        pieces = [stream[i:j] for i, j in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
        reference = Reference()
        reference.feed(stream)
        self.assertEqual(decoded(pieces)[0], reference.events)

    def test_big_event_in_small_pieces(self) -> None:
        """A large event is not searched again from its beginning with each piece."""
        decoder = SseDecoder()
        for _ in range(20000):
            decoder.feed(b"x" * 100 if decoder.comments else b": c\ndata: ")
            decoder.comments = 1
        events = decoder.feed(b"\n\n")
        self.assertEqual(len(events[0].data), 100 * 19999)
