"""Bodies are written as fast as they are read, and made no faster."""

import sys
import threading
from collections.abc import Iterator
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.api.answer import Refused
from ccsproxy.api.body_producer import CHUNK, PATIENCE, BodyProducer, Changed, ReplayableBody, take
from ccsproxy.api.reading import ReadingPool
from test.api.scene import ReadingNow


class Consumer:
    """A request that keeps what it is given."""

    def __init__(self) -> None:
        self.data = b""
        self.producer: Any = None
        self.streaming = False

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer, self.streaming = producer, streaming

    def unregisterProducer(self) -> None:
        self.producer = None

    def write(self, data: bytes) -> None:
        self.data += data


class PourTests(SynchronousTestCase):
    """One body."""

    def setUp(self) -> None:
        self.made = 0
        self.clock = Clock()
        self.consumer = Consumer()

    def pieces(self, count: int, size: int = CHUNK) -> Iterator[bytes]:
        for number in range(count):
            self.made += 1
            yield bytes([number % 256]) * size

    def produce(self, pieces: Iterator[bytes]) -> Deferred[bool]:
        return ensureDeferred(BodyProducer(self.consumer, pieces, ReadingNow(), self.clock).run())

    def stop_after_each_write(self) -> None:
        """Let the reader have enough with every bite."""
        write = self.consumer.write

        def write_and_pause(data: bytes) -> None:
            write(data)
            self.consumer.producer.pauseProducing()

        self.consumer.write = write_and_pause  # type: ignore[method-assign]

    def test_everything_in_order(self) -> None:
        """A reader that keeps up gets all of it, of pieces of any size, empty ones included."""
        body = [b"a", b"", b"b" * (3 * CHUNK + 1), b"", b"", b"c"]
        self.assertTrue(self.successResultOf(self.produce(iter(body))))
        self.assertEqual(self.consumer.data, b"".join(body))
        self.assertIsNone(self.consumer.producer)

    def test_paused(self) -> None:
        """Nothing is written while the reader does not read, and at most one batch is made ahead."""
        self.stop_after_each_write()
        done = self.produce(self.pieces(10))
        for written in range(1, 10):
            self.assertEqual((len(self.consumer.data), self.made), (written * CHUNK, min(written + 1, 10)))
            self.assertNoResult(done)
            self.consumer.producer.resumeProducing()
        self.assertEqual(len(self.consumer.data), 10 * CHUNK)
        self.assertTrue(self.successResultOf(done))

    def test_large_piece_is_cut(self) -> None:
        """A large piece is written in bites, between which the reader may stop."""
        sizes: list[int] = []
        self.consumer.write = lambda data: sizes.append(len(data))  # type: ignore[method-assign,assignment,return-value]
        self.successResultOf(self.produce(self.pieces(1, 3 * CHUNK + 5)))
        self.assertEqual(sizes, [CHUNK, CHUNK, CHUNK, 5])

    def test_reader_gone(self) -> None:
        """When the reader goes, nothing more is made or written."""
        self.stop_after_each_write()
        done = self.produce(self.pieces(10))
        self.consumer.producer.stopProducing()
        self.assertFalse(self.successResultOf(done))
        self.assertEqual((len(self.consumer.data), self.made), (CHUNK, 2))

    def test_body_is_let_go(self) -> None:
        """A body is freed with its reader, though the request still knows its producer."""

        class Piece(bytes):
            pass

        piece = Piece(b"x" * CHUNK)
        pieces = iter((piece, piece))
        before = sys.getrefcount(piece)
        self.consumer.write = lambda data: self.consumer.producer.pauseProducing()  # type: ignore[method-assign]
        done = self.produce(pieces)
        del pieces
        self.consumer.producer.stopProducing()
        self.assertFalse(self.successResultOf(done))
        self.assertIsNotNone(self.consumer.producer)
        self.assertLess(sys.getrefcount(piece), before)

    def remade(self, *bodies: bytes) -> ReplayableBody:
        """Make a body that is the next of these each time that it is made."""
        made = iter(bodies)
        return ReplayableBody(iter((next(made),)), lambda: iter((next(made), b"")))

    def test_nothing_is_kept_for_who_does_not_read(self) -> None:
        """A large body that can be made again is let go when its reader pauses, and goes on where it was."""

        class Body(bytes):
            pass

        contents = bytes(number % 251 for number in range(5 * CHUNK))
        kept = Body(contents)
        pieces = self.remade(kept, contents)
        before = sys.getrefcount(kept)
        self.stop_after_each_write()
        done = self.produce(pieces)
        self.clock.advance(PATIENCE - 0.1)
        self.assertGreaterEqual(sys.getrefcount(kept), before)
        self.clock.advance(0.1)
        self.assertLess(sys.getrefcount(kept), before)
        while self.consumer.producer:
            self.consumer.producer.resumeProducing()
        self.assertTrue(self.successResultOf(done))
        self.assertEqual(self.consumer.data, contents)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_slow_reader(self) -> None:
        """Whose reader pauses time and again, we are more patient with each time."""
        body = b"x" * 20 * CHUNK
        self.stop_after_each_write()
        made: list[int] = []
        done = self.produce(ReplayableBody(iter((body,)), lambda: made.append(1) or iter((body,))))  # type: ignore[func-returns-value]
        while self.consumer.producer:
            self.clock.advance(5)
            self.consumer.producer.resumeProducing()
        self.assertTrue(self.successResultOf(done))
        self.assertEqual(self.consumer.data, body)
        self.assertEqual(len(made), 3)

    def test_body_that_has_changed(self) -> None:
        """Two bodies are never mixed: one that is another by now, or shorter, breaks off."""
        for other in (b"y" * 5 * CHUNK, b"x" * 5, b""):
            self.setUp()
            self.stop_after_each_write()
            done = self.produce(self.remade(b"x" * 5 * CHUNK, other))
            self.clock.advance(PATIENCE)
            self.consumer.producer.resumeProducing()
            self.failureResultOf(done, Changed)
            self.assertEqual(self.consumer.data, b"x" * CHUNK)

    def test_broken_source(self) -> None:
        """A source that breaks is heard of, and lets go of the request."""

        def broken() -> Iterator[bytes]:
            yield b"x" * CHUNK
            raise ZeroDivisionError

        self.failureResultOf(self.produce(broken()), ZeroDivisionError)
        self.assertIsNone(self.consumer.producer)

    def test_small_pieces_are_put_together(self) -> None:
        """Many small pieces cost few trips to the threads."""
        pieces = self.pieces(3 * CHUNK, 1)
        self.assertEqual([len(take(pieces)) for _ in range(4)], [CHUNK, CHUNK, CHUNK, 0])


class ThreadReactor(MemoryReactorClock):
    """A reactor whose calls from threads are run by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Any] = []
        self.called = threading.Event()

    def callFromThread(self, function: Any, *arguments: Any, **keywords: Any) -> None:
        self.calls.append((function, arguments, keywords))
        self.called.set()


class ReadingPoolTests(SynchronousTestCase):
    """The threads."""

    def test_bound(self) -> None:
        """What does not fit is refused at once, and what ends makes room."""
        reactor = ThreadReactor()
        pool = ReadingPool(reactor, threads=1, waiting=1)  # type: ignore[arg-type]
        pool.start()
        self.addCleanup(pool.stop)
        gate = threading.Event()
        self.addCleanup(gate.set)
        first, second = pool.run(gate.wait), pool.run(int)
        refused = self.failureResultOf(pool.run(int), Refused).value
        self.assertEqual((refused.status, refused.headers), (503, {"Retry-After": "1"}))
        self.assertNoResult(first)
        gate.set()
        while len(reactor.calls) < 2:
            reactor.called.wait(5)
        for function, arguments, keywords in reactor.calls:
            function(*arguments, **keywords)
        self.assertEqual((self.successResultOf(first), self.successResultOf(second)), (True, 0))
        self.assertNoResult(pool.run(int))

    def test_withdrawn(self) -> None:
        """A call that nobody waits for any more is not made, and its place is taken until a thread has seen that."""
        reactor = ThreadReactor()
        pool = ReadingPool(reactor, threads=1, waiting=2)  # type: ignore[arg-type]
        pool.start()
        self.addCleanup(pool.stop)
        gate, made = threading.Event(), list[int]()
        self.addCleanup(gate.set)
        first, second, third = pool.run(gate.wait), pool.run(made.append, 2), pool.run(made.append, 3)
        second.cancel()
        self.failureResultOf(second, CancelledError)
        self.failureResultOf(pool.run(int), Refused)
        gate.set()
        while len(reactor.calls) < 3:
            reactor.called.wait(5)
            reactor.called.clear()
        for function, arguments, keywords in reactor.calls:
            function(*arguments, **keywords)
        self.assertEqual((self.successResultOf(first), self.successResultOf(third)), (True, None))
        self.assertEqual(made, [3])

    def test_left_while_it_is_made(self) -> None:
        """A call that has begun goes on to its end, and whatever comes of it troubles nobody."""
        reactor = ThreadReactor()
        pool = ReadingPool(reactor, threads=1, waiting=0)  # type: ignore[arg-type]
        pool.start()
        self.addCleanup(pool.stop)
        begun, gate = threading.Event(), threading.Event()
        self.addCleanup(gate.set)

        def fail() -> None:
            begun.set()
            gate.wait()
            raise ValueError

        answer = pool.run(fail)
        begun.wait()
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        self.failureResultOf(pool.run(int), Refused)
        gate.set()
        reactor.called.wait(5)
        for function, arguments, keywords in reactor.calls:
            function(*arguments, **keywords)
        self.assertNoResult(pool.run(int))
