"""Tests of the waterfall of a call."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.exchange.waterfall import WIDE, waterfall
from test.dashboard import specimens
from test.dashboard.reading_page import shown


class WaterfallTests(SynchronousTestCase):
    """Where the time of a call went."""

    def test_rows_and_rhythm(self) -> None:
        """Each part has a row, a stall is named as the provider's, and what is not known is said to be so."""
        page = shown(waterfall(specimens.anthropic(1)))
        self.assertIn("Stall at the provider", page.text)
        self.assertIn("none caused by the proxy", page.text)
        self.assertTrue(all(each.attributes.get("aria-label") for each in page.all("svg")))
        self.assertIn("nothing known", shown(waterfall({})).text)

    def test_nothing_lies_outside(self) -> None:
        """A span at the very end, and one without length, are seen and within the chart."""
        record = {"timing": {"connected": 0.0, "request_sent": 5.0, "last_byte": 5.0}, "duration_ms": 5.0}
        for each in shown(waterfall(record)).all("rect"):
            x, width = (float(each.attributes[name] or "nan") for name in ("x", "width"))
            self.assertGreater(width, 0)
            self.assertLessEqual(x, WIDE - 2 if width < WIDE else 0)

    def test_speed(self) -> None:
        """Tokens a second after the first; of an answer that came in one piece there is no speed."""
        record = {"timing": {"last_byte": 1100.0}, "ttft_ms": 100.0, "usage": {"output_tokens": 50}}
        self.assertIn("50 tokens a second", shown(waterfall({**record, "duration_ms": 1100.0})).text)
        self.assertNotIn("a second", shown(waterfall({**record, "duration_ms": 120.0})).text)
