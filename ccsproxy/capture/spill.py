"""The spill file: where frames wait when the recorder falls behind, nameless and readable by the two processes only.

The file has no name, so nothing of it outlives its processes. What is in it has not been redacted yet, so it is
encrypted with a key that only relay and recorder hold and that is never written anywhere.
"""

import errno
import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import attr
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ccsproxy.capture import frames
from ccsproxy.capture.disk import Disk
from ccsproxy.capture.frames import Encoded, Frame, FrameDecoder, Spilled
from ccsproxy.capture.pending import body_heads

T = TypeVar("T")

#: After a failed write, how many seconds pass before the file is tried again.
RETRY_AFTER = 5.0


def open_nameless(directory: Path) -> int:
    """Open a file of mode 0600 without a name.

    :return: its descriptor.
    :raises OSError: when the directory takes no file.
    """
    try:
        return os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except (AttributeError, OSError):
        descriptor, name = tempfile.mkstemp(prefix=".spill-", dir=directory)
        os.unlink(name)
        return descriptor


class SpillCipher:
    """AES-256 in Galois/counter mode, one random nonce for each batch.

    The library is imported with the first batch: most recorders never see one, and it takes 7 MB. Galois mode is the
    fastest that processors offer (0.06 ms a megabyte against 0.14 for the counter alone), and tells damage beside.
    """

    #: How much longer a batch becomes by it.
    TAG = 16

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._aead: Any = None

    def _cipher(self) -> Any:
        if self._aead is None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            self._aead = AESGCM(self._key)
        return self._aead

    def encrypt(self, nonce: bytes, data: bytes) -> bytes:
        """Encrypt a batch of frames for the disk."""
        encrypted: bytes = self._cipher().encrypt(nonce, data, None)
        return encrypted

    def decrypt(self, nonce: bytes, data: bytes) -> bytes:
        """Decrypt a batch.

        :raises cryptography.exceptions.InvalidTag: when it is not what was encrypted.
        """
        plain: bytes = self._cipher().decrypt(nonce, data, None)
        return plain


def write_batch(descriptor: int, cipher: SpillCipher, where: Spilled, run: Iterable[Encoded], reserve: int) -> None:
    """Encrypt a run of frames and write it to its place.

    :param reserve: how many bytes have to stay free on the file system.
    :raises OSError: when the disk does not take it.
    """
    state = os.fstatvfs(descriptor)
    if state.f_bavail * state.f_frsize < reserve + where.length:
        raise OSError(errno.ENOSPC, "less than the reserve would be left")
    parts: list[bytes] = []
    for each in run:
        if isinstance(each, bytes):
            parts.append(each)
        else:
            parts += each
    view, offset = memoryview(cipher.encrypt(where.nonce, b"".join(parts))), where.offset
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def read_batch(descriptor: int, cipher: SpillCipher, where: Spilled) -> list[Frame]:
    """Read a run of frames back.

    :raises OSError: when the disk does not give it whole.
    :raises cryptography.exceptions.InvalidTag: when it is damaged.
    """
    parts, missing = [], where.length
    while missing:
        part = os.pread(descriptor, missing, where.offset + where.length - missing)
        if not part:
            raise OSError(errno.EIO, "the spill file is shorter than it should be")
        parts.append(part)
        missing -= len(part)
    return FrameDecoder().feed(cipher.decrypt(where.nonce, b"".join(parts)))


@attr.define
class Region:
    """A batch in the file that the recorder has not consumed.

    :ivar heads: see `ccsproxy.capture.pending.body_heads`.
    :ivar sent: whether the SPILL frame has left for the recorder.
    """

    where: Spilled
    heads: bytes
    sent: bool = False


@attr.frozen
class SpillBounds:
    """How much may wait where, in bytes.

    :ivar disk: batches that the disk has not taken yet.
    :ivar file: the file.
    :ivar reserve: what stays free on the file system.
    """

    disk: int = 32 << 20
    file: int = 1 << 30
    reserve: int = 256 << 20


class Spill:
    """The relay's side of the file: writes batches, knows what is in it, starts it afresh when all is consumed."""

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
        """Make one over an open file.

        :param descriptor: the file; None when there is none, so that nothing is ever accepted.
        :param seconds: a monotonic clock.
        """
        self.descriptor, self.waiting, self.total = descriptor, 0, 0
        self.regions: deque[Region] = deque()
        self._cipher, self._disk, self._seconds = SpillCipher(key), disk, seconds
        self._bounds, self._random = bounds or SpillBounds(), random
        self._end, self._closed_until = 0, 0.0

    @property
    def file_bytes(self) -> int:
        """How far the file is used."""
        return self._end

    def accepts(self, size: int) -> bool:
        """Whether a batch of so many bytes would be taken now."""
        return (
            self.descriptor is not None
            and self.waiting + size <= self._bounds.disk
            and self._end + size <= self._bounds.file
            and self._seconds() >= self._closed_until
        )

    def write(self, run: list[Encoded], size: int, weight: int) -> Deferred[Spilled]:
        """Write a batch in the disk's own time.

        :param size: how many bytes its frames have.
        :param weight: what it counts for in memory until it is written, in bytes.
        :return: fires in order with the batch's place; fails when the disk did not take it.
        """
        length = size + SpillCipher.TAG
        where = Spilled(self._end, length, self._random(16))
        self._end += length
        self.waiting += weight
        written = self._disk.run(self._write, self.descriptor, where, run)
        written.addBoth(self._waited, weight)
        return written.addCallbacks(self._keep, self._close_for_a_while)

    def sent(self, where: Spilled) -> None:
        """Note that the recorder has been told of a batch."""
        for region in self.regions:
            if region.where == where:
                region.sent = True
                return

    def consumed(self, offset: int) -> Deferred[list[Frame]]:
        """Give up a batch that the recorder has taken.

        The heads and ends in it are needed again should the recorder die before their exchanges are stored; they are
        read back here, so that they need no memory while they wait.

        :param offset: where the batch began.
        :return: fires with its frames but bodies.
        """
        region = next((each for each in self.regions if each.where.offset == offset), None)
        if region is None or self.descriptor is None:
            done: Deferred[list[Frame]] = Deferred()
            done.callback([])
            return done
        done = self._disk.run(self._read_heads, self.descriptor, region.where)
        done.addErrback(self._unreadable)
        done.addCallback(self._release, region)
        return done

    def drop_all(self) -> None:
        """Forget every batch that the recorder has not consumed."""
        self.regions.clear()
        self._start_afresh()

    def close(self) -> None:
        """Close the file when the disk is done with it."""
        if self.descriptor is not None:
            descriptor, self.descriptor = self.descriptor, None
            self._disk.run(os.close, descriptor).addErrback(
                lambda failure: self._log.failure("the spill file could not be closed", failure)
            )

    def _write(self, descriptor: int | None, where: Spilled, run: list[Encoded]) -> Region:
        if descriptor is None:
            raise OSError(errno.EBADF, "there is no spill file")
        write_batch(descriptor, self._cipher, where, run, self._bounds.reserve)
        return Region(where, body_heads(run))

    def _read_heads(self, descriptor: int, where: Spilled) -> list[Frame]:
        return [each for each in read_batch(descriptor, self._cipher, where) if each.kind not in frames.BODIES]

    def _waited(self, result: T, weight: int) -> T:
        self.waiting -= weight
        return result

    def _keep(self, region: Region) -> Spilled:
        self.regions.append(region)
        self.total += region.where.length
        return region.where

    def _close_for_a_while(self, failure: Failure) -> Failure:
        self._closed_until = self._seconds() + RETRY_AFTER
        self._start_afresh()
        return failure

    def _unreadable(self, failure: Failure) -> list[Frame]:
        self._log.failure("a spilled batch could not be read back", failure)
        return []

    def _release(self, heads: list[Frame], region: Region) -> list[Frame]:
        if region in self.regions:
            self.regions.remove(region)
        self._start_afresh()
        return heads

    def _start_afresh(self) -> None:
        if self.descriptor is None or self.regions or self.waiting or not self._end:
            return
        self._end = 0
        self._disk.run(os.ftruncate, self.descriptor, 0).addErrback(
            lambda failure: self._log.failure("the spill file could not be emptied", failure)
        )
