"""Reads a relay's shared log in order, from memory or spill file, even when its writer has died."""

from collections.abc import Iterator
from typing import Any

from twisted.logger import Logger

from ccsproxy.capture.frames import FRAME_HEAD, Frame
from ccsproxy.capture.shared_log import IN_FILE, SharedLog
from ccsproxy.capture.spill import SpillCipher, read_region

#: How far may be read: up to a byte of a region, or all that there is.
Limit = tuple[int, int]
EVERYTHING: Limit = (1 << 63, 0)

_HEAD_SIZE = FRAME_HEAD.size
#: So much is copied at once where frames are small, in bytes.
_TOGETHER = 16 << 10
_unpack = FRAME_HEAD.unpack_from


class LogReader:
    """Yields the frames of one log.

    Invariant: everything before ``seq`` and ``offset`` has been yielded once, nothing behind it.

    :ivar seq: the region that is being read, 0 before the first.
    :ivar offset: how many bytes of it have been read.
    :ivar limit: how far there is something to read.
    """

    _log = Logger()

    def __init__(self, shared: SharedLog, spill: int | None, cipher: SpillCipher) -> None:
        """Read from the beginning.

        :param spill: the spill file.
        """
        self.seq = self.offset = 0
        self.limit: Limit = EVERYTHING
        self._shared, self._spill, self._cipher = shared, spill, cipher
        self._entry = 0
        self._decrypted: tuple[int, bytes] = (0, b"")

    def frames(self) -> Iterator[Frame]:
        """Yield what can be read now; the caller may stop anywhere, and continue later with another call."""
        while True:
            while self.offset + _HEAD_SIZE <= self._length():
                yield from self._some()
            if not self._next_region():
                return

    @property
    def taken(self) -> int:
        """The number of the last region that has been read completely."""
        return max(0, self.seq - 1)

    def again(self) -> "LogReader":
        """Return a reader that starts at the beginning of the existing data."""
        return LogReader(self._shared, self._spill, self._cipher)

    def _some(self) -> Iterator[Frame]:
        """Yield the next frame of this region, and the small ones behind it that one copy holds with it."""
        length, shared = self._length(), self._shared
        place = shared.place[self._entry]
        source, start = self._source(place, length)
        if not source:
            return
        size = _HEAD_SIZE + _unpack(source, start)[1]
        copy = bytes(source[start : start + max(size, min(length - self.offset, _TOGETHER))])
        # Checked after the copy: a region that was given up meanwhile may already contain another's bytes. One that
        # was moved is read again from its new place.
        if shared.seq[self._entry] != self.seq or shared.place[self._entry] != place:
            return
        at, end = 0, len(copy)
        while at + _HEAD_SIZE <= end:
            kind, size, number, when = _unpack(copy, at)
            begin, at = at + _HEAD_SIZE, at + _HEAD_SIZE + size
            if at > end and begin > _HEAD_SIZE:
                return  # only a part of it was copied
            # Before the frame is yielded, because its consumer may call this method again.
            self.offset += _HEAD_SIZE + size
            yield Frame(kind, number, when, copy[begin:at])

    def _length(self) -> int:
        """Return how many bytes of this region may be read; none if it was given up."""
        if not self.seq or self.seq > self.limit[0] or self._shared.seq[self._entry] != self.seq:
            return 0
        return self.limit[1] if self.seq == self.limit[0] else self._shared.length[self._entry]

    def _source(self, place: int, length: int) -> tuple[Any, int]:
        """Return the buffer, and where the next frame begins in it."""
        if place < IN_FILE:
            return self._shared.memory, self._shared.base(place) + self.offset
        if self._decrypted[0] != self.seq:
            self._decrypted = self.seq, self._read_back(place - IN_FILE, length)
        # Nothing of the region can be read: it counts as read, or the reader would never get past it.
        if not self._decrypted[1]:
            self.offset = length
        return self._decrypted[1], self.offset

    def _read_back(self, slot: int, length: int) -> bytes:
        """Read a region of the spill file; one that cannot be read costs only its contents."""
        try:
            if self._spill is None:
                raise OSError("there is no spill file")
            return read_region(self._spill, self._cipher, slot, self._shared.nonce(self._entry), length)
        except Exception:
            # A region that was given up during the read is neither a loss nor an error.
            if self._shared.seq[self._entry] == self.seq:
                self._log.failure("a spilled region could not be read, what it held is lost")
            return b""

    def _next_region(self) -> bool:
        """Go to the following region if this one has been read completely.

        Whether a following region exists is checked first, because only then is this one's length final.
        """
        following = self._shared.after(self.seq)
        if following is None or following[1] > self.limit[0]:
            return False
        # The relay may have written the last frame of this region after we had read it, and before it opened the next
        # one.
        if self.offset + _HEAD_SIZE <= self._length():
            return True
        self._entry, self.seq = following
        self.offset = 0
        self._decrypted = (0, b"")
        return True
