"""Tests of times on pages."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.html.moments import moment_of
from test.dashboard.reading_page import shown


class MomentTests(SynchronousTestCase):
    """A time for people, and for the script."""

    def test_both(self) -> None:
        """It reads in UTC, and carries what the script writes in the reader's zone."""
        time = shown(moment_of("2026-11-20T08:07:06.500Z")).one("time")
        self.assertEqual(time.attributes["datetime"], "2026-11-20T08:07:06.500Z")
        self.assertEqual(time.text, "20 Nov 08:07:06")

    def test_none(self) -> None:
        """No time is no attribute, and dashes."""
        time = shown(moment_of("")).one("time")
        self.assertNotIn("datetime", time.attributes)
        self.assertEqual(time.text, "– –")
