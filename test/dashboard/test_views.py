"""Tests of the views that pages are made of: plain values in, plain values out."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.exchange.timing_view import timeline_of
from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.lines import compare
from ccsproxy.dashboard.html.words import OUTCOMES, state_of
from ccsproxy.dashboard.lists.requests_view import row_of, strips
from ccsproxy.dashboard.notices import notices
from ccsproxy.dashboard.session.siblings import siblings
from ccsproxy.exchange.outcome import Outcome
from test.dashboard import specimens


def summary(seq: int, **more: Any) -> dict[str, Any]:
    """Return a summary of a call to a model."""
    return {"seq": seq, "session_id": "s", "category": "model", "model": "m", "outcome": "complete", **more}


class FiguresTests(SynchronousTestCase):
    """Numbers as people read them."""

    def test_unknown_is_a_dash(self) -> None:
        """What is not known is never a zero."""
        for write in (figures.tokens, figures.exact, figures.duration, figures.dollars, figures.size, figures.clock):
            self.assertEqual(write(None), figures.UNKNOWN)

    def test_scales(self) -> None:
        """Each figure has the unit that suits its size."""
        self.assertEqual([figures.tokens(n) for n in (0, 9999, 18_204, 1_250_000)], ["0", "9,999", "18.2k", "1.25M"])
        self.assertEqual(figures.tokens(999_999), "1.00M")
        written = [figures.duration(ms) for ms in (0, 999.6, 59_949, 59_951, 3_600_000)]
        self.assertEqual(written, ["0 ms", "1.0 s", "59.9 s", "1 m 00 s", "1 h 00 m"])
        self.assertEqual([figures.dollars(n) for n in (0, 0.0123, 12.3)], ["$0.00", "$0.0123", "$12.30"])

    def test_odd_times(self) -> None:
        """A time that is none is a dash."""
        self.assertEqual(figures.clock("yesterday"), figures.UNKNOWN)
        self.assertEqual(figures.stamp("2026-11-20T08:07:06.500Z"), "20 Nov 2026, 08:07:06 UTC")


class WordsTests(SynchronousTestCase):
    """What states are called."""

    def test_every_outcome_has_a_word(self) -> None:
        """Each outcome of the contract has a word, a tone and a sentence; others are named as they are."""
        self.assertEqual(set(OUTCOMES), set(Outcome))
        self.assertEqual(state_of(None).tone, "run")
        self.assertEqual(state_of("odd_end").word, "Odd end")


class RowTests(SynchronousTestCase):
    """Rows of the list."""

    def test_running(self) -> None:
        """A call that runs has no figures but says so."""
        row = row_of({"session_id": "a b", "seq": 3, "outcome": None, "method": "POST", "path": "/v1/messages"})
        self.assertTrue(row.running)
        self.assertEqual((row.what, row.href, row.output), ("POST /v1/messages", "/x/a%20b/3", figures.UNKNOWN))

    def test_what_was_found_comes_first(self) -> None:
        """The passage that a search found stands where else the prompt does."""
        self.assertEqual(row_of({"preview": "p", "excerpt": "e", "outcome": "complete"}).what, "e")

    def test_strips_need_two(self) -> None:
        """One request makes no chart; unknown figures have no bar."""
        item = {"outcome": "complete", "duration_ms": 10.0, "ttft_ms": None}
        self.assertEqual(strips([item]), [])
        latency, tokens = strips([item, item])
        self.assertEqual([bar.height for bar in latency.bars], [10.0, 10.0])
        self.assertEqual([bar.height for bar in tokens.bars], [0, 0])


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


class SiblingTests(SynchronousTestCase):
    """The neighbours of an exchange."""

    def test_turn_before(self) -> None:
        """The turn before is of the same agent and model; a side call to a small model is passed over."""
        requests = [summary(1), summary(2, model="small"), summary(3, agent="a"), summary(4)]
        near = siblings(requests, 4)
        self.assertEqual((near.previous, near.next, near.turn_before), (3, None, 1))
        self.assertIsNone(siblings(requests, 1).turn_before)
        self.assertIsNone(siblings(requests, 9).previous)


class LinesTests(SynchronousTestCase):
    """Two texts line by line."""

    def test_lines(self) -> None:
        """A comparison shows what changed and a little around it."""
        before = "\n".join(str(number) for number in range(30))
        found = compare(before, before.replace("15", "x"))
        self.assertEqual([line.text for line in found if line.kind in ("added", "removed")], ["15", "x"])
        self.assertEqual([line.kind for line in found].count("gap"), 2)


class NoticesTests(SynchronousTestCase):
    """What a person must know."""

    def test_all_is_well(self) -> None:
        """Nothing is said when nothing is wrong, or nothing is known yet."""
        self.assertEqual(notices({}), [])
        self.assertEqual(notices({"redact": True, "store": "ok", "dropped": {}, "recorder": "ready"}), [])

    def test_trouble(self) -> None:
        """Each trouble has its sentence."""
        said = notices({"redact": False, "recorder": "down", "dropped": 3, "capture_level": "metadata"})
        self.assertEqual(len(said), 4)
