"""Tests for `ccsproxy.exchange.fieldlines`."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange.fieldlines import RawHeaders, joined, pairs
from test.effort import effort

NAME = st.text("abcXYZ-_!", min_size=1, max_size=8).map(str.encode)
VALUE = st.binary(max_size=12).map(lambda data: data.replace(b"\r", b".").replace(b"\n", b"%").strip(b" \t"))


class FieldLinesTests(SynchronousTestCase):
    """Header lines and pairs."""

    @settings(max_examples=effort(200), deadline=None)
    @given(st.lists(st.tuples(NAME, VALUE), max_size=6))
    def test_what_is_joined_is_read_back(self, headers: RawHeaders) -> None:
        """Order, spelling, repetition and every byte of a value survive."""
        self.assertEqual(pairs(joined(headers)), headers)

    def test_blanks_around_values_are_left_out(self) -> None:
        """They are no part of the value (RFC 9112 section 5.1), blanks and colons within it are."""
        self.assertEqual(pairs(b"A:1\r\na: \t2 3:4 \t\r\nB: \t \r\n"), [(b"A", b"1"), (b"a", b"2 3:4"), (b"B", b"")])

    def test_nothing_is_nothing(self) -> None:
        """No lines, no pairs."""
        self.assertEqual(pairs(b""), [])
        self.assertEqual(joined([]), b"")
