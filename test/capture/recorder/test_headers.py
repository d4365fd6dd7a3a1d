"""Header lines are read in several ways that say the same."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.capture.recorder import headers
from ccsproxy.capture.recorder.headers import HeaderLines, mapping, pairs
from ccsproxy.capture.recorder.secrets.redaction import RedactionGate
from ccsproxy.exchange import fieldlines
from ccsproxy.redaction import Redactor
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


class RememberedLinesTests(SynchronousTestCase):
    """Lines are read once; none that is secret is remembered."""

    def setUp(self) -> None:
        headers._lines.clear()
        self.addCleanup(headers._lines.clear)

    def redacted(self, block: bytes) -> list[tuple[str, str]]:
        return RedactionGate(Redactor())._headers(HeaderLines(block).pairs, "request.headers")

    def test_ordinary_lines(self) -> None:
        """They are, by how they are written, and long ones are not."""
        lines = [b"User-Agent:  claude-cli/2", b"X-Long: " + b"a b " * 100]
        self.redacted(b"".join(line + b"\r\n" for line in lines))
        self.assertEqual(list(headers._lines), lines[:1])
        self.assertIs(HeaderLines(lines[0] + b"\r\n").pairs[0], HeaderLines(lines[0] + b"\r\n").pairs[0])

    def test_secret_by_name(self) -> None:
        """A key in the field that is for keys is never among them."""
        found = self.redacted(b"Accept: */*\r\nx-api-key: nothing-that-looks-like-a-key\r\n")
        self.assertEqual(found[1][1], "<redacted>")
        self.assertEqual(list(headers._lines), [b"Accept: */*"])

    def test_secret_by_shape(self) -> None:
        """One that is found elsewhere is forgotten when it is found."""
        key = "AKIA" + "QYLPMN5HFIQR7XYA"
        found = self.redacted(b"Accept: */*\r\nX-Trace: %b\r\n" % key.encode())
        self.assertNotIn(key, found[1][1])
        self.assertEqual(headers._lines, {})

    def test_what_could_not_be_searched(self) -> None:
        """Nothing is known of it, and so nothing is kept."""
        gate = RedactionGate(Redactor())
        self.patch(gate._redactor, "headers", lambda lines, where: 1 / 0)
        self.assertEqual(gate._headers(HeaderLines(b"A: b\r\n").pairs, "request.headers"), [])
        self.assertEqual(headers._lines, {})

    def test_bounded(self) -> None:
        """Lines that differ each time do not fill the memory."""
        self.patch(headers, "_MOST_LINES", 10)
        for number in range(35):
            self.assertEqual(HeaderLines(b"N: %d\r\n" % number).mapping, {"n": str(number)})
        self.assertLessEqual(len(headers._lines), 10)
