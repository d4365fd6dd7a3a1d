"""Tests of what a process sets for itself."""

import gc
import resource

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.runtime.tuning import (
    GIVE_BACK_EVERY,
    MOST_DESCRIPTORS,
    THRESHOLDS,
    HeapTrimmer,
    freeze_gc,
    raise_descriptor_limit,
    trim_heap,
)


class DescriptorTests(SynchronousTestCase):
    """The soft limit goes up to what the hard one allows."""

    def test_soft_limit_is_raised(self) -> None:
        """A low soft limit is raised, a higher one is left alone."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        expected = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
        self.assertEqual(raise_descriptor_limit(), expected)
        self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE), (expected, hard))
        self.assertEqual(raise_descriptor_limit(), expected)


class CollectorTests(SynchronousTestCase):
    """What was there at the start is never looked at again."""

    def test_start_is_frozen(self) -> None:
        """Thresholds are set and objects are exempt."""
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        self.addCleanup(gc.unfreeze)
        freeze_gc()
        self.assertEqual(gc.get_threshold(), THRESHOLDS)
        self.assertGreater(gc.get_freeze_count(), 1000)


class GivingBackTests(SynchronousTestCase):
    """What a process does not need any more is given back while it has time."""

    def test_given_back_while_there_is_work_and_once_after_it(self) -> None:
        """An idle process does nothing, a busy one gives back every few seconds."""
        clock, spent, given = Clock(), [1.0], []
        giving_back = HeapTrimmer(clock, lambda: spent[0], lambda: given.append(clock.seconds()))
        giving_back.start()
        for seconds_of_work in (0.0, 2.0, 2.0, 0.01, 0.01):
            spent[0] += seconds_of_work
            clock.advance(GIVE_BACK_EVERY)
        self.assertEqual(given, [2 * GIVE_BACK_EVERY, 3 * GIVE_BACK_EVERY])
        giving_back.stop()
        giving_back.stop()
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_heap_can_be_trimmed(self) -> None:
        """The call works, or does nothing where there is none."""
        trim_heap()
