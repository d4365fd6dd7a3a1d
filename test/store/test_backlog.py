"""Tests for `ccsproxy.store.backlog`."""

import random

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.backlog import Backlog, Dropped, estimate, without_bodies
from test.store.records import record, started


class OverloadTests(SynchronousTestCase):
    """What is too much degrades in a stated order, and every record is accounted for."""

    def test_bodies_go_first_then_whole_records(self) -> None:
        """The first records are kept whole, then some without bodies, then none; what was there first stays."""
        backlog = Backlog(100_000, 1000)
        kinds = []
        for number in range(60):
            refused = backlog.offer(record(number, body="x" * 16_000, body_bytes=16_000))
            kinds.append(refused.reason if refused else "kept")
        batch = backlog.take(1 << 30, 1 << 30)
        bodies = [entry.value.request.body is not None for entry in batch]
        self.assertEqual(bodies, sorted(bodies, reverse=True))
        self.assertTrue(0 < sum(bodies) < len(bodies))
        self.assertEqual(kinds, ["kept"] * len(batch) + ["queue"] * (60 - len(batch)))
        self.assertLessEqual(backlog.counts()["queue_bytes"], 100_000)

    def test_one_huge_record_is_no_overload(self) -> None:
        """A record beyond the bound is kept whole while hardly anything waits; not the next one, but small ones."""
        backlog = Backlog(100_000, 1000)
        for number, size in enumerate((2_000, 500_000, 500_000, 100)):
            self.assertIsNone(backlog.offer(record(number, body="x" * size, body_bytes=size)))
        bodies = [entry.value.request.body for entry in backlog.take(1 << 30, 1 << 30)]  # type: ignore[union-attr]
        self.assertEqual([body and len(body) for body in bodies], [2_000, 500_000, None, None])
        self.assertLessEqual(backlog.counts()["queue_bytes"], 100_000)

    def test_lost_bodies_are_noted_in_the_record(self) -> None:
        """The record says how many bytes were relayed and not kept."""
        bare = without_bodies(record(1, body="abc", body_bytes=3))
        self.assertEqual((bare.request.body, bare.request.body_bytes), (None, 3))
        self.assertEqual((bare.capture.faults, bare.capture.dropped_bytes), (["bodies_dropped"], 3))

    def test_counts_always_add_up(self) -> None:
        """``accepted = stored + dropped + queued`` after each step of a random life."""
        dice = random.Random(7)
        backlog = Backlog(200_000, 40)
        hand = []
        for number in range(3000):
            step = dice.randrange(5)
            if step < 2:
                backlog.offer(dice.choice([record, started])(number), reason=dice.choice(["queue", "disk"]))
            elif step == 2:
                hand += backlog.take(dice.randrange(20_000), 5)
            elif step == 3 and hand:
                backlog.settled(hand.pop(), dice.choice(["", "", "error"]))
            elif hand:
                backlog.give_back(hand)
                hand = []
            counts = backlog.counts()
            dropped = sum(counts["dropped"].values())
            self.assertEqual(counts["accepted"], counts["stored"] + dropped + counts["queued"])

    def test_given_back_entries_keep_their_order(self) -> None:
        """What could not be written comes first again, in the order in which it came."""
        backlog = Backlog(1 << 20, 100)
        for number in range(5):
            backlog.offer(record(number))
        backlog.give_back(backlog.take(1 << 20, 3))
        self.assertEqual([entry.value.seq for entry in backlog.take(1 << 20, 9)], [0, 1, 2, 3, 4])

    def test_too_late_is_counted(self) -> None:
        """A record that comes after the end is dropped for its own reason."""
        backlog = Backlog(1 << 20, 100)
        self.assertIsInstance(backlog.refuse(record(1), "shutdown"), Dropped)
        self.assertEqual((backlog.counts()["accepted"], backlog.counts()["dropped"]["shutdown"]), (1, 1))

    def test_compressed_bodies_count_for_more(self) -> None:
        """A small compressed body may be a large one in memory."""
        plain = record(1, body={"a": 1}, body_bytes=1000)
        self.assertGreater(estimate(plain), 1000)
