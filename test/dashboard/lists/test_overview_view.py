"""Tests of the figures of the overview: of which time, and the charts of it."""

from datetime import UTC, datetime

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.lists.overview_view import (
    MOST,
    TimeRange,
    charts_of,
    hit_rate,
    name_of,
    range_of,
    since_of,
    speed_charts,
    unit_of,
)
from ccsproxy.store.query import QueryError
from ccsproxy.store.summary import milliseconds

DAY = 86_400_000
NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
TODAY = milliseconds("2026-11-20T00:00:00Z")


class ChartTests(SynchronousTestCase):
    """The charts, in plain values."""

    def test_every_day_has_its_place(self) -> None:
        """Days without calls are there, from the beginning of what was asked for up to today."""
        rows = [{"start_ms": TODAY - 2 * DAY, "requests": 3, "errors": 1, "output_tokens": 5, "cost": None}]
        calls, _, cost = charts_of(rows, TimeRange("7d", TODAY - 6 * DAY + 5), NOW)
        self.assertEqual([bar.height for bar in calls.drawn], [0, 0, 0, 0, 3, 0, 0])
        self.assertEqual((calls.names[0], calls.names[-1]), ("14 Nov", "20 Nov"))
        self.assertIn("–", cost.drawn[4].label)

    def test_hours(self) -> None:
        """The last day is drawn by the hour."""
        units = [unit_of(span) for span in ("1h", "1d", "today", "7d", "all")]
        self.assertEqual(units, ["hour", "hour", "hour", "day", "day"])
        time = TimeRange("1d", TODAY - DAY + 12 * 3_600_000, None, "hour")
        self.assertEqual(len(charts_of([{"start_ms": TODAY, "requests": 1}], time, NOW)[0].drawn), 25)
        self.assertEqual(name_of(TODAY, "hour"), "20 Nov, 00:00")

    def test_spans_begin_with_whole_days(self) -> None:
        """Seven days are today and the six before; a day is this hour and the 23 before; an hour is an hour."""
        self.assertEqual(since_of("7d", NOW), TODAY - 6 * DAY)
        self.assertEqual(since_of("1d", NOW), TODAY - 11 * 3_600_000)
        self.assertEqual(since_of("1h", NOW), TODAY + 41_400_000)
        self.assertIsNone(since_of("all", NOW))
        bars = charts_of([{"start_ms": TODAY, "requests": 1}], TimeRange("7d", since_of("7d", NOW)), NOW)[0].drawn
        self.assertEqual(len(bars), 7)

    def test_own_range(self) -> None:
        """An own range takes what a form or an address says; one that ends before it begins is an error."""
        found = range_of({"since": "2026-11-01T10:00", "until": "2026-11-03"}, NOW)
        self.assertEqual((found.name, found.unit), ("own", "hour"))
        self.assertEqual(found.since, milliseconds("2026-11-01T10:00:00Z"))
        self.assertEqual(range_of({"since": "2026-01-01T00:00:00Z"}, NOW).unit, "day")
        for odd in ({"since": "2026-11-03", "until": "2026-11-01"}, {"until": "soon"}):
            self.assertRaises(QueryError, range_of, odd, NOW)

    def test_years_are_cut(self) -> None:
        """A chart has only so many bars."""
        rows = [{"start_ms": TODAY - 4000 * DAY, "requests": 1}, {"start_ms": TODAY, "requests": 1}]
        self.assertEqual(len(charts_of(rows, TimeRange("all", None), NOW)[0].drawn), MOST)

    def test_lines_have_gaps(self) -> None:
        """A day without calls is a gap in a line, no zero."""
        rows = [{"start_ms": TODAY - DAY, "ttft_p50_ms": 400.0, "ttft_p95_ms": 900.0}]
        first, speed = speed_charts(rows, {TODAY: {"p50": 50.0, "p5": 9.0}}, TimeRange("7d", TODAY - 2 * DAY), NOW)
        self.assertEqual([line.values for line in first.lines], [[None, 400.0, None], [None, 900.0, None]])
        self.assertEqual([line.values for line in speed.lines], [[None, None, 50.0], [None, None, 9.0]])

    def test_records_of_the_future(self) -> None:
        """Where the clock was set back they lie ahead of now, and are drawn all the same."""
        rows = [{"start_ms": TODAY + 2 * DAY, "requests": 1}]
        drawn = charts_of(rows, TimeRange("7d", TODAY - DAY), NOW)[0].drawn
        self.assertEqual([bar.height for bar in drawn], [0, 0, 0, 1])

    def test_hit_rate(self) -> None:
        """Of all that was sent; of nothing it is not known."""
        counts = {"input_tokens": 1, "cache_read_input_tokens": 3, "cache_creation_input_tokens": None}
        self.assertEqual(hit_rate(counts), "75 %")
        self.assertEqual(hit_rate(dict.fromkeys(counts)), "–")
