"""Producers that write a response body in chunks, as fast as its reader accepts them and no faster."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any
from zlib import crc32

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from zope.interface import implementer

from ccsproxy.api.reading import Reading

#: How many bytes are written at a time, and about how many are produced at a time.
CHUNK = 1 << 16
#: Minimum and maximum seconds for which a body that can be produced again is kept while its reader is paused.
PATIENCE, MOST_PATIENCE = 1.0, 32.0


class Changed(Exception):
    """A body is no longer what it was when its beginning was written."""


class ReplayableBody(Iterator[bytes]):
    """A body that can be dropped and continued later: produced again, without what its reader already has."""

    def __init__(self, pieces: Iterator[bytes], make: Callable[[], Iterator[bytes]]) -> None:
        """Start with pieces that have been produced already.

        :param make: produces the same pieces again; called in the thread that takes them.
        """
        self._pieces: Iterator[bytes] | None = pieces
        self._make = make
        self._written = self._sum = 0

    def __next__(self) -> bytes:
        if self._pieces is None:
            self._pieces = skip_written(self._make(), self._written, self._sum)
        return next(self._pieces)

    def detach(self, written: int, known: int) -> None:
        """Drop the body, keeping only the position. Never called while a piece is being taken.

        :param written: how many bytes have been written.
        :param known: their CRC-32.
        """
        self._pieces, self._written, self._sum = None, written, known


@implementer(IPushProducer)
class BodyProducer:
    """The producer of one body. The request pauses it when its transport is full, so only one batch is in memory.

    A batch may be a whole record of many megabytes. If the body can be produced again, nothing of it is kept for a
    reader that stops reading for a while; each time the reader then goes on, the next waiting time is longer.
    """

    def __init__(self, request: Any, pieces: Iterator[bytes], reading: Reading, clock: IReactorTime) -> None:
        self._request, self._reading, self._clock = request, reading, clock
        self._pieces = pieces
        self._batch = memoryview(b"")
        self._written = self._sum = 0
        self._gone = self._paused = False
        self._waiting: Deferred[None] | None = None
        self._patience = PATIENCE
        self._detaching: IDelayedCall | None = None

    async def run(self) -> bool:
        """Write everything.

        :return: whether the reader stayed to the end.
        :raises Changed: if the body has changed since its beginning was written.
        """
        self._request.registerProducer(self, True)
        try:
            while await self._filled():
                await self._ready()
                self._write()
        finally:
            # A request keeps its producer after its reader has left; in that reference cycle a large body would
            # outlive the exchange.
            self._pieces, self._batch = iter(()), memoryview(b"")
            if not self._gone:
                self._request.unregisterProducer()
        return not self._gone

    async def _filled(self) -> bool:
        """Ensure that there is something to write; false at the end, or if the reader is gone."""
        if not self._batch and not self._gone:
            self._batch = memoryview(await self._reading.run(take, self._pieces))
        return bool(self._batch) and not self._gone

    def _write(self) -> None:
        """Write a chunk of the batch, which is empty if it was dropped meanwhile."""
        if self._gone or not self._batch:
            return
        bite, self._batch = bytes(self._batch[:CHUNK]), self._batch[CHUNK:]
        self._written += len(bite)
        self._sum = crc32(bite, self._sum)
        self._request.write(bite)

    def _ready(self) -> Deferred[None]:
        if not self._paused or self._gone:
            return succeed(None)
        self._waiting = Deferred()
        if isinstance(self._pieces, ReplayableBody):
            self._detaching = self._clock.callLater(self._patience, self._detach)
        return self._waiting

    def _detach(self) -> None:
        """Drop the body, keeping only the position."""
        if isinstance(self._pieces, ReplayableBody):
            self._pieces.detach(self._written, self._sum)
            self._batch = memoryview(b"")
            self._patience = min(2 * self._patience, MOST_PATIENCE)

    def pauseProducing(self) -> None:
        """Pause: the transport is full."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Resume: the transport accepts more."""
        self._paused = False
        self._wake()

    def stopProducing(self) -> None:
        """Stop: the reader is gone."""
        self._gone = True
        self._wake()

    def _wake(self) -> None:
        if self._detaching is not None and self._detaching.active():
            self._detaching.cancel()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)


def take(pieces: Iterator[bytes]) -> bytes:
    """Take about one chunk; empty at the end. A single larger piece is taken whole."""
    first = next(pieces, None)
    if first is None:
        return b""
    taken, size = [first], len(first)
    while size < CHUNK:
        piece = next(pieces, None)
        if piece is None:
            break
        taken.append(piece)
        size += len(piece)
    # All pieces may be empty, and empty means the end to the caller.
    return b"".join(taken) or take(pieces)


def skip_written(pieces: Iterator[bytes], written: int, known: int) -> Iterator[bytes]:
    """Skip what the reader of a body already has.

    :param written: how many bytes that is.
    :param known: their CRC-32.
    :raises Changed: if they are no longer the same.
    """
    found, left, rest = 0, written, b""
    while left:
        piece = next(pieces, None)
        if piece is None:
            raise Changed("the body ends before what was already written")
        # Only what the reader has is compared: the rest of the piece is still to be written.
        found = crc32(memoryview(piece)[:left], found)
        rest = piece[left:]
        left = max(left - len(piece), 0)
    if found != known:
        raise Changed("the body does not begin with what was already written")
    return chain((rest,), pieces)
