"""The relay's side of the spill file: which slots are in use, and writing them without blocking."""

import errno
import heapq
import os
from collections.abc import Callable

import attr
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ccsproxy.capture.disk import Disk
from ccsproxy.capture.spill import FILE_SLOT, SpillCipher, write_region

#: Seconds after a failed write before the file is tried again.
RETRY_AFTER = 5.0


@attr.frozen
class SpillBounds:
    """Limits of the spill file, in bytes.

    :ivar file: maximum size of the file.
    :ivar reserve: what must stay free on the file system; a quarter of a small one.
    """

    file: int = 1 << 30
    reserve: int = 256 << 20

    def shared_by(self, relays: int) -> "SpillBounds":
        """Return the limits for one of several relay processes whose files share these limits."""
        return attr.evolve(self, file=self.file // relays)


class Spill:
    """Writes regions to the spill file.

    Invariant: a slot is free, or its region's entry refers to it, or a write to it is in progress.

    :ivar total: bytes that were ever written.
    """

    _log = Logger()

    def __init__(
        self,
        descriptor: int | None,
        key: bytes,
        disk: Disk,
        seconds: Callable[[], float],
        bounds: SpillBounds | None = None,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Manage an open file.

        :param descriptor: the file; None if there is none, so that nothing is ever accepted.
        :param seconds: a monotonic clock.
        """
        self.total = 0
        self._descriptor, self._cipher, self._disk, self._seconds = descriptor, SpillCipher(key), disk, seconds
        self._bounds, self._random = bounds or SpillBounds(), random
        self._free: list[int] = []
        self._used = self._taken = 0
        self._closed_until = 0.0

    @property
    def file_bytes(self) -> int:
        """How many bytes of the file are in use."""
        return self._taken * FILE_SLOT

    @property
    def accepts(self) -> bool:
        """Whether a region would be accepted now."""
        return (
            self._descriptor is not None
            and (bool(self._free) or (self._used + 1) * FILE_SLOT <= self._bounds.file)
            and self._seconds() >= self._closed_until
        )

    def write(self, data: memoryview) -> "Deferred[tuple[int, bytes]]":
        """Write a region in the disk thread; it must not change until then.

        :return: fires with slot and nonce; fails if it could not be written.
        """
        if self._free:
            slot = heapq.heappop(self._free)
        else:
            slot, self._used = self._used, self._used + 1
        self._taken += 1
        nonce = self._random(16)
        written = self._disk.run(self._write, self._descriptor, slot, nonce, data)
        return written.addCallbacks(self._written, self._failed, callbackArgs=(slot, nonce), errbackArgs=(slot,))

    def free(self, slot: int) -> None:
        """Free a slot; a file without used slots is truncated."""
        heapq.heappush(self._free, slot)
        self._taken -= 1
        if not self._taken and self._descriptor is not None:
            self._free, self._used = [], 0
            # In the disk thread's queue: earlier writes are done before it, and later ones start again at slot 0.
            self._disk.run(os.ftruncate, self._descriptor, 0).addErrback(
                lambda failure: self._log.failure("the spill file could not be emptied", failure)
            )

    def close(self) -> None:
        """Close the file after the pending writes."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            self._disk.run(os.close, descriptor).addErrback(
                lambda failure: self._log.failure("the spill file could not be closed", failure)
            )

    def _write(self, descriptor: int | None, slot: int, nonce: bytes, data: memoryview) -> None:
        if descriptor is None:
            raise OSError(errno.EBADF, "there is no spill file")
        write_region(descriptor, self._cipher, slot, nonce, data, self._bounds.reserve)

    def _written(self, _: None, slot: int, nonce: bytes) -> tuple[int, bytes]:
        self.total += FILE_SLOT
        return slot, nonce

    def _failed(self, failure: Failure, slot: int) -> Failure:
        # Otherwise a full disk would be tried again for each region, thousands of times a second, by a relay under
        # load.
        now = self._seconds()
        if now >= self._closed_until:  # of the dozens of failing writes in progress, only the first is logged
            self._log.warn(
                "the spill file cannot be written and is paused for a few seconds: {reason}",
                reason=failure.getErrorMessage(),
            )
        self._closed_until = now + RETRY_AFTER
        self.free(slot)
        return failure
