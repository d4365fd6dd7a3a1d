"""Tests for `ccsproxy.runtime.epoll`, and for what it relies on in Twisted's reactor."""

import socket
from select import EPOLLIN

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ConnectionDone
from twisted.internet.main import CONNECTION_DONE
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.runtime.epoll import FastEpoll, install_fast_epoll
from ccsproxy.runtime.write_batch import MOST, WriteBatch


class Reading:
    """One end of a socket pair, as a reactor reads it."""

    def __init__(self, ours: socket.socket) -> None:
        self.socket = ours
        self.got: list[bytes] = []
        self.lost: list[type] = []
        self.failing = False

    def fileno(self) -> int:
        return self.socket.fileno()

    def logPrefix(self) -> str:
        return "test"

    def doRead(self) -> object:
        if self.failing:
            raise ValueError("reading went wrong")
        data = self.socket.recv(100)
        self.got.append(data)
        return None if data else CONNECTION_DONE

    def doWrite(self) -> None:
        self.got.append(b"writable")

    def connectionLost(self, reason: object) -> None:
        self.lost.append(reason.type)  # type: ignore[attr-defined]


class LeanPollTests(SynchronousTestCase):
    """One turn at a time, over real sockets."""

    def setUp(self) -> None:
        self.reactor = EPollReactor()
        self.addCleanup(self.reactor._poller.close)
        ours, self.peer = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(self.peer.close)
        self.reading = Reading(ours)
        self.reactor.addReader(self.reading)
        self.turns = WriteBatch()
        self.assertTrue(install_fast_epoll(self.reactor, self.turns))

    def turn(self) -> None:
        self.reactor.doIteration(1.0)

    def test_what_can_be_read_is_read(self) -> None:
        """One event, one read."""
        self.peer.send(b"hello")
        self.turn()
        self.assertEqual(self.reading.got, [b"hello"])

    def test_nothing_happens(self) -> None:
        """The timeout passes."""
        self.reactor.doIteration(0)
        self.assertEqual((self.reading.got, self.reading.lost), ([], []))

    def test_writing_takes_the_reactors_own_way(self) -> None:
        """A descriptor that is writable is written to."""
        self.reactor.addWriter(self.reading)
        self.turn()
        self.assertEqual(self.reading.got, [b"writable"])

    def test_the_end_is_told(self) -> None:
        """A peer that closes is a lost connection, and is not read again."""
        self.peer.close()
        self.turn()
        self.assertEqual(self.reading.lost, [ConnectionDone])
        self.assertEqual(self.reactor.getReaders().count(self.reading), 0)

    def test_one_that_fails_is_disconnected(self) -> None:
        """What a read raises is logged, and the reactor lives."""
        self.reading.failing = True
        self.peer.send(b"x")
        self.turn()
        self.assertEqual(self.reading.lost, [ValueError])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_one_that_is_gone_is_passed_over(self) -> None:
        """An event of a descriptor that nobody reads any more is nothing."""
        self.peer.send(b"x")
        poll = FastEpoll(self.reactor, WriteBatch())
        poll._selectables = {-7: self.reading}
        poll(0.5)
        self.assertEqual(self.reading.got, [])

    def test_what_is_written_in_a_turn_is_sent_at_its_end(self) -> None:
        """Events that are there together are dealt with before any of their writes is sent; nothing waits longer."""
        told: list[str] = []

        class Link:
            def flush(self) -> None:
                told.append("sent")

        class Answering(Reading):
            def doRead(inner) -> object:
                told.append("read")
                self.turns.add(Link())
                return super().doRead()

        for _ in range(MOST + 1):
            ours, peer = socket.socketpair()
            self.addCleanup(ours.close)
            self.addCleanup(peer.close)
            self.reactor.addReader(Answering(ours))
            peer.send(b"x")
        self.turn()
        self.assertEqual(told, ["read"] * MOST + ["sent"] * MOST + ["read", "sent"])

    def test_what_was_written_between_turns_is_sent_before_waiting(self) -> None:
        """A timer's write does not wait for the next event."""
        sent: list[bool] = []

        class Link:
            def flush(self) -> None:
                sent.append(True)

        self.turns.add(Link())
        self.reactor.doIteration(0)
        self.assertEqual(sent, [True])

    def test_other_reactors_stay_as_they_are(self) -> None:
        """Only Twisted's own epoll reactor is changed."""
        write_batch = WriteBatch()
        self.assertFalse(install_fast_epoll(object(), write_batch))
        self.assertFalse(write_batch.collecting)

    def test_what_a_flush_schedules_is_not_forgotten(self) -> None:
        """A call that a flush schedules for at once comes at once, not when the next event comes."""
        waited: list[float] = []

        class Link:
            def flush(inner) -> None:
                self.reactor.callLater(0, lambda: None)

        self.turns.add(Link())
        poll = FastEpoll(self.reactor, self.turns)
        poll._poll = lambda timeout, most: waited.append(timeout) or [("event", 0)]  # type: ignore[func-returns-value]
        poll(None)
        self.assertEqual(waited, [0])

    def test_read_before_a_timer(self) -> None:
        """Before a timer may judge, sockets are looked at once more: the poll of a stopped process has not."""
        answers: list[list[tuple[int, int]]] = [[], [(self.reading.fileno(), EPOLLIN)]]
        timeouts: list[float] = []

        def poll(timeout: float, most: int) -> list[tuple[int, int]]:
            timeouts.append(timeout)
            return answers.pop(0)

        self.peer.send(b"waited")
        once = FastEpoll(self.reactor, self.turns)
        once._poll = poll
        once(2.5)
        self.assertEqual((timeouts, self.reading.got), ([2.5, 0], [b"waited"]))
