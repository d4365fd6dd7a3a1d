"""Tests of `ccsproxy.proxy.deadlines`: deadlines never fire early, and cost one call a second at most."""

import gc

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.proxy.deadlines import BatchedTimers, Deadline
from ccsproxy.runtime.clock import StallWatch


class DeadlineTests(SynchronousTestCase):
    """A deadline moves cheaply and is missed once."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.timers = BatchedTimers(self.clock)
        self.missed: list[tuple[object, float]] = []

    def deadline(self) -> Deadline:
        return Deadline(self.timers, lambda what: self.missed.append((what, self.clock.seconds())))

    def test_never_early_and_a_second_late_at_most(self) -> None:
        """Whatever the fraction of a second, the deadline has passed when it fires."""
        for start in (0.0, 0.3, 0.999):
            for delay in (0.2, 1.0, 2.7, 30.0):
                self.clock.advance(1 + start)
                self.missed.clear()
                due = self.clock.seconds() + delay
                self.deadline().set(delay, "x")
                self.clock.pump([0.05] * int(delay * 20 + 40))
                self.assertEqual(len(self.missed), 1)
                self.assertGreaterEqual(self.missed[0][1], due)
                self.assertLessEqual(self.missed[0][1], due + 1.1)

    def test_thousands_share_their_calls(self) -> None:
        """1000 deadlines within a second are one call of the reactor."""
        deadlines = [self.deadline() for _ in range(1000)]
        for deadline in deadlines:
            deadline.set(60, "x")
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.assertEqual(len(self.timers._open), 1)
        for deadline in deadlines:
            deadline.close()
        self.assertEqual(self.timers._open, {})
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_moving_arms_nothing(self) -> None:
        """A deadline that is put off at every byte keeps its one timer."""
        deadline = self.deadline()
        for _ in range(1000):
            deadline.set(60, "x")
            self.clock.advance(0.01)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.pump([1] * 60)
        self.assertEqual(self.missed, [])
        self.clock.pump([1] * 2)
        self.assertEqual(len(self.missed), 1)

    def test_an_earlier_deadline_counts(self) -> None:
        """Moving forward works too, and the older timer does nothing."""
        deadline = self.deadline()
        deadline.set(600, "far")
        deadline.set(30, "near")
        self.clock.pump([1] * 32)
        self.assertEqual([what for what, _ in self.missed], ["near"])
        self.clock.pump([100] * 7)
        self.assertEqual((len(self.missed), self.clock.getDelayedCalls()), (1, []))

    def test_cleared_and_closed(self) -> None:
        """Neither fires; closing leaves no timer, may be repeated, and is for ever."""
        deadline = self.deadline()
        deadline.set(10, "x")
        deadline.clear()
        self.clock.pump([1] * 12)
        deadline.set(10, "x")
        deadline.set(5, "x")
        deadline.close()
        deadline.close()
        self.assertEqual((self.missed, self.clock.getDelayedCalls()), ([], []))
        deadline.set(1, "again")
        self.clock.pump([1] * 3)
        self.assertEqual((self.missed, self.clock.getDelayedCalls()), ([], []))

    def test_one_may_close_another_of_the_same_second(self) -> None:
        """What is closed while its second is being worked off stays silent."""
        later = self.deadline()
        Deadline(self.timers, lambda _: later.close()).set(5, "first")
        later.set(5, "second")
        self.clock.pump([1] * 8)
        self.assertEqual((self.missed, self.clock.getDelayedCalls()), ([], []))

    def test_one_may_be_set_again_when_it_is_missed(self) -> None:
        """It fires once more, in its own time."""
        deadline = Deadline(self.timers, lambda what: (self.missed.append((what, 0)), deadline.set(5, "again")))
        deadline.set(5, "first")
        self.clock.pump([1] * 8)
        self.assertEqual([what for what, _ in self.missed], ["first"])
        self.clock.pump([1] * 5)
        self.assertEqual([what for what, _ in self.missed], ["first", "again"])
        deadline.close()

    def test_nothing_is_held_after_the_end(self) -> None:
        """A closed deadline refers to nobody, so that no cycle is left for the garbage collector."""
        deadline = self.deadline()
        deadline.set(5, self)
        deadline.close()
        self.assertFalse(any(each is self for each in gc.get_referents(deadline)))

    def test_a_fault_does_not_reach_the_others(self) -> None:
        """One that raises is logged; those of the same second fire."""

        def broken(_: object) -> None:
            raise ValueError("broken")

        Deadline(self.timers, broken).set(5, "x")
        self.deadline().set(5, "x")
        self.clock.pump([1] * 7)
        self.assertEqual(len(self.missed), 1)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_closing_in_a_crowd(self) -> None:
        """A deadline closed while its second is being worked off in chunks stays silent."""
        deadlines = [self.deadline() for _ in range(350)]
        for deadline in deadlines:
            deadline.set(5, "x")
        while not self.missed:
            self.clock.advance(0.5)
        self.assertLess(len(self.missed), 350)
        for deadline in deadlines:
            deadline.close()
        seen = len(self.missed)
        self.clock.pump([1] * 5)
        self.assertEqual(len(self.missed), seen)

    def test_two_reactors_do_not_mix(self) -> None:
        """Timers of different clocks keep to their own."""
        other = Clock()
        elsewhere = BatchedTimers(other)
        self.deadline().set(5, "here")
        Deadline(elsewhere, lambda what: self.missed.append((what, 0))).set(5, "there")
        self.clock.pump([1] * 7)
        self.assertEqual([what for what, _ in self.missed], ["here"])


class StallTests(SynchronousTestCase):
    """Time in which we did not run is nobody's delay, and what waits in a socket is read before anybody is judged."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.stalls = StallWatch(self.clock, self.clock.seconds, lambda: 0.0)
        self.timers = BatchedTimers(self.clock, self.stalls)
        self.missed: list[float] = []
        self.deadline = Deadline(self.timers, lambda _: self.missed.append(self.clock.seconds()))

    def test_a_stall_does_not_count(self) -> None:
        """A limit of 2 s survives a stop of 60 s, and is kept from then on."""
        self.deadline.set(2, "x")
        self.clock.pump([0.1] * 5)
        self.clock.advance(60)
        self.assertEqual(self.missed, [])
        self.clock.pump([0.1] * 40)
        self.assertEqual(len(self.missed), 1)
        self.assertGreaterEqual(self.missed[0], 62)

    def test_two_stalls_add_up(self) -> None:
        """Each stop moves the deadline."""
        self.deadline.set(3, "x")
        for _ in range(2):
            self.clock.pump([0.1] * 5)
            self.clock.advance(10)
        self.clock.pump([0.1] * 9)
        self.assertEqual(self.missed, [])
        self.clock.pump([0.1] * 40)
        self.assertEqual(len(self.missed), 1)

    def test_read_before_judged(self) -> None:
        """What is read between the timer and the judgement moves the deadline."""
        self.deadline.set(2, "x")
        read = self.timers.deadline_passed

        def reactor_reads(deadline: Deadline) -> None:
            read(deadline)
            self.deadline.set(2, "x")

        self.timers.deadline_passed = reactor_reads  # type: ignore[method-assign]
        self.clock.pump([0.1] * 32)
        self.assertEqual(self.missed, [])

    def test_closed_before_judged(self) -> None:
        """A deadline that is closed or cleared between the two stays silent."""
        for ending in (self.deadline.clear, self.deadline.close):
            self.deadline.set(1, "x")
            self.clock.pump([0.1] * 9)
            self.timers.deadline_passed(self.deadline)
            ending()
            self.clock.pump([0.1] * 30)
        self.assertEqual(self.missed, [])

    def test_no_beat_without_deadlines(self) -> None:
        """A process whose deadlines are all closed sleeps."""
        self.deadline.set(2, "x")
        self.assertEqual(len(self.clock.getDelayedCalls()), 2)
        self.deadline.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])
