"""Tests of a relay's link to the recorder, over a socket pair and a reactor in memory."""

import os
import socket
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.testing import MemoryReactorClock

from ccsproxy.capture import frames
from ccsproxy.capture.relay import hand_over as hand_over_module
from ccsproxy.capture.relay.files import RelayFiles
from ccsproxy.capture.relay.hand_over import COPY_RETRY, COPY_TICK, HandOver
from ccsproxy.capture.relay.link import TICK, RecorderLink
from test.capture.fakes import request_head
from test.capture.relay.rig import KEY, LogCase


class LinkCase(LogCase):
    """A link between a log and a recorder that the test plays."""

    def setUp(self) -> None:
        super().setUp()
        self.reactor = MemoryReactorClock()
        self.lost = 0
        self.theirs = self.pair()

    def pair(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        self.addCleanup(theirs.close)
        self.ours = ours
        return theirs

    def told(self) -> list[int]:
        """Return the positions that the recorder has been told of since the last question."""
        self.reactor.advance(TICK)
        try:
            data = self.theirs.recv(1 << 16)
        except BlockingIOError:
            return []
        size = len(frames.more(self.log.position))
        return [data[at : at + size] == frames.more(self.log.position) for at in range(0, len(data), size)]

    def say(self, **words: Any) -> None:
        self.theirs.sendall(msgspec.json.encode(words) + b"\n")


class LinkTests(LinkCase):
    """What goes over it."""

    def setUp(self) -> None:
        super().setUp()
        self.link = RecorderLink(self.reactor, self.ours, self.log, self.capture, self.hear_lost)
        self.addCleanup(self.link.close)

    def hear_lost(self) -> None:
        self.lost += 1

    def test_what_was_there_before(self) -> None:
        """A recorder hears how far the log is written as soon as it is there, and then when there is more."""
        self.link.start()
        self.assertEqual(self.told(), [True])
        self.assertEqual(self.told(), [])
        self.link.wake()
        self.link.wake()
        self.assertEqual(self.told(), [True])

    def test_hurry(self) -> None:
        """It is told at the end of the turn, once, in place of the tick."""
        self.link.start()
        self.link.hurry()
        self.reactor.advance(0)
        self.assertEqual(self.theirs.recv(1 << 16), frames.more(self.log.position))
        self.assertEqual(self.told(), [])

    def test_nothing_after_the_end(self) -> None:
        """A closed link leaves no timer and hears nothing; its end is told once."""
        self.link.start()
        self.link.close()
        self.link.wake()
        self.link.hurry()
        self.link.close()
        self.assertEqual((self.reactor.getDelayedCalls(), self.lost), ([], 1))
        self.assertFalse(self.capture.armed)

    def test_answers(self) -> None:
        """What the recorder has taken only grows."""
        self.link.start()
        for taken in (7, 3):
            self.say(taken=taken)
            self.link.doRead()
        self.assertEqual(self.log.taken, 7)


class HandOverTests(LinkCase):
    """The hand-over with one recorder after the other."""

    def setUp(self) -> None:
        super().setUp()
        files = RelayFiles(1, self.log_file, self.journal_file, None, None, [])
        self.hand_over = HandOver(self.reactor, files, b"k" * 32, disk=self.disk)
        self.log = self.hand_over.log
        self.addCleanup(self.hand_over.close)

    def test_each_recorder_is_told(self) -> None:
        """Before there is one nobody is; a second one takes the place of the first."""
        self.hand_over._wake()
        self.hand_over._hurry()
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.hand_over.link(self.ours)
        self.assertEqual(self.told(), [True])
        self.hand_over._wake()
        self.assertEqual(self.told(), [True])
        first, self.theirs = self.theirs, self.pair()
        self.hand_over.link(self.ours)
        self.assertEqual(first.recv(1), b"")
        self.assertEqual(self.told(), [True])
        self.hand_over._hurry()
        self.assertEqual(self.told(), [True])

    def test_last_words(self) -> None:
        """What a recorder said before its end is heard when it is unlinked; what it had taken is needed again."""
        self.hand_over.link(self.ours)
        tap: Any = self.hand_over.capture.begin(request_head())
        self.say(taken=5, stored=[tap.number])
        self.hand_over.unlink()
        self.assertEqual((self.hand_over.capture.stored, self.log.taken), (1, 0))
        self.hand_over.unlink()
        self.hand_over._wake()
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_copies_of_the_journal(self) -> None:
        """What the journal learns is in its copy within a moment, written once for all of that moment."""
        copy = Path(self.mktemp())
        descriptor = os.open(copy, os.O_RDWR | os.O_CREAT, 0o600)
        self.addCleanup(os.close, descriptor)
        files = RelayFiles(1, self.log_file, self.journal_file, descriptor, None, [])
        hand_over = HandOver(self.reactor, files, b"k" * 32, disk=self.disk)
        self.addCleanup(hand_over.close)
        for number in (1, 2):
            hand_over._journal.begin(number, f"exchange {number}", 1.0, "upstream")
            hand_over._journal.begin(number + 10, f"exchange {number + 10}", 1.0, "upstream")
            self.assertEqual(len(self.reactor.getDelayedCalls()), 1)
            self.reactor.advance(COPY_TICK)
            self.assertIn(f"exchange {number + 10}".encode(), copy.read_bytes())
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_a_disk_that_takes_no_copy(self) -> None:
        """It is written when the disk takes it again, with what was begun meanwhile, and not tried after the end."""
        copy = Path(self.mktemp())
        descriptor = os.open(copy, os.O_RDWR | os.O_CREAT, 0o600)
        self.addCleanup(os.close, descriptor)
        hand_over = HandOver(
            self.reactor, RelayFiles(1, self.log_file, self.journal_file, descriptor, None, []), KEY, disk=self.disk
        )
        written, sick = hand_over_module.write_pages, [True, True]

        def write(*given: Any) -> None:
            if sick and sick.pop():
                raise OSError(28, "No space left on device")
            written(*given)

        self.patch(hand_over_module, "write_pages", write)
        hand_over._journal.begin(1, "early", 1.0, "upstream")
        self.reactor.advance(COPY_TICK)
        self.assertEqual(copy.read_bytes(), b"")
        hand_over._journal.begin(2, "late", 1.0, "upstream")
        self.reactor.pump([COPY_TICK, COPY_RETRY])
        self.assertEqual(copy.read_bytes(), b"")
        self.reactor.advance(COPY_RETRY)
        self.assertTrue(all(name in copy.read_bytes() for name in (b"early", b"late")))
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        sick.append(True)
        hand_over._journal.begin(3, "last", 1.0, "upstream")
        self.disk.stalled = True
        self.reactor.advance(COPY_TICK)
        hand_over.close()
        self.disk.stalled = False
        self.disk.catch_up()
        self.assertEqual(self.reactor.getDelayedCalls(), [])
