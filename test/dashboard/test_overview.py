"""Tests of the overview and of the list of sessions."""

from datetime import UTC, datetime
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.lists.overview_view import (
    MOST,
    TimeRange,
    charts_of,
    name_of,
    range_of,
    since_of,
    speed_charts,
    unit_of,
)
from ccsproxy.dashboard.lists.sessions_view import ROWS, page_address, query_of, row_of_session
from ccsproxy.store.query import QueryError
from ccsproxy.store.summary import milliseconds
from test.dashboard import specimens
from test.dashboard.scene import DashboardCase

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


class SessionRowTests(SynchronousTestCase):
    """Rows and filters of the list of sessions, in plain values."""

    def test_unknown_is_a_dash(self) -> None:
        """A session of which little is known has dashes and a name."""
        row = row_of_session({"session_id": "s", "started_at": "2026-11-20T10:00:00Z", "in_flight": 1})
        self.assertEqual((row.title, row.output, row.cost, row.models), ("Session s", "–", "–", "–"))
        self.assertTrue(row.in_flight)
        self.assertEqual(row.active_at, "2026-11-20T10:00:00Z")

    def test_question(self) -> None:
        """Filters are taken as they are, with commas; a page that is no number is the first."""
        query = query_of({"cwd": "/a,b", "page": "3", "odd": "x"})
        self.assertEqual((query.cwd, query.offset, query.limit), (("/a,b",), 2 * ROWS, ROWS + 1))
        for odd in ("x", "-1", "0", "99999999999", "²"):
            self.assertEqual(query_of({"page": odd}).offset, 0, odd)
        self.assertEqual(page_address({"cwd": "/a,b"}, 2), "/sessions?cwd=%2Fa%2Cb&page=2")


class OverviewPageTests(DashboardCase):
    """The pages over a store."""

    def setUp(self) -> None:
        """Keep calls of two directories and many sessions."""
        super().setUp()
        records = [make(number) for number, (make, _, _) in enumerate(specimens.DIALECTS.values(), 1)]
        self.keep(*records, self.session("other", cwd='/srv/it,"<b>'))

    def session(self, sid: str, cwd: str) -> dict[str, Any]:
        client = {"name": "codex", "version": "1", "cwd": cwd, "session": sid}
        return specimens.anthropic(1, session_id=sid, client=client)

    def test_overview(self) -> None:
        """The cost is split by whatever is asked for; charts have axes and their values in a table."""
        page = self.page("/overview?span=all")
        projects = page.one("section", data_testid="split")
        self.assertIn('/srv/it,"<b>', projects.text)
        self.assertIn("/home/dev/ledger", projects.text)
        charts = page.all("section", data_testid="chart")
        self.assertGreaterEqual(len(charts), 3)
        for chart in charts:
            chart.one("details", class_="chart-table").one("table")
        for by in ("client", "account", "model", "upstream", "tool", "server", "kind", "agent", "day", "odd"):
            self.page(f"/overview?span=all&by={by}").one("section", data_testid="split")
        for span in ("1h", "today", "1d", "week", "7d", "month", "30d", "odd"):
            self.page(f"/overview?span={span}")
        self.page("/overview?since=2026-11-20T00:00&until=2026-11-21T00:00&by=model")
        self.page("/overview?since=tomorrow", 400)

    def test_sessions(self) -> None:
        """Each session has a row; the form narrows the list by what there is."""
        page = self.page("/sessions")
        self.assertEqual(len(page.all("tr", data_testid="session-row")), 2)
        form = page.one("form", data_testid="session-filters")
        offered = [each.attributes["value"] for each in form.one("select", name="cwd").all("option")]
        self.assertEqual(set(offered), {"", "/home/dev/ledger", '/srv/it,"<b>'})
        narrowed = self.page("/sessions?client=codex")
        self.assertEqual(len(narrowed.all("tr", data_testid="session-row")), 1)
        self.assertEqual(narrowed.one("option", value="codex").attributes["selected"], "")
        self.assertIn("No session", self.page("/sessions?client=nobody").text)

    def test_pages_of_sessions(self) -> None:
        """More sessions than fit are on further pages."""
        self.keep(*(self.session(f"s{number}", cwd="/x") for number in range(ROWS)))
        first = self.page("/sessions")
        self.assertEqual(len(first.all("tr", data_testid="session-row")), ROWS)
        second = self.page(str(first.one("a", rel="next").attributes["href"]))
        self.assertEqual(len(second.all("tr", data_testid="session-row")), 2)
        self.assertEqual(second.one("a", rel="prev").attributes["href"], "/sessions")
