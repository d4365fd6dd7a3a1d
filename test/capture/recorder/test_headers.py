"""Header lines are read in several ways that say the same."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.capture.recorder.headers import HeaderLines, mapping, pairs
from ccsproxy.exchange import fieldlines
from test.effort import effort

NAMES = st.sampled_from(
    (b"Content-Type", b"content-type", b"CONTENT-TYPE", b"x-content-type", b"Content-Length", b"X")
)
VALUES = st.sampled_from(
    (b"", b"a", b" a ", b"a: b", b"\tb", b"content-type: x", b"\xc3\xa9", b"\xe9", b"text/html; charset=x", b":")
)
ASKED = ("content-type", "content-length", "x", "ontent-type", "content-encoding")


class HeaderLinesTests(SynchronousTestCase):
    """Bytes, text, mapping and single fields agree."""

    @given(st.lists(st.tuples(NAMES, VALUES), max_size=5))
    @settings(max_examples=effort(150), deadline=None)
    def test_every_way_says_the_same(self, fields: list[tuple[bytes, bytes]]) -> None:
        """A field that is looked up in the lines is that of the mapping; text is read as bytes are."""
        block = fieldlines.joined(fields)
        lines = HeaderLines(block)
        expected = mapping(pairs(fieldlines.pairs(block)))
        for _ in range(2):
            for name in ASKED:
                self.assertEqual(lines.field(name), expected.get(name, ""), name)
            self.assertEqual(lines.pairs, pairs(fieldlines.pairs(block)))
            self.assertEqual(lines.mapping, expected)
            lines.forget()

    def test_lines_that_are_not_all_text(self) -> None:
        """One value in Latin-1 does not change how the others are read."""
        lines = HeaderLines(b"A: \xe9\r\nB: \xc3\xa9 \r\n")
        self.assertEqual(lines.pairs, [("A", "é"), ("B", "é")])
