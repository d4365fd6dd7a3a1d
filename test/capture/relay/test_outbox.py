"""The queue keeps order and bounds whatever the socket and the disk do."""

import os
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.capture import frames
from ccsproxy.capture.pending import pending
from ccsproxy.capture.relay.outbox import BATCH, Outbox
from ccsproxy.capture.spill import Spill, SpillBounds, SpillCipher, open_nameless, read_batch
from test.capture.fakes import FakeSocket, NowDisk

KEY = b"k" * 32


class OutboxCase(SynchronousTestCase):
    """An outbox over a real file, a fake disk thread and a fake socket."""

    bound = 100_000

    def setUp(self) -> None:
        self.disk, self.now = NowDisk(), 100.0
        self.directory = tempfile.mkdtemp()
        self.addCleanup(os.rmdir, self.directory)
        self.descriptor = open_nameless(Path(self.directory))
        self.addCleanup(os.close, self.descriptor)
        self.make(SpillBounds(reserve=0))

    def make(self, bounds: SpillBounds) -> None:
        self.spill = Spill(self.descriptor, KEY, self.disk, lambda: self.now, bounds)
        self.left: list = []
        self.armed = 0
        self.outbox = Outbox(self.spill, self.arm, self.left.append, self.bound)

    def arm(self) -> None:
        self.armed += 1

    def body(self, exchange: int, data: bytes) -> bool:
        head = frames.FRAME_HEAD.pack(frames.RESPONSE_BODY, len(data), exchange, 0)
        return self.outbox.put_body((head, data), len(head) + len(data))

    def drain(self, socket: FakeSocket) -> list[tuple[int, bytes]]:
        """Write everything, read spilled batches as the recorder would, and return exchange and payload in order."""
        while not self.outbox.flush(socket.sendmsg):
            pass
        found = []
        for frame in socket.frames():
            if frame.kind == frames.SPILL:
                where = frames.read_spill(frame.payload)
                found += read_batch(self.descriptor, SpillCipher(KEY), where)
                self.spill.consumed(where.offset)
            else:
                found.append(frame)
        socket.data.clear()
        return [(frame.exchange, frame.payload) for frame in found]


class MemoryTests(OutboxCase):
    """While the recorder keeps up, nothing touches the disk."""

    def test_order_and_partial_writes(self) -> None:
        """Whatever the socket takes at a time, the bytes are those of the frames in their order."""
        for most in (1, 7, 21, 22, 64, 5000):
            for number in range(1, 40):
                self.outbox.put(frames.frame(frames.HEAD, number, 0, b"h" * number))
                self.body(number, b"x" * (number * 3))
            found = self.drain(FakeSocket(most=most))
            expected = [each for n in range(1, 40) for each in ((n, b"h" * n), (n, b"x" * (n * 3)))]
            self.assertEqual(found, expected)
            self.assertEqual(self.outbox.queue_bytes, 0)

    def test_a_full_socket_keeps_the_rest(self) -> None:
        """What the socket does not take stays, and comes later."""
        self.body(1, b"a" * 5000)
        socket = FakeSocket(room=3000)
        self.assertFalse(self.outbox.flush(socket.sendmsg))
        self.assertFalse(self.outbox.flush(socket.sendmsg))
        socket.room = 1 << 20
        self.assertEqual(self.drain(socket), [(1, b"a" * 5000)])

    def test_one_wake_for_many_frames(self) -> None:
        """The owner is asked to flush once until it has."""
        for _ in range(50):
            self.body(1, b"x")
        self.assertEqual(self.armed, 1)

    def test_heads_that_left_are_reported(self) -> None:
        """Frames but bodies are handed back when their last byte is with the kernel, not before."""
        self.outbox.put(frames.frame(frames.HEAD, 1, 0, b"h" * 100))
        socket = FakeSocket(room=50)
        self.outbox.flush(socket.sendmsg)
        self.assertEqual(self.left, [])
        socket.room = 1000
        self.drain(socket)
        self.assertEqual([frames.peek(each)[:2] for each in self.left], [(frames.HEAD, 1)])

    def test_a_new_reader_gets_a_half_sent_frame_whole(self) -> None:
        """After a restart the first frame begins at its beginning, behind what the new reader is told first."""
        self.body(1, b"a" * 100)
        self.outbox.flush(FakeSocket(room=30).sendmsg)
        self.outbox.restart([frames.frame(frames.HELLO)])
        self.assertEqual(self.drain(FakeSocket()), [(0, b""), (1, b"a" * 100)])

    def test_an_unread_opening_is_not_repeated(self) -> None:
        """A reader that dies before it has read its opening leaves none of it to the next."""
        self.body(1, b"a")
        self.outbox.restart([frames.frame(frames.HELLO, 0, 0, b"1"), frames.frame(frames.RESUME, 0, 0, b"1")])
        self.outbox.flush(FakeSocket(room=25).sendmsg)
        self.outbox.restart([frames.frame(frames.HELLO, 0, 0, b"2"), frames.frame(frames.RESUME, 0, 0, b"2")])
        self.assertEqual(self.drain(FakeSocket()), [(0, b"2"), (0, b"2"), (1, b"a")])
        self.assertEqual(self.outbox.queue_bytes, 0)


class SpillingTests(OutboxCase):
    """While it does not, frames go to the disk, in order and encrypted."""

    def fill(self, count: int, size: int = 10_000) -> list[tuple[int, bytes]]:
        """Put bodies of exchanges 0 to count, and return those that were taken."""
        return [(n, data) for n in range(count) for data in (bytes([n % 251]) * size,) if self.body(n, data)]

    def test_order_is_kept_across_memory_disk_and_tail(self) -> None:
        """Bodies from memory, from several batches and from the tail come out in the order in which they went in."""
        put = self.fill(200)
        self.assertEqual(len(put), 200)
        self.assertGreater(len(self.spill.regions), 3)
        self.assertLess(self.outbox.queue_bytes, self.bound + 1000)
        self.assertEqual(self.drain(FakeSocket()), put)

    def test_it_returns_to_memory(self) -> None:
        """When all is consumed the file is empty, and frames go through memory again."""
        self.fill(100)
        self.drain(FakeSocket())
        self.assertEqual(
            (self.spill.file_bytes, os.fstat(self.descriptor).st_size, len(self.spill.regions)), (0, 0, 0)
        )
        self.body(1, b"again")
        self.assertEqual(self.drain(FakeSocket()), [(1, b"again")])
        self.assertEqual(self.spill.file_bytes, 0)

    def test_a_stalled_disk_keeps_order(self) -> None:
        """Batches that wait for the disk hold back what follows them."""
        self.disk.stalled = True
        put = self.fill(100)
        socket = FakeSocket()
        while not self.outbox.flush(socket.sendmsg):
            pass
        put += self.fill(3)
        self.disk.stalled = False
        self.disk.catch_up()
        self.assertEqual(self.drain(socket), put)

    def test_nothing_readable_is_on_the_disk(self) -> None:
        """What lies in the file is not what was put in."""
        for n in range(200):
            self.body(n, b"my secret key " * 800)
        raw = os.pread(self.descriptor, 1 << 24, 0)
        self.assertGreater(len(raw), BATCH)
        self.assertNotIn(b"secret", raw)

    def test_the_file_has_no_name_and_is_private(self) -> None:
        """Nobody else can open it."""
        self.assertEqual(os.listdir(self.directory), [])
        self.assertEqual(os.fstat(self.descriptor).st_mode & 0o777, 0o600)

    def test_beyond_the_file_bodies_are_refused_and_heads_are_not(self) -> None:
        """A full spill file costs bodies first."""
        self.bound = 1_500_000
        self.make(SpillBounds(file=600_000, reserve=0))
        put = self.fill(300)
        self.assertLess(len(put), 240)
        self.assertFalse(self.body(1, b"x" * 10_000))
        self.outbox.put(frames.frame(frames.HEAD, 999, 0, b"head"))
        self.assertFalse(self.outbox.full)
        self.assertEqual(self.drain(FakeSocket()), [*put, (999, b"head")])

    def test_beyond_the_reserve_it_is_full(self) -> None:
        """When heads fill the reserve, too, the queue says so."""
        self.make(SpillBounds(file=0))
        self.fill(20)
        while not self.outbox.full:
            self.outbox.put(frames.frame(frames.HEAD, 1, 0, bytes(1000)))
        self.assertLess(self.outbox.memory_bytes, self.bound * 1.4 + BATCH)

    def test_waiting_for_the_disk_is_bounded(self) -> None:
        """A disk that hangs costs bodies, not memory."""
        self.make(SpillBounds(disk=600_000, reserve=0))
        self.disk.stalled = True
        self.fill(500)
        self.assertLess(self.outbox.memory_bytes, 600_000 + self.bound * 2 + BATCH)
        self.disk.stalled = False
        self.disk.catch_up()

    def test_a_failed_write_leaves_heads_and_marks_losses(self) -> None:
        """Batches that the disk refuses become their heads and a LOST for each body; the disk is left alone."""
        self.make(SpillBounds(reserve=1 << 60))
        put = self.fill(45)
        socket = FakeSocket()
        while not self.outbox.flush(socket.sendmsg):
            pass
        kinds = [frame.kind for frame in socket.frames()]
        self.assertEqual(len(kinds), len(put))
        self.assertIn(frames.LOST, kinds)
        self.assertFalse(self.spill.accepts(1))
        self.now += 10
        self.assertTrue(self.spill.accepts(1))

    def test_a_new_reader_gets_batches_that_were_not_consumed(self) -> None:
        """SPILL frames that a dead reader had been sent are known as sent, and can be told again."""
        self.fill(100)
        socket = FakeSocket()
        while not self.outbox.flush(socket.sendmsg):
            pass
        for frame in socket.frames():
            if frame.kind == frames.SPILL:
                self.spill.sent(frames.read_spill(frame.payload))
        self.assertTrue(all(region.sent for region in self.spill.regions))
        self.assertEqual(sum(h.response for r in self.spill.regions for h in pending(r.heads).values()) % 10_000, 0)

    def test_consumed_batches_give_their_heads_back(self) -> None:
        """Heads and ends of a consumed batch come back, bodies do not."""
        self.fill(12)
        self.outbox.put(frames.frame(frames.HEAD, 77, 5, b"head"))
        self.fill(60)
        region = self.spill.regions[0]
        heads = self.successResultOf(self.spill.consumed(region.where.offset))
        self.assertEqual([(each.kind, each.exchange, each.at) for each in heads], [(frames.HEAD, 77, 5)])
        self.assertNotIn(region, self.spill.regions)
        self.assertEqual(self.successResultOf(self.spill.consumed(region.where.offset)), [])
