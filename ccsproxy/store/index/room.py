"""Whether the disk has room for an index: records come first, and the index can be built again from them."""

import errno
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from ccsproxy.store.index.file import index_bytes, remove_all

#: Bytes that the file system must have left for an index to be kept, or a quarter of a small one's.
RESERVE = 64 << 20
#: How long the index is left alone after the disk refused to take it, in seconds: at first, and at most.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 60.0
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


def disk_is_full(reason: BaseException) -> bool:
    """Tell whether an error means that the disk, or the user's part of it, has no room left."""
    if isinstance(reason, sqlite3.Error):
        return str(getattr(reason, "sqlite_errorname", "")) == "SQLITE_FULL"
    return isinstance(reason, OSError) and reason.errno in _NO_ROOM


class IndexRoom:
    """Gives the index up when the disk is full, and tells when there is room for it again.

    :param clock: monotonic seconds.
    :ivar given_up: whether the index was given up, and there has been no room for it since.
    """

    def __init__(self, data_dir: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.given_up = False
        self._data_dir = data_dir
        self._clock = clock
        self._needed = 0
        self._not_before = 0.0
        self._pause = FIRST_PAUSE_S

    def is_there(self) -> bool:
        """Tell whether there is room.

        :raises OSError: if the file system cannot be asked.
        """
        # A quota is not in what the file system says of itself: after a refusal only trying tells, in growing pauses.
        if self._clock() < self._not_before:
            return False
        fact = os.statvfs(self._data_dir)
        free, whole = fact.f_bavail * fact.f_frsize, fact.f_blocks * fact.f_frsize
        return free >= min(RESERVE, whole // 4) + self._needed

    def give_up(self, refused: bool = False) -> None:
        """Remove the index, which nobody has open for writing.

        :param refused: whether the disk has refused it, however much room it claims to have.
        :raises OSError: if it cannot be removed.
        """
        # Twice what it was: an index that is made as soon as it just fits would fill the disk again, over and over.
        self._needed = max(self._needed, 2 * index_bytes(self._data_dir) + 1)
        self.given_up = True
        if refused:
            # A quota may be large enough for the records alone: then this much room is never reported as missing.
            self._not_before = self._clock() + self._pause
            self._pause = min(self._pause * 2, LONGEST_PAUSE_S)
        remove_all(self._data_dir)

    def taken(self) -> None:
        """Note that the index was written."""
        self.given_up, self._needed, self._pause = False, 0, FIRST_PAUSE_S
