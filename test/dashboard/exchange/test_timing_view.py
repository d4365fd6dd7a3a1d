"""Tests of where the time of an exchange went."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.exchange.timing_view import MOST_SILENCES, timeline_of
from test.dashboard import specimens


class TimelineTests(SynchronousTestCase):
    """Where the time went."""

    def test_spans_and_silences(self) -> None:
        """Spans follow one another up to the end; a long silence within the stream is named."""
        line = timeline_of(specimens.anthropic(1))
        assert line is not None
        self.assertEqual([span.kind for span in line.spans], ["connect", "send", "wait", "fresh", "output"])
        for one, other in zip(line.spans, line.spans[1:], strict=False):
            self.assertEqual(one.end, other.start)
        self.assertEqual([(span.start, span.end) for span in line.silences], [(900.0, 3000.0)])

    def test_unknown(self) -> None:
        """Of a record without timing nothing is drawn; marks out of order are left out."""
        self.assertIsNone(timeline_of({}))
        line = timeline_of({"timing": {"connected": 50.0, "request_sent": 20.0, "last_byte": 80.0}})
        assert line is not None
        self.assertEqual([span.name for span in line.spans], ["Connect", "Stream"])

    def test_a_connection_that_was_there(self) -> None:
        """Nobody connected."""
        line = timeline_of({"timing": {"connected": 0.1, "reused": True, "request_sent": 2.0}})
        assert line is not None
        self.assertEqual([span.name for span in line.spans], ["Send request"])

    def test_the_longest_silences(self) -> None:
        """So many, the longest, in the order of time."""
        chunks = [[float(sum(range(n)) * 2000), 1] for n in range(1, MOST_SILENCES + 12)]
        line = timeline_of({"duration_ms": 2000.0, "response": {"stream": {"chunks": chunks}}})
        assert line is not None
        self.assertEqual(len(line.silences), MOST_SILENCES)
        self.assertEqual(line.silences[-1].end, chunks[-1][0])
        self.assertEqual(sorted(line.silences, key=lambda span: span.start), list(line.silences))
