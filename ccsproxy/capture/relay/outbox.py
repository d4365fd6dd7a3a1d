"""The bounded queue of frames on their way to the recorder: memory first, then the spill file, never relay time.

Order is kept throughout. While anything is spilled, what follows collects in a tail: full batches of it go to the
disk, and a small SPILL frame takes the place of each in the queue. When queue and disk have caught up, the tail
returns to memory.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from twisted.logger import Logger
from twisted.python.failure import Failure

from ccsproxy.capture import frames
from ccsproxy.capture.frames import Encoded, Spilled
from ccsproxy.capture.spill import Spill

#: What a queued frame costs beside its bytes: the objects that hold it.
OVERHEAD = 100
#: How much of the tail goes to the disk at once, in bytes.
BATCH = 256 << 10
#: How many buffers and bytes one system call offers.
BUFFERS, OFFER = 512, 256 << 10
#: How many system calls one flush makes at most before other connections get their turn.
CALLS = 4

_HEAD_SIZE = frames.FRAME_HEAD.size

Send = Callable[[list[bytes | memoryview]], int]


class Outbox:
    """Queues frames, spills what does not fit, and writes to a socket that never blocks.

    :ivar armed: whether somebody is going to call `flush`; the owner clears it.
    :ivar queue_bytes: what the queue holds in memory, tail and batches on their way to the disk not included.
    """

    _log = Logger()

    def __init__(
        self, spill: Spill, arm: Callable[[], None], left: Callable[[bytes], None], bound: int = 8 << 20
    ) -> None:
        """Make an empty one.

        :param arm: called when frames wait and nobody is known to flush.
        :param left: called with each frame but bodies when its last byte is with the kernel.
        :param bound: bytes held in memory before spilling; a quarter of it more is kept for heads and ends.
        """
        self.spill = spill
        self.armed = False
        self.queue_bytes = 0
        self._arm, self._left, self._bound = arm, left, bound
        self._queue: deque[Encoded] = deque()
        self._offset = 0
        self._opening = 0
        self._spilling = False
        self._tail: list[Encoded] = []
        self._tail_bytes = 0
        self._on_disk_way: deque[list[Encoded]] = deque()

    @property
    def full(self) -> bool:
        """Whether not even heads find room, so that whole exchanges have to be left out."""
        return self.queue_bytes + self._tail_bytes > self._bound + self._bound // 4 + BATCH

    @property
    def memory_bytes(self) -> int:
        """All that is held in memory."""
        return self.queue_bytes + self._tail_bytes + self.spill.waiting

    def put_body(self, encoded: Encoded, size: int) -> bool:
        """Queue a body frame.

        :param size: its bytes.
        :return: False when there is no room anywhere; the frame is not taken then.
        """
        if self._spilling or self.queue_bytes + size > self._bound:
            tail = self._tail_bytes + size
            if (tail > BATCH or not self._spilling) and not self.spill.accepts(tail):
                return False
            self._put_tail(encoded, size)
            return True
        self._queue.append(encoded)
        self.queue_bytes += size + OVERHEAD
        if not self.armed:
            self._wake()
        return True

    def put(self, encoded: bytes) -> None:
        """Queue a frame that is always taken: a head, an end, a note of a loss."""
        size = len(encoded)
        if self._spilling or (self.queue_bytes + size > self._bound and self.spill.accepts(size)):
            self._put_tail(encoded, size)
            return
        self._queue.append(encoded)
        self.queue_bytes += size + OVERHEAD
        if not self.armed:
            self._wake()

    def flush(self, send: Send) -> bool:
        """Write as much as the socket takes at once.

        :param send: writes buffers, as `socket.sendmsg` does.
        :return: whether the queue is empty.
        :raises OSError: when the socket is broken; nothing is lost from the queue by it.
        """
        for _ in range(CALLS):
            if not self._queue:
                break
            buffers, offered = self._gather()
            try:
                sent = send(buffers)
            except (BlockingIOError, InterruptedError):
                return False
            self._forget(sent)
            if sent < offered:
                break
        self._settle()
        return not self._queue

    def restart(self, before: Iterable[Encoded]) -> None:
        """Begin again for a new reader: these frames, then all that has not left yet.

        What an earlier reader was to be told before and has not read is forgotten: the new frames say it anew.
        """
        self._offset = 0
        for _ in range(self._opening):
            self.queue_bytes -= frames.size_of(self._queue.popleft()) + OVERHEAD
        again = list(before)
        self._opening = len(again)
        self._queue.extendleft(reversed(again))
        self.queue_bytes += sum(frames.size_of(each) + OVERHEAD for each in again)

    def drop_all(self) -> None:
        """Forget everything that waits, on the disk too."""
        self._queue.clear()
        self._tail, self._tail_bytes = [], 0
        self._offset = self._opening = self.queue_bytes = 0
        self.spill.drop_all()

    def waiting(self) -> Iterator[Encoded]:
        """Yield each frame that is still in memory, in order (SPILL frames stand for what is on the disk)."""
        yield from self._queue
        for run in self._on_disk_way:
            yield from run
        yield from self._tail

    def _wake(self) -> None:
        self.armed = True
        self._arm()

    def _append(self, encoded: Encoded) -> None:
        self._queue.append(encoded)
        self.queue_bytes += frames.size_of(encoded) + OVERHEAD
        if not self.armed:
            self._wake()

    def _put_tail(self, encoded: Encoded, size: int) -> None:
        self._spilling = True
        self._tail.append(encoded)
        self._tail_bytes += size + OVERHEAD
        if self._tail_bytes >= BATCH and self.spill.accepts(self._tail_bytes):
            self._to_disk()
        if not self.armed:
            self._wake()

    def _to_disk(self) -> None:
        run, size = self._tail, self._tail_bytes
        self._tail, self._tail_bytes = [], 0
        self._on_disk_way.append(run)
        writing = self.spill.write(run, size - OVERHEAD * len(run), size)
        writing.addCallbacks(self._written, self._not_written)
        writing.addErrback(lambda failure: self._log.failure("queueing a spilled batch failed", failure))

    def _written(self, where: Spilled) -> None:
        self._on_disk_way.popleft()
        self._append(frames.spill(where))
        self._settle()

    def _not_written(self, failure: Failure) -> None:
        self._log.warn("the spill file takes nothing, bodies are left out: {reason}", reason=failure.value)
        for encoded in frames.without_bodies(self._on_disk_way.popleft(), "spill_failed"):
            self._append(encoded)
        self._settle()

    def _settle(self) -> None:
        """Return to memory when the disk is done and the queue has drained to half of its bound."""
        if not self._spilling or self._on_disk_way or self.queue_bytes > self._bound // 2:
            return
        tail, self._tail, self._tail_bytes, self._spilling = self._tail, [], 0, False
        for encoded in tail:
            self._append(encoded)

    def _gather(self) -> tuple[list[bytes | memoryview], int]:
        buffers: list[bytes | memoryview] = []
        size = 0
        for encoded in self._queue:
            if isinstance(encoded, bytes):
                buffers.append(encoded)
                size += len(encoded)
            else:
                buffers += encoded
                size += _HEAD_SIZE + len(encoded[1])
            if len(buffers) >= BUFFERS or size >= OFFER:
                break
        return (self._skip(buffers), size - self._offset) if self._offset else (buffers, size)

    def _skip(self, buffers: list[bytes | memoryview]) -> list[bytes | memoryview]:
        offset = self._offset
        while offset >= len(buffers[0]):
            offset -= len(buffers.pop(0))
        buffers[0] = memoryview(buffers[0])[offset:]
        return buffers

    def _forget(self, sent: int) -> None:
        sent += self._offset
        queue, gone = self._queue, 0
        while queue:
            encoded = queue[0]
            size = len(encoded) if isinstance(encoded, bytes) else _HEAD_SIZE + len(encoded[1])
            if sent < size:
                break
            sent -= size
            queue.popleft()
            gone += size + OVERHEAD
            self._opening -= self._opening > 0
            if isinstance(encoded, bytes) and encoded[0] not in frames.BODIES:
                self._left(encoded)
        self.queue_bytes -= gone
        self._offset = sent
