"""The journal: which exchanges have begun and are not settled, in a file that outlives all of our processes.

When relay, recorder and shared log die together, what was only in the log is lost. The journal lists the exchanges
concerned, so that the next start can write an ``unclean`` record for each. It contains ids, times and upstream names,
but no content.

An exchange must be in it before its client gets a response, and a disk write may take seconds, so the table is mapped
memory: a file in the system's memory file system where there is one (it outlives processes, but not the machine),
anonymous memory otherwise. In addition, a copy in the data directory is updated by a thread of its own, one write per
tick; it outlives the machine, and may lack the last tick.

Each exchange occupies one *slot*: number (8 bytes), time (8), id, upstream (text padded with zeros), and whether the
log has gaps in it or no longer contains it. A slot with number 0 is free; the number is written last and cleared
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

#: Bytes per slot; the first one is the file's head.
SLOT = 128
#: The copy is updated in pages of this many bytes.
PAGE = 4096
#: Initial size of the file, and the step by which it grows, in bytes.
FIRST, GROWTH = 64 << 10, 512 << 10
_MAGIC = b"ccsproxy journal 1\n"
_HEAD = struct.Struct("<32s96s")
_ENTRY = struct.Struct("<d40s64sB")
_GAPS = 8 + _ENTRY.size - 1
#: Values of an entry's gap byte.
_NONE, _INCOMPLETE, _GONE = 0, 1, 2


@attr.frozen
class Begun:
    """An exchange that had begun.

    :ivar number: the number assigned by its relay process.
    :ivar started_at: seconds since the epoch.
    :ivar run: the session id of its run.
    :ivar incomplete: part of what an earlier recorder had taken of it is no longer in the log.
    :ivar gone: it has ended, and nothing of it is left in the log.
    """

    number: int
    id: str
    started_at: float
    upstream: str
    run: str
    incomplete: bool = False
    gone: bool = False


class Journal:
    """One relay process's table of the exchanges that are not settled.

    Invariant: the lowest free slots are used first, so that what is written stays together.

    :ivar dirty: pages with changes that the copy lacks.
    :ivar touched: called when an up-to-date copy becomes outdated.
    """

    def __init__(self, descriptor: int) -> None:
        """Map a journal created by `make`; the descriptor remains owned by the caller.

        :raises OSError: if it cannot be mapped.
        """
        self._descriptor = descriptor
        self._map = mmap.mmap(descriptor, os.fstat(descriptor).st_size)
        self._numbers = memoryview(self._map).cast("Q")
        # Slot 0 is the head, so 0 can mean "none" wherever a slot is stored. An ascending list is already a heap.
        self._free = list(range(1, len(self._map) // SLOT))
        self.dirty: set[int] = set()
        self.touched: Callable[[], None] = lambda: None

    def begin(self, number: int, exchange_id: str, started_at: float, upstream: str) -> int:
        """Enter an exchange that has begun.

        :param number: not 0.
        :return: the slot to pass to `end`, 0 if there is no room.
        """
        if not self._free and not self._grow():
            return 0
        slot = heapq.heappop(self._free)
        at = slot * SLOT
        # Before the number: a reader that sees a number finds complete data behind it, even if we are killed in
        # between.
        _ENTRY.pack_into(self._map, at + 8, started_at, exchange_id.encode()[:40], upstream.encode()[:64], _NONE)
        self._numbers[at // 8] = number
        self._touch(slot)
        return slot

    def mark_incomplete(self, slot: int, gone: bool = False) -> None:
        """Mark that the log has gaps in an exchange, which matters to a new recorder.

        :param gone: whether it has ended, and nothing of it is left in the log.
        """
        if slot:
            self._map[slot * SLOT + _GAPS] = _GONE if gone else _INCOMPLETE

    def end(self, slot: int) -> None:
        """Remove an exchange, because it is settled."""
        if slot:
            self._numbers[slot * SLOT // 8] = 0
            heapq.heappush(self._free, slot)
            self._touch(slot)

    def changed(self) -> list[tuple[int, bytes]]:
        """Return what the copy lacks, and mark it as copied.

        :return: offsets and bytes.
        """
        dirty, self.dirty = self.dirty, set()
        return [(page * PAGE, self._map[page * PAGE : (page + 1) * PAGE]) for page in sorted(dirty)]

    def not_copied(self, offsets: Iterable[int]) -> None:
        """Mark pieces returned by `changed` as not copied after all."""
        self.dirty.update(offset // PAGE for offset in offsets)

    def close(self) -> None:
        """Unmap the table; the file remains."""
        self._numbers.release()
        self._map.close()

    def _touch(self, slot: int) -> None:
        page, dirty = slot // (PAGE // SLOT), self.dirty
        if page not in dirty:
            dirty.add(page)
            # Only the first page of a tick: later changes before the copy is made go into the same write.
            if len(dirty) == 1:
                self.touched()

    def _grow(self) -> bool:
        """Enlarge the table; space must be allocated first, since touching a missing page on a full file system
        kills.
        """
        old = len(self._map)
        try:
            # The file first, then the map: touching memory mapped beyond a file's end raises SIGBUS.
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
    """Create an empty journal.

    :param path: the file, None for anonymous memory.
    :param run: the session id of this run.
    :return: its descriptor.
    :raises OSError: if it cannot be created.
    """
    if path is None:
        descriptor = make_memory(8 << 20)
    else:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            # Locked while the service or its recorder lives, so that other processes' `sweep` leaves it alone.
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
    """Read a journal, which may be written to meanwhile.

    :return: what has begun and is not settled; nothing if it is not a journal.
    """
    size = os.fstat(descriptor).st_size
    magic, run = _HEAD.unpack(os.pread(descriptor, SLOT, 0).ljust(SLOT, b"\0"))
    if magic.rstrip(b"\0") != _MAGIC:
        return []
    found: list[Begun] = []
    offset = SLOT
    while offset < size and (data := os.pread(descriptor, GROWTH, offset)):
        # Most of a journal is free slots: half a megabyte of zeros is skipped in one call.
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
    """Read a journal by its path; a file that is not a journal yields nothing.

    :raises OSError: if it cannot be read now, but may be later.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return read(descriptor) if stat.S_ISREG(os.fstat(descriptor).st_mode) else []
    finally:
        os.close(descriptor)
