"""The recorder's end of the link: spilled frames in their place, and no more than the store takes."""

import os
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import fail
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.capture import frames
from ccsproxy.capture.frames import EndFrame, Frame, Spilled
from ccsproxy.capture.recorder.process import FIRST_AFTER, RecorderParts, RecorderProcess, Recovered
from ccsproxy.capture.recorder.recorder import Numbered
from ccsproxy.capture.settings import RecorderSettings
from ccsproxy.capture.spill import SpillCipher, open_nameless, write_batch
from test.capture.fakes import ending, request_head
from test.capture.recorder.fake_interfaces import MEANING, MemoryStore, Stars

KEY = b"k" * 32


class RecorderProcessTests(SynchronousTestCase):
    """A whole recorder process without its process."""

    def setUp(self) -> None:
        directory = tempfile.mkdtemp()
        self.addCleanup(os.rmdir, directory)
        self.descriptor = open_nameless(Path(directory))
        self.addCleanup(os.close, self.descriptor)
        self.clock, self.store, self.stopped = Clock(), MemoryStore(), 0
        self.recovered = Recovered()
        rooms = RecorderParts(lambda settings, reactor, prices: self.store, lambda _: self.recovered, MEANING, Stars)
        self.process = RecorderProcess(self.clock, self.descriptor, rooms, self.stop)
        self.inbox, self.transport = self.process.inbox, StringTransport()
        self.inbox.makeConnection(self.transport)
        settings = RecorderSettings(data_dir=directory, run_session_id="run", spill_key=KEY)
        self.hello = frames.settings(frames.HELLO, settings)

    def stop(self) -> None:
        self.stopped += 1

    def said(self, kind: str) -> list[Any]:
        """Return what the relay has been told of one kind."""
        self.clock.advance(0)
        lines = [msgspec.json.decode(line) for line in self.transport.value().splitlines()]
        return [line[kind] for line in lines if kind in line]

    def feed(self, *encoded: bytes) -> None:
        self.inbox.dataReceived(b"".join(encoded))

    def open(self, *alive: str) -> None:
        self.feed(self.hello, frames.settings(frames.RESUME, list(alive)))
        self.clock.advance(FIRST_AFTER)

    def exchange(self, number: int) -> list[bytes]:
        head = frames.head(number, 0, request_head(f"e{number}"))
        return [head, frames.end(number, 1, EndFrame(ending(), 0, 0))]

    def test_a_life(self) -> None:
        """Opened, told an exchange, closed: ready, stored, closed are said, and the process ends."""
        self.open()
        self.assertEqual((self.said("ready"), self.said("health")), ([True], [{"state": "ok"}]))
        self.feed(*self.exchange(1), frames.frame(frames.CLOSE))
        self.assertEqual((self.said("stored"), self.said("closed"), self.stopped), ([[1]], [True], 1))
        self.assertTrue(self.store.closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_the_first_frames_may_come_with_the_opening(self) -> None:
        """Nothing is read or lost while the store opens."""
        self.feed(self.hello, frames.settings(frames.RESUME, ["e1"]), *self.exchange(1))
        self.assertEqual((self.store.records, self.transport.producerState), ([], "paused"))
        self.clock.advance(FIRST_AFTER)
        self.assertEqual([record.id for record in self.store.records], ["e1"])
        self.assertEqual(self.store.alive, {"e1": None})

    def test_what_was_recovered(self) -> None:
        """Numbers that were given stay, and what is stored already is only acknowledged."""
        self.recovered = Recovered({"e1": Numbered("s", 9)}, ["e2"])
        self.open("e1", "e2")
        self.feed(*self.exchange(1), *self.exchange(2))
        self.assertEqual([(r.id, r.seq) for r in self.store.records], [("e1", 9)])
        self.assertEqual(sorted(number for told in self.said("stored") for number in told), [1, 2])

    def test_spilled_frames_come_in_their_place(self) -> None:
        """A batch on the disk is read where its SPILL stands, and its consumption is said."""
        run = self.exchange(2)
        where = Spilled(64, sum(map(len, run)) + SpillCipher.TAG, b"n" * 16)
        write_batch(self.descriptor, SpillCipher(KEY), where, run, 0)
        self.open()
        self.feed(*self.exchange(1), frames.spill(where), *self.exchange(3))
        self.assertEqual([record.id for record in self.store.records], ["e1", "e2", "e3"])
        self.assertEqual(self.said("consumed"), [64])

    def test_an_unreadable_batch_is_given_back(self) -> None:
        """A batch that the disk does not give costs what it held, and does not block the file."""
        self.open()
        self.feed(frames.spill(Spilled(1 << 20, 50, b"n" * 16)), *self.exchange(1))
        self.assertEqual((self.said("consumed"), len(self.store.records)), ([1 << 20], 1))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_a_lagging_store_stops_the_reading(self) -> None:
        """While too many records wait for the store nothing more is read; the relay spills meanwhile."""
        self.store.held = []
        self.open()
        for number in range(1, 300):
            self.feed(*self.exchange(number))
        self.assertEqual(self.transport.producerState, "paused")
        self.clock.advance(0.1)
        self.assertEqual(self.transport.producerState, "paused")
        for waiting in self.store.held:
            waiting.callback(None)
        self.clock.advance(0.1)
        self.assertEqual(self.transport.producerState, "producing")

    def test_one_read_may_hold_more_than_the_store_takes(self) -> None:
        """Frames that came with one read wait too, in their order; those of a relay that goes are still stored."""
        self.open()
        self.store.held = []
        self.feed(*[encoded for number in range(1, 401) for encoded in self.exchange(number)])
        self.assertEqual(len(self.store.records), 257)
        for waiting in self.store.held[:150]:
            waiting.callback(None)
        self.clock.advance(0.1)
        self.assertEqual(len(self.store.records), 400)
        self.feed(*self.exchange(401))
        self.inbox.connectionLost()
        self.assertEqual([record.id for record in self.store.records], [f"e{number}" for number in range(1, 402)])

    def test_the_relay_is_gone(self) -> None:
        """Then what has come whole is stored, what has not is left to be found, and the process ends."""
        self.open()
        self.feed(*self.exchange(1), self.exchange(2)[0])
        self.inbox.connectionLost()
        self.assertEqual(([r.id for r in self.store.records], self.store.closed, self.stopped), (["e1"], True, 1))
        self.clock.advance(0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_store_that_does_not_open(self) -> None:
        """The process ends, and is started again by its relay."""
        self.store.open = lambda alive: fail(OSError("locked"))  # type: ignore[method-assign]
        self.open()
        self.assertEqual((self.stopped, self.said("ready")), (1, []))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_frames_of_nobody(self) -> None:
        """Frames of exchanges that were never announced are ignored."""
        self.open()
        self.process._recorder.take(Frame(frames.RESPONSE_BODY, 77, 0, b"x"))  # type: ignore[union-attr]
        self.assertEqual(self.store.records, [])
