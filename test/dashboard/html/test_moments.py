"""Tests of times on pages."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.html.moments import dated, moment_of, until
from test.dashboard.reading_page import shown


class MomentTests(SynchronousTestCase):
    """A time for people, and for the script."""

    def test_both(self) -> None:
        """It reads in UTC, and carries what the script writes in the reader's zone."""
        time = shown(moment_of("2026-11-20T08:07:06.500Z")).one("time")
        self.assertEqual(time.attributes["datetime"], "2026-11-20T08:07:06.500Z")
        self.assertEqual(time.text, "20 Nov 08:07:06")

    def test_in_a_sentence(self) -> None:
        """It says its zone, until the script writes it in the reader's own."""
        time = shown(dated("2026-11-20T08:07:06.500Z")).one("time")
        self.assertEqual(time.text, "20 Nov 2026, 08:07:06 UTC")
        self.assertEqual(time.attributes["datetime"], "2026-11-20T08:07:06.500Z")

    def test_until(self) -> None:
        """The day is said where it is another than that of the beginning, which the script judges by its own zone."""
        same = shown(until("2026-11-20T08:07:06Z", "2026-11-20T07:00:00Z")).one("time")
        self.assertEqual((same.text, same.attributes["data-since"]), ("08:07:06", "2026-11-20T07:00:00Z"))
        self.assertEqual(shown(until("2026-11-21T00:07:06Z", "2026-11-20T07:00:00Z")).text, "21 Nov 00:07:06")

    def test_none(self) -> None:
        """No time is no attribute, and dashes."""
        time = shown(moment_of("")).one("time")
        self.assertNotIn("datetime", time.attributes)
        self.assertEqual(time.text, "– –")
