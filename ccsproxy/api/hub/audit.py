"""The audit log of the hub: one JSON line per request, in append-only files."""

import errno
import os
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import msgspec

from ccsproxy.errors import ConfigError
from ccsproxy.exchange.ids import iso_time

#: Size in bytes at which a file is rotated; rotated files are their owner's to keep or delete.
LARGEST = 64 << 20
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW


class AuditLog:
    """Appends lines; each has been passed to the kernel when `note` returns, so that no access goes unlogged.

    Invariants: the file under the path is the one written to, even after logrotate or the like has moved it away; an
    incomplete line is not continued by the next one.

    :param largest: size in bytes at which the file is renamed by appending the time.
    :raises ConfigError: if the file cannot be written.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time, largest: int = LARGEST) -> None:
        self._path, self._clock, self._largest = path, clock, largest
        self._file, self._torn = -1, False
        try:
            self._open()
        except OSError as error:
            raise ConfigError("--audit", f"{path} cannot be written: {error.strerror}") from None

    def note(self, person: str | None, method: str, target: str, role: str) -> None:
        """Log a request before it is answered.

        :param person: who sent it; null if unknown.
        :param target: path and query, as received.
        :raises OSError: if it cannot be written.
        """
        now = iso_time(self._clock())
        line = {"at": now, "who": person, "role": role, "method": method, "target": target[:2000]}
        self._follow(now)
        data = (b"\n" if self._torn else b"") + msgspec.json.encode(line) + b"\n"
        # One write per line: with O_APPEND the lines of several processes do not mix.
        written = os.write(self._file, data)
        self._torn = written < len(data)
        if self._torn:
            raise OSError(errno.ENOSPC, "the disk is full")

    def close(self) -> None:
        """Close the file; nothing can be logged afterwards."""
        os.close(self._file)

    def _open(self) -> None:
        file = os.open(self._path, _FLAGS, 0o600)
        if self._file >= 0:
            os.close(self._file)
        self._file = file
        size = os.fstat(file).st_size
        # A file that ends in the middle of a line was cut off when the disk was full or the machine stopped.
        self._torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"

    def _follow(self, now: str) -> None:
        """Write to the file under the path now, and rotate it if it has grown too large."""
        if self._is_ours() and os.fstat(self._file).st_size >= self._largest:
            self._put_aside(now.translate({ord(letter): None for letter in "-:"}))
        if not self._is_ours():
            self._open()

    def _is_ours(self) -> bool:
        try:
            there = self._path.stat(follow_symlinks=False)
        except FileNotFoundError:
            return False
        ours = os.fstat(self._file)
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def _put_aside(self, stamp: str) -> None:
        """Rename the file without overwriting an existing one."""
        for number in count():
            try:
                os.link(self._path, f"{self._path}.{stamp}" + (f"-{number}" if number else ""))
                break
            except FileExistsError:
                continue
        self._path.unlink(missing_ok=True)
