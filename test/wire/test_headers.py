"""Tests for `ccsproxy.wire.headers`."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange.fieldlines import RawHeaders, joined, pairs
from ccsproxy.wire import headers
from test.effort import effort

NAMES = st.sampled_from(
    [b"Host", b"X-A", b"x-a", b"Connection", b"TE", b"Upgrade", b"Cookie", b"Content-Length", b"Z"]
)
VALUES = st.sampled_from([b"close", b"x-a", b"X-A, cookie", b"keep-alive, host", b"5", b"", b" , ,", b"Connection:"])


find = headers.Finder(headers.HOP_BY_HOP | {b"content-length"})


def forwarded(lines: bytes) -> bytes:
    """Return the lines that go on."""
    return headers.end_to_end(lines, find(lines))


def kept(lines: RawHeaders) -> RawHeaders:
    """Return the pairs that go on."""
    return pairs(forwarded(joined(lines)))


class EndToEndTests(SynchronousTestCase):
    """What is forwarded."""

    def test_every_byte_of_the_other_lines_is_kept(self) -> None:
        """Lines that are not hop-by-hop come out as they went in, blanks around values included."""
        lines = b"hOsT: a\r\nX-B:2\r\nx-a: \t1 \r\nX-B:\r\nX-b: \xff\r\n"
        self.assertEqual(forwarded(lines), lines)
        self.assertEqual(forwarded(b"te:x\r\n" + lines + b"Upgrade: \r\n"), lines)

    def test_hop_by_hop_fields_are_removed_in_any_spelling_and_place(self) -> None:
        """Every field of RFC 9110 section 7.6.1 goes, however it is spelled."""
        for name in headers.HOP_BY_HOP:
            for spelled in (name, name.upper(), name.title()):
                self.assertEqual(kept([(spelled, b"x"), (b"A", b"b")]), [(b"A", b"b")], spelled)
                self.assertEqual(kept([(b"A", b"b"), (spelled, b"")]), [(b"A", b"b")], spelled)

    def test_names_that_only_look_alike_are_kept(self) -> None:
        """A name that contains another one, and a value that looks like a line, are no reason to remove anything."""
        lines = b"X-TE: a\r\nTE-X: b\r\nA: Connection: close\r\nte2: c\r\n"
        self.assertEqual(forwarded(lines), lines)

    def test_nominated_fields_are_removed_before_and_after_the_nomination(self) -> None:
        """A field that ``Connection`` names goes, also when several lines name several."""
        lines = [
            (b"X-One", b"1"),
            (b"Connection", b"x-ONE, close"),
            (b"connection", b" X-Two\t"),
            (b"x-two", b"2"),
            (b"K", b"v"),
        ]
        self.assertEqual(kept(lines), [(b"K", b"v")])

    def test_essentials_cannot_be_nominated(self) -> None:
        """No client can have its credentials or framing stripped on the way."""
        for name in (
            b"Host",
            b"Authorization",
            b"Content-Length",
            b"Content-Type",
            b"Cookie",
            b"Cache-Control",
            b"x-api-key",
        ):
            self.assertEqual(kept([(b"Connection", name), (name, b"v")]), [(name, b"v")])

    def test_a_nomination_is_no_pattern(self) -> None:
        """What ``Connection`` names is taken literally."""
        self.assertEqual(kept([(b"Connection", b"x.y, .*"), (b"xzy", b"1")]), [(b"xzy", b"1")])

    @settings(max_examples=effort(200), deadline=None)
    @given(st.lists(st.tuples(NAMES, VALUES), max_size=8))
    def test_the_rest_is_what_a_reader_of_pairs_would_keep(self, lines: RawHeaders) -> None:
        """Whatever comes in: what comes out is in order, is complete but for what must go, and is stable."""
        connection = [headers.connection(value) for name, value in lines if name.lower() == b"connection"]
        gone = headers.HOP_BY_HOP.union(*(each.nominated for each in connection))
        expected = joined([pair for pair in lines if pair[0].lower() not in gone])
        self.assertEqual(forwarded(joined(lines)), expected)
        self.assertEqual(forwarded(expected), expected)


class FinderTests(SynchronousTestCase):
    """Finding the lines of some fields."""

    LINES = b"A:1\r\nConnection: Close,, x \r\na: 2\r\nCONNECTION:\t Y \r\nB: \r\n"

    def test_lines_are_found_in_any_case_and_in_order(self) -> None:
        """Names and values come in lower case, without the blanks around them."""
        found = headers.Finder([b"connection", b"b"])(self.LINES)
        self.assertEqual(
            [line[:2] for line in found], [(b"connection", b"close,, x"), (b"connection", b"y"), (b"b", b"")]
        )

    def test_the_place_of_a_line_is_all_of_it(self) -> None:
        """From the first byte of the name to the first byte of the next line."""
        for name, _, start, end in headers.Finder([b"a", b"connection", b"b"])(self.LINES):
            line = self.LINES[start:end]
            self.assertTrue(line.lower().startswith(name + b":") and line.count(b"\r\n") == 1, line)
            self.assertTrue(line.endswith(b"\r\n"))
