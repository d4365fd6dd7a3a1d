"""Tests for `ccsproxy.wire.ndjson`."""

import tracemalloc
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.wire import ndjson
from ccsproxy.wire.ndjson import NdjsonDecoder
from ccsproxy.wire.sse import SseDecoder
from test.effort import effort
from test.wire.splits import every_split

PIECES = st.lists(
    st.one_of(
        st.sampled_from([b"\n", b"\n\n", b"\r\n\r\n", b"\xef\xbb\xbf", b"data: ", b"event: a\n", b'{"a":1}']),
        st.binary(max_size=9),
        st.integers(1, 40).map(lambda size: b"x" * size),
    ),
    max_size=30,
)
Decoder = SseDecoder | NdjsonDecoder


def decoded(pieces: list[bytes]) -> list[bytes]:
    decoder = NdjsonDecoder()
    return [line for piece in pieces for line in decoder.feed(piece)] + decoder.finish()


class NdjsonDecoderTests(SynchronousTestCase):
    """One JSON text a line, however the bytes are cut."""

    def test_every_split(self) -> None:
        """Lines come out whole; white space, blank lines and the byte order mark do not."""
        data = b'\xef\xbb\xbf{"a":1}\n\r\n  {"b":"\xe2\x9c\x93"} \r\n\n{"c":3}'
        for pieces in every_split(data):
            self.assertEqual(decoded(pieces), [b'{"a":1}', b'{"b":"\xe2\x9c\x93"}', b'{"c":3}'])

    def test_at_once(self) -> None:
        """A line is there with its line end."""
        decoder = NdjsonDecoder()
        self.assertEqual(decoder.feed(b"{}"), [])
        self.assertEqual(decoder.feed(b"\n[]"), [b"{}"])
        self.assertEqual(decoder.finish(), [b"[]"])
        self.assertEqual(decoder.finish(), [])


def read(decoder: Decoder, pieces: list[bytes], borrowing: bool, full: int, look: int) -> list[Any]:
    """Return what a decoder makes of pieces.

    :param full: after how many pieces nothing more is kept by the caller.
    :param look: after how many pieces the rest is looked at.
    """
    kept, found = bytearray(), []
    if borrowing:
        decoder.borrow(lambda: kept)
    for number, piece in enumerate(pieces):
        if number < full:
            kept += piece
        found.append(decoder.feed(piece))
        if number == look:
            found.append(bytes(decoder.take_rest()))
    found += [decoder.finish(), bytes(decoder.take_rest()), bytes(decoder.take_rest())]
    return found


class PendingTests(SynchronousTestCase):
    """Events are the same whoever keeps their bytes."""

    @given(PIECES, st.integers(0, 30), st.integers(0, 30))
    @settings(max_examples=effort(150), deadline=None)
    def test_borrowed_or_not(self, pieces: list[bytes], full: int, look: int) -> None:
        """A decoder that borrows finds what another finds, also of a body that is full or has another form."""
        self.patch(ndjson, "_BLOCK", 6)
        made: tuple[Callable[[], Decoder], ...] = (SseDecoder, NdjsonDecoder)
        for make in made:
            self.assertEqual(read(make(), pieces, True, full, look), read(make(), pieces, False, full, look))

    def test_memory(self) -> None:
        """A line of megabytes is not held a second time until it is whole."""
        for decoder in (SseDecoder(), NdjsonDecoder()):
            kept, piece = bytearray(4 << 20), b"data: " + b"x" * 65530
            del kept[:]
            decoder.borrow(lambda kept=kept: kept)  # type: ignore[misc]
            tracemalloc.start()
            self.addCleanup(tracemalloc.stop)
            for _ in range(64):
                kept += piece
                decoder.feed(piece)
            self.assertLess(tracemalloc.get_traced_memory()[1], 1.5 * len(kept))
            tracemalloc.stop()
