"""Tests for `ccsproxy.wire.jsontext`."""

import json
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.wire.jsontext import JsonError, dumps, loads
from test.effort import effort

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)


class LoadsTests(SynchronousTestCase):
    """What agents really send is read; what is not JSON is refused with one error."""

    def test_odd_but_readable(self) -> None:
        """Surrogates, large numbers, byte order marks, bad UTF-8 and repeated keys survive."""
        for text, value in [
            (b'"\\ud800"', "\ud800"),
            (b'{"\\udc00":1}', {"\udc00": 1}),
            (b"123456789012345678901234567890", 123456789012345678901234567890),
            (b"1e999", Decimal("1e999")),
            (b"1" * 5000, Decimal("1" * 5000)),
            (b"\xef\xbb\xbf{}", {}),
            (b'"a\xff"', "a\ufffd"),
            (b'{"a":1,"a":2}', {"a": 2}),
            ('["é"]', ["é"]),
            (b'"\\ud83c\\udf89"', "🎉"),
        ]:
            self.assertEqual(loads(text), value, text)

    def test_refused(self) -> None:
        """What is not one JSON value raises `JsonError`, never another error."""
        for text in [
            b"",
            b"NaN",
            b"[Infinity]",
            b"-Infinity",
            b"{",
            b"{}x",
            b"01",
            b"'a'",
            b'"\xff',
            "\ud800",
            b"1e",
        ]:
            self.assertRaises(JsonError, loads, text)

    def test_deep_nesting(self) -> None:
        """Nesting without end is an error, not a crash."""
        for text in [b"[" * 100000, b"[" * 100000 + b"]" * 100000, b'{"a":' * 100000, b"NaN" + b"[" * 100000]:
            self.assertRaises(JsonError, loads, text)
        self.assertRaises(JsonError, loads, b'["\\ud800",' + b"[" * 100000)


class DumpsTests(SynchronousTestCase):
    """What was read can be written, and reads the same again."""

    def test_deep_nesting(self) -> None:
        """A value nested too deeply is an error, also where it holds a lone surrogate."""
        for leaf in ("a", "\ud800"):
            value: object = leaf
            for _ in range(100000):
                value = [value]
            self.assertRaises(JsonError, dumps, value)

    def test_no_json_form(self) -> None:
        """A value of another kind is refused."""
        self.assertRaises(JsonError, dumps, object())
        self.assertRaises(JsonError, dumps, ["\ud800", object()])

    def test_numbers_keep_their_text(self) -> None:
        """Numbers that no float holds are written as they were."""
        self.assertEqual(
            dumps(loads(b'[1e999,"\\ud800",18446744073709551616]')), b'[1E+999,"\\ud800",18446744073709551616]'
        )

    @given(VALUES)
    @settings(max_examples=effort(200), deadline=None)
    def test_round_trip(self, value: object) -> None:
        """Any JSON value survives writing and reading, and the standard library reads the same."""
        text = dumps(value)
        self.assertEqual(loads(text), value)
        self.assertEqual(json.loads(text), value)
