"""What is remembered of when pieces came is exact for ordinary streams, and bounded for all."""

import tracemalloc
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.capture.recorder import arrivals
from ccsproxy.capture.recorder.arrivals import MOST, Arrivals
from ccsproxy.capture.recorder.bodies import MemoryBudget
from ccsproxy.capture.recorder.response import ResponseInMaking
from ccsproxy.exchange.relayed import ResponseHead
from test.effort import effort


class ArrivalsTests(SynchronousTestCase):
    """Pieces of one response."""

    def test_an_ordinary_stream(self) -> None:
        """Every piece is there with its time; nothing lies beyond the end."""
        pieces = Arrivals()
        self.assertEqual((pieces.chunks, pieces.last, pieces.max_gap), ([], None, None))
        pieces.add([1000, 5000], [10, 20])
        pieces.add([6500], [5])
        self.assertEqual(pieces.chunks, [(1.0, 10), (5.0, 20), (6.5, 5)])
        self.assertEqual((pieces.last, pieces.max_gap), (6.5, 4.0))
        pieces.end(6000)
        self.assertEqual(pieces.last, 6.0)

    def test_a_stream_of_hours(self) -> None:
        """A million pieces take no more room than thousands; sizes, end and longest pause are exact."""
        pieces = Arrivals()
        for start in range(0, 1_000_000, 1000):
            pieces.add(range(start * 10, start * 10 + 10_000, 10), [3] * 1000)
        self.assertLessEqual(len(pieces.chunks), MOST)
        self.assertEqual(sum(size for _, size in pieces.chunks), 3_000_000)
        self.assertEqual((pieces.last, pieces.max_gap, pieces.count), (9999.99, 0.01, 1_000_000))

    @settings(max_examples=effort(80), deadline=None)
    @given(st.lists(st.lists(st.integers(1, 50), max_size=9), max_size=30))
    def test_any_pieces(self, batches: list[list[int]]) -> None:
        """However they come, and however few are remembered: in order, complete, and with the longest pause."""
        self.patch(arrivals, "MOST", 8)
        pieces, now, times, total = Arrivals(), 0, [], 0
        for batch in batches:
            stamps = []
            for pause in batch:
                now += pause
                stamps.append(now)
            pieces.add(stamps, [1] * len(batch))
            times += stamps
            total += len(batch)
        self.assertLessEqual(len(pieces.chunks), 8)
        self.assertEqual(sum(size for _, size in pieces.chunks), total)
        self.assertEqual([at for at, _ in pieces.chunks], sorted(at for at, _ in pieces.chunks))
        longest = max((later - sooner for sooner, later in pairwise(times)), default=None)
        self.assertEqual(pieces.max_gap, None if longest is None else longest / 1e3)
        self.assertEqual(pieces.last, now / 1e3 if times else None)


class EndlessStreamTests(SynchronousTestCase):
    """A stream of small pieces for hours: nothing grows once nothing more of it is kept."""

    def test_memory(self) -> None:
        """Times, texts, events and what is unfinished are bounded."""
        head = ResponseHead(200, b"OK", "1.1", b"Content-Type: text/event-stream\r\n")
        budget = MemoryBudget(1 << 20)
        response = ResponseInMaking(head, 64 << 10, budget)
        piece = b'data: {"t":"x"}\n\n'
        for number in range(5_000):
            response.feed(piece, 300_000_000 + number * 10_000)
        response.read()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        before = tracemalloc.get_traced_memory()[0]
        for number in range(70_000):
            response.feed(piece, 400_000_000 + number * 10_000)
        response.read()
        self.assertLess(tracemalloc.get_traced_memory()[0] - before, 1 << 20)
        self.assertEqual(response.size, 75_000 * len(piece))
        record = response.record(None, True, [])
        self.assertEqual(record.body_bytes, response.size)
