"""The shared log: memory that a relay process writes its copies to and that outlives it.

A copy is handed over as soon as it is written: the recorder has the same memory mapped, so it reads what the relay
wrote up to its last instruction, however the relay ended; and what a recorder had taken is still there for the next
one. Only the notification of new data crosses a socket.

Layout, in 64-bit words, then regions of `REGION` bytes::

    counters | SEQ of each entry | PLACE | LENGTH | NONCE (two words) | region 0 | region 1 | ...

An *entry* describes one region of the log: its sequence number (``SEQ``, 0 while the entry is free), where its bytes
are (``PLACE``: a slot of this memory, or a slot of the spill file), and how many there are (``LENGTH``). Invariants:

- The relay alone writes entries and regions, the recorder alone writes the words named for it; each word is written
  in a single store, so that a reader never sees half a word, even from a process that was killed in between.
- Bytes are written before the ``LENGTH`` that covers them, an entry before its ``SEQ``.
- A region contains whole frames. The regions in the order of their ``SEQ`` are everything that the relay has written
  and that is not settled.
- A region's slot is reused only after its entry has changed; a reader checks the entry again after copying,
  and starts over if it has changed.
"""

import contextlib
import fcntl
import mmap
import os
import secrets
from collections import Counter

#: Bytes per region.
REGION = 256 << 10
#: How many regions fit in memory, and how many there are at most, including those in the spill file.
SLOTS = 160
ENTRIES = SLOTS + 4096
#: ``PLACE`` values from here on are slots of the spill file.
IN_FILE = 1 << 32

#: Reasons for dropping exchanges; any other reason is counted as the last.
REASONS = ("queue_full", "shutdown", "recorder", "queue", "disk", "store", "error", "other")

#: Words of the relay: how many exchanges it has accepted and knows as stored; since when (monotonic nanoseconds) the
#: oldest ended exchange has been waiting for its record, 0 for none; how many entries were ever used; how many bytes
#: were ever spilled.
ACCEPTED, STORED, BEHIND_SINCE, USED, SPILLED = 0, 1, 2, 3, 5
#: Word of the recorder: the exchange that it is processing, 0 for none.
WORKING = 4
#: Counters of drops by the relay and by the recorder; one word for each of `REASONS`.
_BY_RELAY, _BY_RECORDER = 8, 24
_TABLE = 64
_WORDS = _TABLE + 5 * ENTRIES
#: Offset of the regions.
REGIONS = -(-_WORDS * 8 // mmap.PAGESIZE) * mmap.PAGESIZE


def make_memory(size: int) -> int:
    """Create anonymous memory that can be passed to another process.

    :param size: in bytes; untouched pages cost nothing.
    :return: its descriptor.
    :raises OSError: if the system provides none.
    """
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("ccsproxy-log", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(descriptor, size)
        # Touching the lost pages of a shortened file would kill the process.
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        return descriptor
    return _named_memory(size)


def _named_memory(size: int) -> int:
    """Create shared memory under a name that is removed at once, for systems without memfd."""
    import _posixshmem  # type: ignore[import-not-found]

    name = f"/ccs-{secrets.token_hex(8)}"
    descriptor: int = _posixshmem.shm_open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode=0o600)
    _posixshmem.shm_unlink(name)
    os.ftruncate(descriptor, size)
    return descriptor


class SharedLog:
    """One relay process's log, as seen by either side.

    :ivar memory: the whole mapping.
    :ivar words: the counters.
    :ivar seq: by entry, the region's sequence number, 0 for a free entry.
    :ivar place: by entry, a slot of the memory, or of the spill file (from `IN_FILE` on).
    :ivar length: by entry, how many bytes of the region are written.
    """

    def __init__(self, descriptor: int) -> None:
        """Map the log.

        :param descriptor: as returned by `SharedLog.make`, in any process; it may be closed afterwards.
        :raises OSError: if it cannot be mapped.
        """
        self.memory = mmap.mmap(descriptor, REGIONS + SLOTS * REGION)
        words = memoryview(self.memory)[: _WORDS * 8].cast("Q")
        self.words = words
        self.seq = words[_TABLE : _TABLE + ENTRIES]
        self.place = words[_TABLE + ENTRIES : _TABLE + 2 * ENTRIES]
        self.length = words[_TABLE + 2 * ENTRIES : _TABLE + 3 * ENTRIES]
        self._nonces = words[_TABLE + 3 * ENTRIES : _TABLE + 5 * ENTRIES]

    @staticmethod
    def make() -> int:
        """Create the memory of an empty log.

        :return: its descriptor.
        :raises OSError: if the system provides none.
        """
        return make_memory(REGIONS + SLOTS * REGION)

    def close(self) -> None:
        """Unmap the log; nothing of it may be used afterwards."""
        for view in (self.seq, self.place, self.length, self._nonces, self.words):
            view.release()
        # A frame that is still referenced keeps the map alive until it is released.
        with contextlib.suppress(BufferError):
            self.memory.close()

    def base(self, slot: int) -> int:
        """Return the offset of a slot in the memory."""
        return REGIONS + slot * REGION

    def nonce(self, entry: int) -> bytes:
        """Return the nonce with which a region was encrypted in the spill file."""
        return b"".join(self._nonces[2 * entry + half].to_bytes(8, "little") for half in (0, 1))

    def set_nonce(self, entry: int, nonce: bytes) -> None:
        """Set the nonce, before the place is changed to one in the spill file."""
        for half in (0, 1):
            self._nonces[2 * entry + half] = int.from_bytes(nonce[8 * half : 8 * half + 8], "little")

    def after(self, seq: int) -> tuple[int, int] | None:
        """Find the region that follows another one.

        :param seq: its sequence number, 0 to find the first region.
        :return: the entry and the sequence number of the next one, None if there is none yet.
        """
        seqs = self.seq
        used = self.words[USED]
        # A linear search: the lowest free entries are used first, so few are in use, and an ordered list would need a
        # lock between two processes.
        following = [(each, entry) for entry in range(used) if (each := seqs[entry]) > seq]
        if not following:
            return None
        found, entry = min(following)
        return entry, found

    def held(self) -> tuple[int, int]:
        """Return how many bytes are held in memory, and how many in the spill file."""
        # Health asks for this every second, and usually nothing is held: then the table of 4,000 entries is not
        # searched.
        if self.words[ACCEPTED] == self.words[STORED] + self.dropped().total():
            return 0, 0
        lengths = [
            (self.place[entry] >= IN_FILE, self.length[entry]) for entry in range(self.words[USED]) if self.seq[entry]
        ]
        in_file = sum(length for spilled, length in lengths if spilled)
        return sum(length for _, length in lengths) - in_file, in_file

    # -- counters ------------------------------------------------------------------------------------------------

    def count_drop(self, reason: str, by_recorder: bool = False) -> None:
        """Count a dropped exchange under its reason."""
        kind = REASONS.index(reason) if reason in REASONS else len(REASONS) - 1
        self.words[(_BY_RECORDER if by_recorder else _BY_RELAY) + kind] += 1

    def dropped(self) -> Counter[str]:
        """Return how many exchanges were dropped, by reason."""
        words = self.words
        return Counter(
            {
                reason: count
                for kind, reason in enumerate(REASONS)
                if (count := words[_BY_RELAY + kind] + words[_BY_RECORDER + kind])
            }
        )
