"""The journal: which exchanges have begun and are not settled, in a file that outlives all of our processes.

When relay, recorder and shared log die together, what only the log held is gone. The journal says of which exchanges,
so that the next start can make an ``unclean`` record of each. It holds ids, times and upstreams' names, and nothing
that was said.

An exchange must be in it before its client has an answer, and writing to a disk may take seconds, so the table is
mapped memory: of a file in the system's memory file system where there is one (it outlives processes, not the
machine), of nameless memory otherwise. Beside it, a copy in the data directory is brought up to date by a thread of
its own, one write a tick; it outlives the machine, and may lack the last tick.

One exchange is one *slot*: number (8 bytes), time (8), id, upstream (text padded with zeros), and whether the log has
gaps in it, or holds nothing more of it. A slot whose number is 0 is free; the number is written last and taken away
first.
"""

import fcntl
import heapq
import mmap
import os
import stat
import struct
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import attr

from ccsproxy.capture.shared_log import make_memory

#: Bytes of a slot; the first one is the file's head.
SLOT = 128
#: The copy is brought up to date by pages of so many bytes.
PAGE = 4096
#: The file begins with so many bytes, and grows by so many.
FIRST, GROWTH = 64 << 10, 512 << 10
_MAGIC = b"ccsproxy journal 1\n"
_HEAD = struct.Struct("<32s96s")
_ENTRY = struct.Struct("<d40s64sB")
_GAPS = 8 + _ENTRY.size - 1
#: What an entry says of the gaps in the log.
_NONE, _INCOMPLETE, _GONE = 0, 1, 2


@attr.frozen
class Begun:
    """An exchange that had begun.

    :ivar number: the relay's own for it.
    :ivar started_at: seconds since the epoch.
    :ivar run: the session of its run.
    :ivar incomplete: something that an earlier recorder had taken of it is not in the log any more.
    :ivar gone: it is over, and nothing of it is in the log any more.
    """

    number: int
    id: str
    started_at: float
    upstream: str
    run: str
    incomplete: bool = False
    gone: bool = False


class Journal:
    """One relay's table of the exchanges that are not settled.

    Invariant: the lowest free slots are used first, so that what is written stays together.

    :ivar dirty: the pages with a slot that the copy does not know.
    :ivar touched: called when the copy, which knew all, does so no longer.
    """

    def __init__(self, descriptor: int) -> None:
        """Map a journal that `make` has made; the descriptor stays the caller's.

        :raises OSError: when it cannot be mapped.
        """
        self._descriptor = descriptor
        self._map = mmap.mmap(descriptor, os.fstat(descriptor).st_size)
        self._numbers = memoryview(self._map).cast("Q")
        # Slot 0 is the head, which makes 0 free to mean "none" wherever a slot is kept. An ascending list is a heap
        # already.
        self._free = list(range(1, len(self._map) // SLOT))
        self.dirty: set[int] = set()
        self.touched: Callable[[], None] = lambda: None

    def begin(self, number: int, exchange_id: str, started_at: float, upstream: str) -> int:
        """Write that an exchange has begun.

        :param number: not 0.
        :return: the slot to `end`, 0 when there is no room for one more.
        """
        if not self._free and not self._grow():
            return 0
        slot = heapq.heappop(self._free)
        at = slot * SLOT
        # Before the number: a reader that sees a number finds everything behind it, also if we are killed between the
        # two.
        _ENTRY.pack_into(self._map, at + 8, started_at, exchange_id.encode()[:40], upstream.encode()[:64], _NONE)
        self._numbers[at // 8] = number
        self._touch(slot)
        return slot

    def mark_incomplete(self, slot: int, gone: bool = False) -> None:
        """Note that the log has gaps in an exchange, which matter to a recorder that begins.

        :param gone: whether it is over, and nothing of it is in the log any more.
        """
        if slot:
            self._map[slot * SLOT + _GAPS] = _GONE if gone else _INCOMPLETE

    def end(self, slot: int) -> None:
        """Take an exchange out, because it is settled."""
        if slot:
            self._numbers[slot * SLOT // 8] = 0
            heapq.heappush(self._free, slot)
            self._touch(slot)

    def changed(self) -> list[tuple[int, bytes]]:
        """Return what the copy does not know yet, and count it as known.

        :return: offsets and bytes.
        """
        dirty, self.dirty = self.dirty, set()
        return [(page * PAGE, self._map[page * PAGE : (page + 1) * PAGE]) for page in sorted(dirty)]

    def unknown(self, offsets: Iterable[int]) -> None:
        """Count pieces that `changed` has returned as not known after all."""
        self.dirty.update(offset // PAGE for offset in offsets)

    def close(self) -> None:
        """Unmap the table; the file stays."""
        self._numbers.release()
        self._map.close()

    def _touch(self, slot: int) -> None:
        page, dirty = slot // (PAGE // SLOT), self.dirty
        if page not in dirty:
            dirty.add(page)
            # Only the first page of a tick: what follows before the copy is made is found by the same write.
            if len(dirty) == 1:
                self.touched()

    def _grow(self) -> bool:
        """Make room for more; a file system that is full must be asked first, for a page that is not there kills."""
        old = len(self._map)
        try:
            # The file first, then the map: memory that is mapped beyond a file's end kills with SIGBUS whoever
            # touches it.
            _allocate(self._descriptor, old, GROWTH)
            grown = mmap.mmap(self._descriptor, old + GROWTH)
        except OSError:
            return False
        self._numbers.release()
        self._map.close()
        self._map = grown
        self._numbers = memoryview(grown).cast("Q")
        self._free = list(range(old // SLOT, (old + GROWTH) // SLOT))
        return True


def make(path: Path | None, run: str) -> int:
    """Make an empty journal.

    :param path: the file, None for nameless memory.
    :param run: the session of this run.
    :return: its descriptor.
    :raises OSError: when neither can be had.
    """
    if path is None:
        descriptor = make_memory(8 << 20)
    else:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            # Held as long as the service or its recorder lives, for `sweep` of others to see.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _allocate(descriptor, 0, FIRST)
        except OSError:
            os.close(descriptor)
            path.unlink()
            raise
    os.pwrite(descriptor, _HEAD.pack(_MAGIC, run.encode()), 0)
    return descriptor


def _allocate(descriptor: int, offset: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, offset, size)
    else:
        os.ftruncate(descriptor, offset + size)


def read(descriptor: int) -> list[Begun]:
    """Read a journal, whoever writes to it meanwhile.

    :return: what has begun and is not settled; nothing when it is no journal.
    """
    size = os.fstat(descriptor).st_size
    magic, run = _HEAD.unpack(os.pread(descriptor, SLOT, 0).ljust(SLOT, b"\0"))
    if magic.rstrip(b"\0") != _MAGIC:
        return []
    found: list[Begun] = []
    offset = SLOT
    while offset < size and (data := os.pread(descriptor, GROWTH, offset)):
        # Most of a journal is free slots: half a megabyte of zeros is passed over in one call.
        if data.count(0) < len(data):
            found += _entries(data, _text(run))
        offset += len(data) // SLOT * SLOT or SLOT
    return found


def _entries(data: bytes, run: str) -> Iterator[Begun]:
    for at in range(0, len(data) - SLOT + 1, SLOT):
        number = int.from_bytes(data[at : at + 8], sys.byteorder)
        if number:
            started_at, exchange_id, upstream, gaps = _ENTRY.unpack_from(data, at + 8)
            yield Begun(number, _text(exchange_id), started_at, _text(upstream), run, gaps != _NONE, gaps == _GONE)


def _text(padded: bytes) -> str:
    return padded.rstrip(b"\0").decode("utf-8", "replace")


def read_file(path: Path) -> list[Begun]:
    """Read a journal by its path; what is no journal of ours holds nothing.

    :raises OSError: when it cannot be read now, and may be later.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return read(descriptor) if stat.S_ISREG(os.fstat(descriptor).st_mode) else []
    finally:
        os.close(descriptor)
