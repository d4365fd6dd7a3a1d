"""The clock of deadlines, and the watch over our own standing still."""

import time

from twisted.internet.base import ReactorBase
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.runtime.clock import BEAT, StallWatch, suspended_for, use_monotonic_clock


class MonotonicClockTests(SynchronousTestCase):
    """`use_monotonic_clock`."""

    def reactor(self) -> SelectReactor:
        """A reactor of its own, never run."""
        reactor = SelectReactor()
        self.addCleanup(reactor.removeAll)
        return reactor

    def test_step_of_the_wall_clock(self) -> None:
        """A timer keeps its delay whatever happens to the wall clock."""
        now = [1000.0]
        reactor = self.reactor()
        wall = [5e9]
        self.patch(ReactorBase, "seconds", staticmethod(lambda: wall[0]))
        self.assertTrue(use_monotonic_clock(reactor, lambda: now[0]))
        fired: list[bool] = []
        reactor.callLater(3, fired.append, True)
        wall[0] -= 3600
        now[0] += 2.9
        reactor.runUntilCurrent()
        self.assertEqual(fired, [])
        self.assertAlmostEqual(reactor.timeout(), 0.1, places=5)
        now[0] += 0.2
        reactor.runUntilCurrent()
        self.assertEqual(fired, [True])

    def test_waiting_calls_keep_their_delay(self) -> None:
        """What was scheduled by the wall clock fires after the delay that it was given."""
        now = [7.0]
        reactor = self.reactor()
        fired: list[bool] = []
        call = reactor.callLater(60, fired.append, True)
        use_monotonic_clock(reactor, lambda: now[0])
        self.assertAlmostEqual(call.getTime(), 67.0, 1)
        call.reset(5)
        now[0] = 11.9
        reactor.runUntilCurrent()
        self.assertEqual(fired, [])
        now[0] = 12.1
        reactor.runUntilCurrent()
        self.assertEqual(fired, [True])

    def test_foreign_reactor(self) -> None:
        """A reactor that counts by a clock of its own keeps it."""
        self.assertFalse(use_monotonic_clock(Clock()))

    def test_no_suspension(self) -> None:
        """A machine that does not sleep shows no growing difference."""
        before = suspended_for()
        time.sleep(0.01)
        self.assertAlmostEqual(suspended_for(), before, 2)


class StallWatchTests(SynchronousTestCase):
    """`StallWatch`."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.slept = 0.0
        self.watch = StallWatch(self.clock, self.clock.seconds, lambda: self.slept)
        self.moved: list[float] = []
        self.watch.on_stall.append(self.moved.append)
        self.watch.start()

    def test_running(self) -> None:
        """Nothing is noted while the beats come in time."""
        self.clock.pump([BEAT / 2] * 20)
        self.assertEqual(self.watch.total(), 0)
        self.assertEqual(self.moved, [])

    def test_stopped(self) -> None:
        """A late beat is time that we lost, told once."""
        self.clock.pump([BEAT] * 3)
        self.clock.advance(5)
        self.assertAlmostEqual(self.watch.total(), 5 - BEAT)
        self.assertEqual(len(self.moved), 1)
        self.clock.pump([BEAT] * 3)
        self.assertAlmostEqual(self.watch.total(), 5 - BEAT)

    def test_looked_at_before_the_beat(self) -> None:
        """Whoever comes before the beat learns of the stall; the beat does not count it again."""
        self.clock.rightNow += 7
        self.assertAlmostEqual(self.watch.total(), 7 - BEAT)
        self.clock.advance(0)
        self.assertAlmostEqual(self.watch.total(), 7 - BEAT)
        self.assertEqual(len(self.moved), 1)

    def test_suspended(self) -> None:
        """A suspended machine is a stall, but moves no deadline: the clock that they count by stood still too."""
        self.slept = 3600.0
        self.clock.advance(BEAT)
        self.assertEqual(self.watch.total(), 3600.0)
        self.assertEqual(self.moved, [])

    def test_not_started(self) -> None:
        """What passes while nobody has a deadline is nobody's loss."""
        self.watch.stop()
        self.clock.advance(1000)
        self.slept = 50.0
        self.watch.start()
        self.assertEqual(self.watch.total(), 0)
        self.watch.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
