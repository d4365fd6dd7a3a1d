"""Tests for `ccsproxy.exchange.codec`."""

import json

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange import codec
from test.effort import effort

_TEXT = st.text(st.characters(), max_size=20)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=10,
)


class LineTests(SynchronousTestCase):
    """A line is one JSON object that proves itself."""

    @settings(max_examples=effort(50), deadline=None)
    @given(st.dictionaries(_TEXT, _JSON, min_size=1, max_size=4))
    def test_what_is_written_is_read(self, value: dict) -> None:
        """Any object comes back as it went in, lone surrogates and long numbers included."""
        line = codec.encode(value)
        self.assertEqual(line.count(b"\n"), 1)
        self.assertEqual(codec.decode(line), value)

    def test_every_json_reader_can_read_it(self) -> None:
        """The line is JSON, the checksum is its last member."""
        value = json.loads(codec.encode({"id": "a", "text": "π\n"}))
        self.assertEqual(list(value), ["id", "text", "crc32"])

    def test_nested_too_deeply(self) -> None:
        """What names a record is read all the same; the whole of it is refused as any line that cannot be read."""
        deep = msgspec.Raw(b"[" * 50_000 + b"]" * 50_000)
        named = {"id": 'a"\\b', "seq": 7, "session_id": "s", "request_id": 'r"', "started_at": "2026"}
        for known in (named, {name: value for name, value in named.items() if name != "request_id"}):
            head = codec.head(codec.encode({**known, "request": {"body": deep}}))
            self.assertEqual((head.id, head.seq, head.session_id, head.started_at), ('a"\\b', 7, "s", "2026"))
            self.assertEqual(head.event, "record")
        for other in ({"id": "a", "body": deep}, {"body": deep}):
            self.assertRaises(codec.LineError, codec.head, codec.encode(other))
            self.assertRaises(codec.LineError, codec.decode, codec.encode(other))

    def test_cut_anywhere_it_does_not_verify(self) -> None:
        """No proper prefix and no proper suffix of a line is a line."""
        line = codec.encode({"id": "a", "nested": {"crc32": "00000000"}, "text": 'x","crc32":"'})
        for at in range(len(line)):
            self.assertFalse(codec.verify(line[:at]))
            self.assertFalse(codec.verify(line[at:]) and at)

    def test_with_any_bit_flipped_it_does_not_verify(self) -> None:
        """A single changed bit anywhere, checksum and newline included, is noticed."""
        line = codec.encode({"id": "a", "seq": 7, "text": "abc"})
        for bit in range(len(line) * 8):
            damaged = bytearray(line)
            damaged[bit // 8] ^= 1 << bit % 8
            self.assertFalse(codec.verify(bytes(damaged)), bit)
            self.assertRaises(codec.LineError, codec.decode, bytes(damaged))

    def test_raw_members_lose_their_newlines(self) -> None:
        """JSON that was embedded as it came does not break the line."""
        line = codec.encode({"body": msgspec.Raw(b'{\n  "a": "b\\n  c"\n}')})
        self.assertEqual(line.count(b"\n"), 1)
        self.assertEqual(codec.decode(line), {"body": {"a": "b\n  c"}})

    def test_raw_members_beside_lone_surrogates(self) -> None:
        """The slow way of writing keeps embedded JSON too."""
        line = codec.encode({"a": "\ud800", "body": msgspec.Raw(b'{"x":[1e400,"\\udfff"]}')})
        self.assertEqual(json.loads(line)["a"], "\ud800")
        self.assertEqual(codec.decode(line)["body"]["x"][1], "\udfff")

    def test_only_an_object_with_members_is_a_line(self) -> None:
        """Lists, texts and empty objects are refused."""
        for value in ([1], "text", {}, None):
            self.assertRaises(ValueError, codec.encode, value)


class HeadTests(SynchronousTestCase):
    """The head of a line is found without the rest."""

    def test_head_of_a_record(self) -> None:
        """A line without an event is a record."""
        head = codec.head(
            codec.encode({"id": "x", "seq": 3, "session_id": "s", "request": {"body": [1, {"id": "y"}]}})
        )
        self.assertEqual(head, codec.RecordHead(id="x", seq=3, session_id="s"))

    def test_head_beside_odd_text(self) -> None:
        """Lone surrogates elsewhere, in keys too, do not hide the head."""
        line = codec.encode({"id": "x", "event": "started", "body": {"\udc00": "\ud800"}})
        self.assertEqual(codec.head(line), codec.RecordHead(id="x", event="started"))

    def test_members_of_the_wrong_type_are_refused(self) -> None:
        """A sequence number that is no number is an error, not a guess."""
        for line in (codec.encode({"seq": "1"}), codec.encode({"seq": "1", "odd": "\ud800"})):
            self.assertRaises(codec.LineError, codec.head, line)
