"""The log keeps order and all that is not settled, and is bounded, whatever the disk and the recorder do."""

import gc
import os
from itertools import islice
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ccsproxy.capture import frames
from ccsproxy.capture.frames import Frame
from ccsproxy.capture.relay.log_writer import FOR_ENDS, FOR_HEADS, Region
from ccsproxy.capture.relay.spill import SpillBounds
from ccsproxy.capture.shared_log import IN_FILE, REGION
from test.capture.relay.rig import LogCase
from test.effort import effort

BODY = frames.RESPONSE_BODY


class Holder:
    """An exchange that holds regions."""

    def __init__(self, number: int) -> None:
        self.number, self.gaps = number, 0
        self.regions: list[Region] = []

    def region_discarded(self, region: Region) -> None:
        self.gaps += 1
        self.regions.remove(region)


class WriterCase(LogCase):
    """A writer, and one exchange for each number."""

    def setUp(self) -> None:
        super().setUp()
        self.holders: dict[int, Holder] = {}

    def holder(self, number: int) -> Holder:
        return self.holders.setdefault(number, Holder(number))

    def body(self, number: int, data: bytes) -> bool:
        return self.log.put_body(self.holder(number), BODY, number, 7, data)

    def put(self, number: int, payload: bytes, kind: int = frames.HEAD) -> bool:
        return self.log.put(self.holder(number), kind, number, 7, payload)

    def settle(self, *numbers: int) -> None:
        for number in numbers:
            self.log.release(self.holder(number))

    def regions(self) -> int:
        """Return how many regions the log has."""
        return sum(1 for seq in self.shared.seq if seq)

    def spilled(self) -> int:
        """Return how many of them are in the file."""
        pairs = zip(self.shared.seq, self.shared.place, strict=True)
        return sum(1 for seq, place in pairs if seq and place >= IN_FILE)

    def bodies(self, found: list[Frame]) -> dict[int, bytes]:
        """Join the body frames of each exchange."""
        joined: dict[int, bytes] = {}
        for frame in found:
            if frame.kind == BODY:
                joined[frame.exchange] = joined.get(frame.exchange, b"") + frame.payload
        return joined


class OrderTests(WriterCase):
    """What is read is what was written, in its order, wherever it was meanwhile."""

    def test_frames_come_as_they_were_put(self) -> None:
        """Kind, number, time and payload of each frame are the same on the other side."""
        self.put(1, b"head")
        self.body(1, b"")
        self.body(2, b"body")
        self.assertEqual(
            self.frames(),
            [Frame(frames.HEAD, 1, 7, b"head"), Frame(BODY, 1, 7, b""), Frame(BODY, 2, 7, b"body")],
        )

    @settings(max_examples=effort(25), deadline=None)
    @given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3 * REGION // 2)), max_size=25), st.randoms())
    def test_any_sizes_settled_and_moved_in_any_order(self, sizes: list[tuple[int, int]], random) -> None:
        """Bodies longer than a region, through memory and file, while others are settled: each one whole."""
        self.setUp()
        expected: dict[int, bytes] = {}
        for place, (number, size) in enumerate(sizes):
            data = bytes([place % 251]) * size
            self.disk.stalled = random.random() < 0.5
            self.assertTrue(self.body(number, data))
            expected[number] = expected.get(number, b"") + data
            if random.random() < 0.3:
                self.disk.catch_up()
        self.disk.catch_up()
        gone = [number for number in expected if random.random() < 0.3]
        self.settle(*gone)
        found = self.bodies(self.frames())
        for number in expected.keys() - set(gone):
            self.assertEqual(found.get(number, b""), expected[number])

    def test_a_reader_follows_a_writer(self) -> None:
        """Read in steps between writes, up to where the writer has said, every frame comes once."""
        reader, found = self.reader(), []
        for number in range(1, 400):
            self.body(number, bytes([number % 251]) * 5000)
            reader.limit = self.log.position
            if number % 3 == 0:
                found += self.frames(reader)
        found += self.frames(reader)
        self.assertEqual(
            [f.exchange for f in found if len(f.payload) == 5000 or f.payload], sorted(f.exchange for f in found)
        )
        self.assertEqual({n: len(data) for n, data in self.bodies(found).items()}, dict.fromkeys(range(1, 400), 5000))

    def test_whoever_reads_may_stop_anywhere(self) -> None:
        """Of small frames that are copied together each comes once, however few are taken at a time."""
        sizes = [3, 0, 900, 17_000, 1, 40, 16_350, 5, 70_000, 2] * 20
        for number, size in enumerate(sizes, 1):
            self.body(number, b"x" * size)
        for at_once in (1, 2, 7):
            reader, found = self.reader(), []
            while taken := list(islice(reader.frames(), at_once)):
                found += taken
            self.assertEqual({n: len(data) for n, data in self.bodies(found).items()}, dict(enumerate(sizes, 1)))
            self.assertEqual(found, self.frames())

    def test_nothing_behind_the_limit_is_read(self) -> None:
        """What has not been told of is not there yet."""
        reader = self.reader()
        self.put(1, b"told")
        reader.limit = self.log.position
        self.put(2, b"not told")
        self.assertEqual([f.exchange for f in self.frames(reader)], [1])

    def test_what_follows_a_region_that_was_open_is_read(self) -> None:
        """A reader that stood at the end of the open region reads what came to it before the next one was opened."""
        reader = self.reader()
        self.put(1, b"a")
        self.assertEqual(len(self.frames(reader)), 1)
        self.put(2, b"b")
        self.body(3, b"x" * REGION)
        self.assertEqual([f.exchange for f in self.frames(reader)], [2, 3, 3])

    def test_a_head_longer_than_a_region_is_refused(self) -> None:
        """It cannot be split, and nothing of it is written."""
        self.assertRaises(ValueError, self.put, 1, bytes(REGION))
        self.assertEqual(self.frames(), [])


class KeepingTests(WriterCase):
    """A region stays until its exchanges are settled, and no longer."""

    def test_a_new_reader_reads_what_is_not_settled(self) -> None:
        """What one reader has taken is there for the next, as long as its exchange is not settled."""
        for number in (1, 2):
            self.body(number, b"x" * REGION)
        self.frames()
        self.settle(1)
        self.assertEqual(self.bodies(self.frames())[2], b"x" * REGION)

    def test_all_settled(self) -> None:
        """Then the open region alone is left, and the file is empty."""
        for number in range(1, 40):
            self.body(number, b"x" * REGION)
        self.assertGreater(self.spilled(), 20)
        self.settle(*range(1, 40))
        self.assertEqual((self.regions(), self.spill.file_bytes), (1, 0))
        self.assertEqual(os.fstat(self.spill_file).st_size, 0)

    def test_one_long_exchange_keeps_its_own(self) -> None:
        """A stream that goes on holds the regions that it is in; those between are free."""
        for number in range(2, 30):
            self.body(1, b"event")
            self.body(number, b"x" * 2 * REGION)
            self.settle(number)
        self.assertLessEqual(self.regions(), 30)
        self.assertEqual(self.bodies(self.frames())[1], b"event" * 28)

    def test_a_region_settled_while_it_is_moved(self) -> None:
        """Its slot in memory stays its own until the disk has done with it, the one in the file is given back."""
        self.disk.stalled = True
        for number in range(1, 12):
            self.body(number, b"x" * REGION)
        free = len(self.log._free_slots)
        self.settle(*range(1, 12))
        self.disk.catch_up()
        self.assertEqual((self.spill.file_bytes, self.regions()), (0, 1))
        self.assertGreater(len(self.log._free_slots), free)
        self.assertEqual(len(set(self.log._free_slots)), len(self.log._free_slots))


class SpillingTests(WriterCase):
    """Beyond the memory that is allowed, regions go to the file, encrypted."""

    def test_memory_is_bounded_by_the_file(self) -> None:
        """As many regions as are allowed stay in memory; all are read in order."""
        for number in range(1, 40):
            self.body(number, bytes([number]) * REGION)
        self.assertLessEqual(self.regions() - self.spilled(), self.memory + 2)
        self.assertEqual(list(self.bodies(self.frames())), list(range(1, 40)))

    def test_what_the_recorder_has_taken_goes_first(self) -> None:
        """It is needed again only if the recorder dies; what it comes to next stays in memory."""
        for number in range(1, 4):
            self.body(number, b"x" * REGION)
        self.log.taken = 2
        self.body(4, b"x" * 3 * REGION)
        places = {seq: place for seq, place in zip(self.shared.seq, self.shared.place, strict=True) if seq}
        self.assertGreaterEqual(places[1], IN_FILE)
        self.assertLess(places[3], IN_FILE)

    def test_nothing_readable_is_on_the_disk(self) -> None:
        """What lies in the file is not what was put in."""
        for number in range(1, 30):
            self.body(number, b"my secret key " * (REGION // 14))
        raw = os.pread(self.spill_file, 1 << 24, 0)
        self.assertGreater(len(raw), REGION)
        self.assertNotIn(b"secret", raw)

    def test_a_region_that_moves_while_it_is_read(self) -> None:
        """The reader looks again after it has copied, and reads the rest where it is then."""
        for number in range(1, 4):
            self.body(number, bytes([number]) * (REGION // 2))
        reader = self.reader()
        steps = reader.frames()
        first = next(steps)
        for number in range(4, 40):
            self.body(number, bytes([number]) * (REGION // 2))
        found = self.bodies([first, *steps])
        self.assertEqual(
            {n: data == bytes([n]) * (REGION // 2) for n, data in found.items()}, dict.fromkeys(found, True)
        )
        self.assertEqual(list(found), list(range(1, 40)))

    def test_a_damaged_region_costs_what_is_in_it(self) -> None:
        """What follows it is read."""
        for number in range(1, 30):
            self.body(number, bytes([number]) * REGION)
        reader = self.reader()
        os.pwrite(self.spill_file, b"damage", 100)
        found = self.bodies(self.frames(reader))
        self.assertEqual(sum(len(data) < REGION for data in found.values()) + 29 - len(found), 2)
        self.assertEqual(len(self.flushLoggedErrors()), 1)


class MemoryTests(WriterCase):
    """Pages that only a backlog needs are given back after it."""

    def test_after_a_backlog(self) -> None:
        """What is held is what a quiet time needs, and the next backlog finds its bytes."""
        for number in range(1, 60):
            self.disk.stalled = number < 40
            self.body(number, b"x" * REGION)
        self.disk.catch_up()
        before = os.fstat(self.log_file).st_blocks
        self.settle(*range(1, 60))
        self.body(70, b"x" * 2 * REGION)
        self.settle(70)
        self.assertLess(os.fstat(self.log_file).st_blocks * 512, (self.memory + 3) * REGION)
        self.assertGreater(before * 512, 2 * self.memory * REGION)
        self.body(60, bytes(range(256)) * (REGION // 16))
        self.assertEqual(self.bodies(self.frames())[60], bytes(range(256)) * (REGION // 16))

    def test_pages_that_somebody_needs_are_not_given_back(self) -> None:
        """Of a backlog that is settled but for one exchange, in the order in which slots become free or any other."""
        for left in (5, 20, 38):
            numbers = range(left * 1000, left * 1000 + 40)
            for number in numbers:
                self.disk.stalled = True
                self.body(number, bytes([number % 251]) * REGION)
            kept = numbers[left]
            self.settle(*(number for number in numbers if number != kept))
            self.body(kept + 500, b"y" * 3 * REGION)
            self.settle(kept + 500)
            self.assertEqual(self.bodies(self.frames())[kept], bytes([kept % 251]) * REGION)
            self.disk.catch_up()
            self.settle(kept)


class FailingDiskTests(WriterCase):
    """A disk that hangs, fails or is full costs bodies, then exchanges, never memory."""

    most = 40

    def fill(self) -> int:
        """Put bodies until one is refused, and return how many were taken."""
        for number in range(1, 200):
            if not self.body(number, b"x" * REGION):
                return number - 1
        raise AssertionError("nothing was refused")

    def test_a_disk_that_hangs(self) -> None:
        """Bodies are refused when memory is full; heads and ends still find room, heads last no longer than ends."""
        self.disk.stalled = True
        self.assertLess(self.fill(), self.most)
        heads = 0
        while not self.log.full:
            self.assertTrue(self.put(500, bytes(REGION // 2)))
            heads += 1
        self.assertGreaterEqual(heads, FOR_HEADS - FOR_ENDS)
        self.assertTrue(self.put(500, bytes(REGION // 2), frames.END))
        self.disk.stalled = False
        self.disk.catch_up()
        self.assertTrue(self.body(600, b"x"))

    def test_a_disk_that_fails(self) -> None:
        """The file is left alone for a while, and used again then."""
        self.spill._bounds = SpillBounds(reserve=1 << 60)
        taken = self.fill()
        self.assertFalse(self.spill.accepts)
        self.spill._bounds, self.now = SpillBounds(reserve=0), self.now + 10
        self.assertTrue(self.spill.accepts)
        self.settle(*range(1, taken - 4))
        self.assertTrue(self.body(600, b"x" * 9 * REGION))
        self.assertGreater(self.spilled(), 0)
        self.assertEqual(self.bodies(self.frames())[600], b"x" * 9 * REGION)

    def test_what_the_recorder_has_taken_is_given_up_first(self) -> None:
        """Bodies go on being taken while the recorder keeps up; what is given up is known to be incomplete."""
        self.spill._bounds = SpillBounds(reserve=1 << 60)
        for number in range(1, 200):
            self.assertTrue(self.body(number, b"x" * REGION))
            self.log.taken = max(0, self.log.position[0] - 3)
        self.assertLessEqual(self.regions(), self.most)
        self.assertTrue(self.holder(1).gaps)
        self.assertFalse(self.holder(199).gaps)
        self.settle(*range(1, 200))
        self.disk.catch_up()
        self.assertEqual((self.regions(), self.spill.file_bytes), (1, 0))
        self.assertEqual(len(self.log._free_slots), self.most - 1)

    def test_a_full_file(self) -> None:
        """Its bound is kept."""
        self.spill._bounds = SpillBounds(file=5 * REGION, reserve=0)
        self.fill()
        self.assertLessEqual(self.spill.file_bytes, 5 * REGION)


class Killed(Exception):
    """The process is no more."""


class Table:
    """A table of a relay that is killed before one of its stores.

    :ivar left: how many stores there are until then, for all tables of the relay.
    """

    def __init__(self, table: memoryview, left: list[int]) -> None:
        self.table, self.left = table, left

    def __setitem__(self, place: int, value: int) -> None:
        if not self.left[0]:
            raise Killed
        self.left[0] -= 1
        self.table[place] = value

    def __getitem__(self, place: int) -> int:
        return self.table[place]


class KilledTests(WriterCase):
    """A relay may be killed between any two of its stores: what had been said before is whole."""

    def write_until(self, stores: int) -> int:
        """Write bodies until the relay is killed, and return how many were whole before."""
        left, shared = [stores], self.shared
        tables: list[Any] = [Table(each, left) for each in (shared.seq, shared.place, shared.length)]
        shared.seq, shared.place, self.log._lengths = tables
        done = 0
        try:
            for number in range(1, 40):
                self.body(number, bytes([number]) * (REGION // 3))
                done += left[0] > 0
        except Killed:
            pass
        shared.seq, shared.place = (each.table for each in tables[:2])
        gc.collect()
        self.flushLoggedErrors(Killed)
        return done

    def give_back(self, kept: int) -> None:
        """Clean up after one relay, as a hundred that are not would be gone through by each collection."""
        while len(self._cleanups) > kept:
            function, arguments, keywords = self._cleanups.pop()
            function(*arguments, **keywords)

    def test_before_every_store(self) -> None:
        """Whatever was the last word to be written, a reader finds whole frames in order, and ends."""
        gc.freeze()  # each killed relay's memory is given back by a collection, which need not look at all else
        self.addCleanup(gc.unfreeze)
        kept = len(self._cleanups)
        for stores in range(120):
            self.setUp()
            done = self.write_until(stores)
            found = self.bodies(self.frames())
            whole = [n for n, data in found.items() if data == bytes([n]) * (REGION // 3)]
            self.assertEqual(whole[:done], list(range(1, done + 1)))
            self.assertLessEqual(len(found), done + 1)
            self.give_back(kept)
