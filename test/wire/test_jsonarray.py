"""Tests for `ccsproxy.wire.jsonarray`."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.wire.jsonarray import JsonArrayDecoder
from test.effort import effort
from test.wire.splits import every_split

OBJECTS = st.lists(
    st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.lists(st.text(max_size=3))), max_size=4
)


def decoded(pieces: list[bytes]) -> tuple[list[bytes], bool]:
    decoder = JsonArrayDecoder()
    elements = [element for piece in pieces for element in decoder.feed(piece)]
    return elements, decoder.complete


class JsonArrayDecoderTests(SynchronousTestCase):
    """Elements come out as they end, however the bytes are cut."""

    def test_every_split(self) -> None:
        """Brackets, commas and quotes in strings mislead nobody."""
        first, second = rb'{"a":"}],{\"[\\","b":[{},[1,2]]}', b'{\n  "c": {"d": "\xe2\x9c\x93"}\n}'
        data = b"\xef\xbb\xbf [" + first + b"\n,\r\n" + second + b', 12, "x,]"\n]\n'
        for pieces in every_split(data):
            self.assertEqual(decoded(pieces), ([first, second, b"12", b'"x,]"'], True), pieces)

    def test_at_once(self) -> None:
        """An object is there with its closing brace, before the comma."""
        decoder = JsonArrayDecoder()
        self.assertEqual(decoder.feed(b'[{"a":1'), [])
        self.assertEqual(decoder.feed(b"}"), [b'{"a":1}'])
        self.assertEqual(decoder.feed(b",\r\n{}"), [b"{}"])
        self.assertFalse(decoder.complete)
        self.assertEqual(decoder.feed(b"]"), [])
        self.assertTrue(decoder.complete)

    def test_bare_object(self) -> None:
        """A bare error object comes out, alone and after an array."""
        error = b'{"error":{"code":429,"details":[{}]}}'
        for pieces in every_split(error):
            self.assertEqual(decoded(pieces), ([error], True))
        for pieces in every_split(b"[{}]\n" + error):
            self.assertEqual(decoded(pieces), ([b"{}", error], True))

    def test_cut(self) -> None:
        """A cut array gives its whole elements and is not complete."""
        data = b'[{"a":1},{"b":"x'
        for cut in range(1, len(data)):
            elements, complete = decoded([data[:cut]])
            self.assertEqual(elements, [b'{"a":1}'] if cut >= 8 else [])
            self.assertFalse(complete)

    @given(OBJECTS, st.sampled_from([None, 1]))
    @settings(max_examples=effort(30), deadline=None)
    def test_any_array(self, objects: list[object], indent: int | None) -> None:
        """Any array of objects gives its elements, pretty-printed or not."""
        data = json.dumps(objects, indent=indent).encode()
        for size in (1, 2, 7):
            elements, complete = decoded([data[i : i + size] for i in range(0, len(data), size)])
            self.assertEqual([json.loads(element) for element in elements], objects)
            self.assertTrue(complete)
