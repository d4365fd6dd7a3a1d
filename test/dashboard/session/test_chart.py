"""Tests of how the context of a session grows."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.session import chart
from ccsproxy.dashboard.session.chart import TALL, WIDE, context_chart
from test.dashboard import specimens
from test.dashboard.reading_page import shown
from test.dashboard.session.made import flow


class ChartTests(SynchronousTestCase):
    """A bar a step, each a link to it."""

    def test_bars_are_the_steps(self) -> None:
        """What was cached, new and answered, none outside of the chart; the table of keys has them named."""
        steps = flow(specimens.conversation(4, branch_at=0)).steps
        page = shown(context_chart("s", steps))
        self.assertEqual([each.attributes["href"] for each in page.all("a")],
                         [f"/s/s?from={step.seq}#step-{step.seq}" for step in steps])  # fmt: skip
        for each in page.one("svg", role="group").all("rect"):
            x, y, width, height = (float(each.attributes[name] or "nan") for name in ("x", "y", "width", "height"))
            self.assertLessEqual(x + width, WIDE + 0.02)
            self.assertGreaterEqual(y, -TALL * 0.05)
            self.assertLessEqual(y + height, TALL + 0.02)

    def test_too_few(self) -> None:
        """One step is no growth; steps whose size nobody told are left out."""
        records = specimens.conversation(2, branch_at=0)
        self.assertIsNone(context_chart("s", flow(records[:1]).steps))
        self.assertIsNone(context_chart("s", flow([records[0], {**records[1], "usage": None}]).steps))

    def test_long_sessions(self) -> None:
        """The last ones are drawn."""
        self.patch(chart, "MOST", 2)
        page = shown(context_chart("s", flow(specimens.conversation(5, branch_at=0)).steps))
        self.assertEqual([each.attributes["href"] for each in page.all("a")],
                         ["/s/s?from=4#step-4", "/s/s?from=5#step-5"])  # fmt: skip
