"""Tests of charts that a person reads."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.picture.charts import BarChart, ChartLine, LineChart, bar_chart, line_chart
from ccsproxy.dashboard.html.picture.svg import Bar
from test.dashboard.reading_page import shown

NAMES = ["1 Nov", "2 Nov", "3 Nov"]


class BarChartTests(SynchronousTestCase):
    """Bars with an axis and a table."""

    def test_the_table_has_what_is_drawn(self) -> None:
        """The newest first, split by kind; a time without anything has no row."""
        drawn = [Bar([(3, "a"), (1, "b")]), Bar([]), Bar([(2, "a")])]
        page = shown(bar_chart(BarChart("Calls", drawn, NAMES, figures.exact, [("a", "good"), ("b", "bad")])))
        rows = [[cell.text for cell in row.children] for row in page.one("tbody").all("tr")]
        self.assertEqual(rows, [["3 Nov", "2", "0"], ["1 Nov", "3", "1"]])
        self.assertEqual([each.text for each in page.one("p", class_="scale").all("span")], ["4", "2", "0"])
        self.assertEqual([each.text for each in page.one("p", class_="axis").all("span")], NAMES)


class LineChartTests(SynchronousTestCase):
    """Lines over time."""

    def chart(self, *values: float | None) -> object:
        """Draw one line."""
        return line_chart(LineChart("Speed", [ChartLine("p50", values, "mid")], NAMES, figures.duration))

    def test_gaps(self) -> None:
        """Where nothing is known a line has a gap, and a lonely value is a dot."""
        page = shown(self.chart(10.0, None, 20.0))
        self.assertEqual(page.all("polyline"), [])
        self.assertEqual(len(page.all("rect", class_="line-mid")), 2 + 1)  # two dots, and the swatch of the key
        self.assertEqual(len(shown(self.chart(10.0, 15.0, None)).all("polyline")), 1)

    def test_nothing_known(self) -> None:
        """No chart at all; zeros are known."""
        self.assertIsNone(self.chart(None, None, None))
        self.assertTrue(shown(self.chart(0.0, 0.0, None)).all("polyline"))

    def test_each_time_can_be_pointed_at(self) -> None:
        """It says its value, a dash where there is none."""
        said = [each.text for each in shown(self.chart(10.0, None, 20.0)).all("title")]
        self.assertEqual(said, ["1 Nov: p50 10 ms", "2 Nov: p50 –", "3 Nov: p50 20 ms"])
