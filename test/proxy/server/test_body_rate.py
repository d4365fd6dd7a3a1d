"""Tests of the judgement whether a body comes fast enough."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.proxy.server.body_rate import BodyRate
from ccsproxy.proxy.server.limits import Limits


class BodyPaceTests(SynchronousTestCase):
    """100 bytes a second over 60 seconds."""

    def pace(self, *seen: int) -> BodyRate:
        """Make one that has seen some pieces."""
        pace = BodyRate(Limits(body_rate=100, body_time=60.0, connections=1))
        pace.begin()
        for size in seen:
            pace.seen += size
        return pace

    def test_least_rate(self) -> None:
        """One byte less than the least is too slow."""
        self.assertTrue(self.pace(5000, 999).too_slow(paused=False))
        self.assertFalse(self.pace(5000, 1000).too_slow(paused=False))

    def test_our_own_pauses_are_forgiven(self) -> None:
        """A client that is or was paused by us is not judged, until the next look."""
        self.assertFalse(self.pace().too_slow(paused=True))
        pace = self.pace()
        pace.ignore_interval(True)
        pace.seen += 10
        self.assertFalse(pace.too_slow(paused=False))
        pace.begin()
        pace.ignore_interval(False)
        self.assertTrue(pace.too_slow(paused=False))
