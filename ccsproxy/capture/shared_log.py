"""The shared log: memory that a relay process writes its copies to and that outlives it.

A copy is given away the moment that it is written here: the recorder has the same memory mapped, so it reads what the
relay wrote up to its last instruction, however the relay ended; and what a recorder had taken is still here for the
next one. Nothing crosses a socket but the word that there is more to read.

Layout, in 64-bit words, then regions of `REGION` bytes::

    counters | SEQ of each entry | PLACE | LENGTH | NONCE (two words) | region 0 | region 1 | ...

An *entry* describes one region of the log: its number in order (``SEQ``, 0 while the entry is free), where its bytes
are (``PLACE``: a slot of this memory, or a slot of the spill file), and how many there are (``LENGTH``). Invariants:

- The relay alone writes entries and regions, the recorder alone writes the words called so; each word is written in
  one store, so that nobody ever reads half a word, also not of a process that was killed in between.
- Bytes are written before the ``LENGTH`` that covers them, an entry before its ``SEQ``.
- A region is whole frames. Regions in the order of their ``SEQ`` are all that the relay has said and that is not
  settled.
- A region's slot is given to another one only when its entry says so; a reader looks at the entry again after it has
  copied, and reads anew when it has changed.
"""

import contextlib
import fcntl
import mmap
import os
import secrets
from collections import Counter

#: Bytes of a region.
REGION = 256 << 10
#: How many regions the memory holds, and how many there are at most, those in the spill file included.
SLOTS = 160
ENTRIES = SLOTS + 4096
#: Places from here on are slots of the spill file.
IN_FILE = 1 << 32

#: Why exchanges are dropped; what is not among them is counted as the last.
REASONS = ("queue_full", "shutdown", "recorder", "queue", "disk", "store", "error", "other")

#: Words of the relay: how many exchanges it has taken and knows as stored; since when (monotonic nanoseconds) the
#: oldest one has waited that the recorder is behind with, 0 for none; how many entries were ever used; how many bytes
#: were ever spilled.
ACCEPTED, STORED, BEHIND_SINCE, USED, SPILLED = 0, 1, 2, 3, 5
#: The word of the recorder: the exchange that it is dealing with, 0 for none.
WORKING = 4
#: Dropped by the relay, and by the recorder; one word for each of `REASONS`.
_BY_RELAY, _BY_RECORDER = 8, 24
_TABLE = 64
_WORDS = _TABLE + 5 * ENTRIES
#: Where the regions begin.
REGIONS = -(-_WORDS * 8 // mmap.PAGESIZE) * mmap.PAGESIZE


def make_memory(size: int) -> int:
    """Make anonymous memory that can be handed to another process.

    :param size: in bytes; pages that nobody writes to cost nothing.
    :return: its descriptor.
    :raises OSError: when the system gives none.
    """
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("ccsproxy-log", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(descriptor, size)
        # A shorter file would kill whoever touches the lost pages.
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        return descriptor
    return _named_memory(size)


def _named_memory(size: int) -> int:
    """Make memory by a name that is taken away at once, where the system knows no other way."""
    import _posixshmem  # type: ignore[import-not-found]

    name = f"/ccs-{secrets.token_hex(8)}"
    descriptor: int = _posixshmem.shm_open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode=0o600)
    _posixshmem.shm_unlink(name)
    os.ftruncate(descriptor, size)
    return descriptor


class SharedLog:
    """One relay's log, as either side sees it.

    :ivar memory: all of it.
    :ivar words: the counters.
    :ivar seq: by entry, the region's number in order, 0 for a free entry.
    :ivar place: by entry, a slot of the memory, or of the spill file (from `IN_FILE` on).
    :ivar length: by entry, how many bytes of the region are written.
    """

    def __init__(self, descriptor: int) -> None:
        """Map it.

        :param descriptor: what `SharedLog.make` has returned, in whatever process; it may be closed afterwards.
        :raises OSError: when it cannot be mapped.
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
        """Make the memory of an empty log.

        :return: its descriptor.
        :raises OSError: when the system gives none.
        """
        return make_memory(REGIONS + SLOTS * REGION)

    def close(self) -> None:
        """Unmap it; nothing of it may be used afterwards."""
        for view in (self.seq, self.place, self.length, self._nonces, self.words):
            view.release()
        # A frame that somebody still reads keeps the map alive; it goes with that frame.
        with contextlib.suppress(BufferError):
            self.memory.close()

    def base(self, slot: int) -> int:
        """Return where a slot begins in the memory."""
        return REGIONS + slot * REGION

    def nonce(self, entry: int) -> bytes:
        """Return the nonce with which a region was encrypted into the spill file."""
        return b"".join(self._nonces[2 * entry + half].to_bytes(8, "little") for half in (0, 1))

    def set_nonce(self, entry: int, nonce: bytes) -> None:
        """Note the nonce, before the place is changed to one in the spill file."""
        for half in (0, 1):
            self._nonces[2 * entry + half] = int.from_bytes(nonce[8 * half : 8 * half + 8], "little")

    def after(self, seq: int) -> tuple[int, int] | None:
        """Find the region that follows one.

        :param seq: its number, 0 to find the first.
        :return: the entry and the number of the next one, None when there is none yet.
        """
        seqs = self.seq
        used = self.words[USED]
        # A plain search: entries are reused lowest first, so that few are in use, and a list kept in order would need
        # a lock between two processes.
        following = [(each, entry) for entry in range(used) if (each := seqs[entry]) > seq]
        if not following:
            return None
        found, entry = min(following)
        return entry, found

    def held(self) -> tuple[int, int]:
        """Return how many bytes wait in memory, and how many in the spill file."""
        # Health asks this every second, and mostly nothing waits: the table of 4,000 entries is not gone through
        # then.
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
