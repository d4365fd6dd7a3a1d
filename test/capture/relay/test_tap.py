"""The hand-over never raises, never waits, and counts every exchange exactly once."""

import os
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.capture import frames
from ccsproxy.capture.pending import pending
from ccsproxy.capture.relay.outbox import BATCH, Outbox
from ccsproxy.capture.relay.tap import RelayCapture
from ccsproxy.capture.spill import Spill, SpillBounds, open_nameless
from test.capture.fakes import FakeSocket, NowDisk, ending, request_head, response_head


class HandOverCase(SynchronousTestCase):
    """A hand-over without a spill file, at a time of our own."""

    bound = 50_000
    descriptor: int | None = None

    def setUp(self) -> None:
        self.now = 50.0
        self.spill = Spill(self.descriptor, b"k" * 32, NowDisk(), lambda: self.now, SpillBounds(reserve=0))
        self.outbox = Outbox(self.spill, lambda: None, lambda each: self.relay_capture.left(each), self.bound)
        self.relay_capture = RelayCapture(self.outbox, lambda: self.now, lambda: 1_700_000_000.25)
        self.socket = FakeSocket()

    def sent(self) -> list[frames.Frame]:
        """Write everything and return the frames of this writing."""
        self.socket.data.clear()
        while not self.outbox.flush(self.socket.sendmsg):
            pass
        return self.socket.frames()

    def kinds(self) -> list[int]:
        return [frame.kind for frame in self.sent()]

    def assert_counts(self) -> None:
        """Everything accepted is stored, dropped or in flight."""
        relay_capture = self.relay_capture
        settled = relay_capture.stored + sum(relay_capture.dropped.values())
        self.assertEqual(relay_capture.accepted, settled + relay_capture.in_flight)


class HandOverTests(HandOverCase):
    """What the relay says reaches the link."""

    def test_an_exchange_in_its_order(self) -> None:
        """Every call becomes one frame, with its time since the exchange began and a body that was not copied."""
        tap = self.relay_capture.begin(request_head())
        self.now += 0.5
        body = b"question"
        tap.request_body(body)
        tap.response_head(response_head())
        self.now += 0.25
        tap.response_body(b"answer")
        tap.end(ending())
        self.assertTrue(any(each[1] is body for each in self.outbox.waiting() if isinstance(each, tuple)))
        found = self.sent()
        self.assertEqual([frame.kind for frame in found], [1, 2, 3, 4, 5])
        self.assertEqual([frame.at for frame in found], [250_000, 750_000, 750_000, 1_000_000, 1_000_000])
        ended = frames.read_end(found[-1].payload)
        self.assertEqual((ended.request_bytes, ended.response_bytes), (8, 6))

    def test_empty_pieces_are_nothing(self) -> None:
        """An empty piece of a body makes no frame."""
        tap = self.relay_capture.begin(request_head())
        tap.request_body(b"")
        tap.response_body(b"")
        self.assertEqual(self.kinds(), [frames.HEAD])

    def test_acknowledgements_settle_exchanges(self) -> None:
        """Stored and dropped exchanges leave; what is said twice counts once."""
        for number in range(3):
            self.relay_capture.begin(request_head(f"e{number}"))
        self.relay_capture.settle_stored([1, 1])
        self.relay_capture.settle_dropped(2, "disk")
        self.relay_capture.settle_dropped(2, "disk")
        self.assertEqual(
            (self.relay_capture.stored, dict(self.relay_capture.dropped), self.relay_capture.in_flight_ids()),
            (1, {"disk": 1}, ["e2"]),
        )
        self.assert_counts()

    def test_a_broken_queue_hurts_nobody(self) -> None:
        """Whatever raises inside, the relay hears nothing of it."""

        def broken(*_: object) -> bool:
            raise RuntimeError("queue")

        self.outbox.put = self.outbox.put_body = broken  # type: ignore[method-assign]
        tap = self.relay_capture.begin(request_head())
        self.relay_capture.dropped.clear()
        self.relay_capture.accepted = 0
        good = RelayCapture(Outbox(self.spill, lambda: None, lambda _: None), lambda: 0.0, lambda: 0.0)
        tap = good.begin(request_head())
        tap._outbox = self.outbox  # type: ignore[attr-defined]
        tap.request_body(b"x")
        tap.response_head(response_head())
        tap.response_body(b"x")
        tap.end(ending())
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 5)

    def test_after_the_close_nothing_is_taken(self) -> None:
        """An exchange that begins after the close is dropped and counted."""
        self.relay_capture.close()
        self.relay_capture.begin(request_head()).request_body(b"x")
        self.assertEqual(self.relay_capture.dropped, {"shutdown": 1})
        self.assert_counts()


class OverflowTests(HandOverCase):
    """A recorder that reads nothing costs bodies first, then exchanges."""

    def test_bodies_are_left_out_from_the_first_gap_on(self) -> None:
        """What follows a gap is left out, too; the loss is told once, the length exactly, heads and ends always."""
        tap = self.relay_capture.begin(request_head())
        tap.response_head(response_head())
        for _ in range(100):
            tap.response_body(b"x" * 1000)
        tap.end(ending())
        found = self.sent()
        self.assertEqual([frame.kind for frame in found if frame.kind != frames.RESPONSE_BODY], [1, 3, 6, 5])
        self.assertLess(sum(frame.kind == frames.RESPONSE_BODY for frame in found), 50)
        self.assertEqual(frames.read_end(found[-1].payload).response_bytes, 100_000)
        tap.response_body(b"late")
        self.assertEqual(self.kinds(), [])

    def test_then_whole_exchanges_are_dropped_and_counted(self) -> None:
        """A full queue refuses exchanges, and takes them again when it has drained."""
        while not self.relay_capture.dropped:
            self.relay_capture.begin(request_head(headers=[(b"A", b"x" * 1000)]))
        self.relay_capture.begin(request_head())
        self.assertEqual(self.relay_capture.dropped, {"queue_full": 2})
        self.assertLess(self.outbox.memory_bytes, self.bound * 1.3 + BATCH)
        self.assert_counts()
        self.sent()
        self.relay_capture.begin(request_head())
        self.assertEqual(self.kinds(), [frames.HEAD])
        self.assert_counts()


class RestartTests(HandOverCase):
    """A new recorder is told what the old one took with it."""

    bound = 200_000

    def setUp(self) -> None:
        directory = tempfile.mkdtemp()
        self.addCleanup(os.rmdir, directory)
        self.descriptor = open_nameless(Path(directory))
        self.addCleanup(os.close, self.descriptor)
        super().setUp()

    def restart(self) -> list[frames.Frame]:
        """Let a new recorder read what it is told."""
        self.outbox.restart(self.relay_capture.resume())
        return self.sent()

    def test_heads_losses_and_ends_are_told_again(self) -> None:
        """What was sent and is not stored is told again: heads as they were, bodies as a loss."""
        tap = self.relay_capture.begin(request_head())
        tap.request_body(b"12345")
        tap.response_head(response_head())
        tap.response_body(b"123")
        before = self.sent()
        tap.end(ending())
        found = self.restart()
        self.assertEqual([frame.kind for frame in found], [1, 3, 6, 6, 5])
        self.assertEqual((found[0], found[1]), (before[0], before[2]))
        losses = [frames.read_lost(frame.payload) for frame in found if frame.kind == frames.LOST]
        self.assertEqual([(loss.direction, loss.size) for loss in losses], [(2, 5), (4, 3)])
        self.assertEqual({loss.reason for loss in losses}, {"recorder_restarted"})

    def test_what_has_not_left_is_not_lost(self) -> None:
        """Frames that still wait come as they are, once."""
        tap = self.relay_capture.begin(request_head())
        self.sent()
        tap.request_body(b"12345")
        self.assertEqual([frame.kind for frame in self.restart()], [frames.HEAD, frames.REQUEST_BODY])
        self.relay_capture.begin(request_head("e2"))
        self.assertEqual([(f.kind, f.exchange) for f in self.restart()], [(1, 1), (6, 1), (1, 2)])

    def test_stored_exchanges_are_not_told_again(self) -> None:
        """What is settled stays settled."""
        tap = self.relay_capture.begin(request_head())
        tap.end(ending())
        self.sent()
        self.relay_capture.settle_stored([1])
        self.assertEqual(self.restart(), [])

    def test_spilled_batches_are_told_again_until_they_are_consumed(self) -> None:
        """What lies on the disk is not lost with the recorder; what it had consumed is."""
        tap = self.relay_capture.begin(request_head())
        for _ in range(60):
            tap.request_body(b"x" * 10_000)
        self.sent()
        self.assertEqual([frame.kind for frame in self.restart()][:2], [frames.HEAD, frames.LOST])
        spilled = sum(pending(region.heads)[1].request for region in self.spill.regions)
        self.assertGreater(spilled, 250_000)
        told = self.restart()
        loss = frames.read_lost(told[1].payload)
        self.assertEqual(loss.size, 600_000 - spilled)
        self.assertEqual([frame.kind for frame in told[2:]], [frames.SPILL] * len(self.spill.regions))
        first = self.spill.regions[0].where.offset
        self.spill.consumed(first).addCallback(self.relay_capture.read_back)
        again = [frame.kind for frame in self.restart()]
        self.assertEqual(again.count(frames.SPILL), len(self.spill.regions))

    def test_heads_in_consumed_batches_are_kept(self) -> None:
        """An exchange whose head went by the disk is told again like any other."""
        filler = self.relay_capture.begin(request_head("filler"))
        for _ in range(30):
            filler.request_body(b"x" * 10_000)
        self.relay_capture.begin(request_head("spilled"))
        for _ in range(30):
            filler.request_body(b"x" * 10_000)
        self.sent()
        for region in list(self.spill.regions):
            self.spill.consumed(region.where.offset).addCallback(self.relay_capture.read_back)
        again = [frames.read_head(f.payload).id for f in self.restart() if f.kind == frames.HEAD]
        self.assertEqual(again, ["filler", "spilled"])

    def test_given_up_exchanges_are_counted(self) -> None:
        """Dropping everything in flight leaves the sum right."""
        self.relay_capture.begin(request_head()).request_body(b"x")
        self.relay_capture.drop_all("recorder")
        self.outbox.drop_all()
        self.assertEqual((self.restart(), self.outbox.memory_bytes), ([], 0))
        self.assert_counts()
