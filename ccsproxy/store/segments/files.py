"""The file operations of the store: all of its access to the disk goes through here.

Everything that writes takes a `Files`, so that tests can make an operation fail, shorten it, or record the order of
all operations and reconstruct the disk as a crash would leave it.
"""

import errno
import os
import stat
from pathlib import Path

_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_CREATE = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_APPEND = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK

_fdatasync = getattr(os, "fdatasync", os.fsync)


class Files:
    """The real disk. Every method raises ``OSError`` like the system call."""

    def create(self, path: Path) -> int:
        """Create a file that must not exist yet, readable by its owner only, and open it for appending."""
        return os.open(path, _CREATE, 0o600)

    def make_directory(self, path: Path) -> None:
        """Create a private directory and its parents, unless it exists."""
        if not path.exists():
            path.mkdir(mode=0o700, parents=True)

    def open_append(self, path: Path) -> int:
        """Open an existing file for appending and truncating."""
        return os.open(path, _APPEND)

    def open_read(self, path: Path) -> int:
        """Open an existing regular file for reading; never blocks, never follows a link."""
        fd = os.open(path, _READ)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        return fd

    def read(self, fd: int, length: int, offset: int) -> bytes:
        """Read up to ``length`` bytes at an offset."""
        return os.pread(fd, length, offset)

    def size(self, fd: int) -> int:
        """Return the length of an open file in bytes."""
        return os.fstat(fd).st_size

    def is_linked(self, fd: int) -> bool:
        """Tell whether an open file still has a name."""
        return os.fstat(fd).st_nlink > 0

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """Write once, and return how many bytes were written."""
        return os.write(fd, data)

    def truncate(self, fd: int, length: int) -> None:
        """Truncate a file to a length in bytes."""
        os.ftruncate(fd, length)

    def sync(self, fd: int) -> None:
        """Sync a file's content to disk."""
        _fdatasync(fd)

    def close(self, fd: int) -> None:
        """Close a file by its descriptor."""
        os.close(fd)

    def rename(self, source: Path, target: Path) -> None:
        """Rename a file, replacing an existing one."""
        os.rename(source, target)

    def unlink(self, path: Path) -> None:
        """Remove a file from its directory."""
        os.unlink(path)

    def sync_directory(self, path: Path) -> None:
        """Sync a directory's entries (creations, renames, removals) to disk."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def free_bytes(self, path: Path) -> int:
        """Return how many bytes can still be written below a directory."""
        fact = os.statvfs(path)
        return fact.f_bavail * fact.f_frsize


def write_all(files: Files, fd: int, data: bytes) -> int:
    """Write until everything has been passed to the kernel.

    :return: how many bytes were written: ``len(data)``, or fewer, in which case the next write would fail.
    :raises OSError: if not a single byte was written.
    """
    view, done = memoryview(data), 0
    while done < len(data):
        try:
            taken = files.write(fd, view[done:])
        except OSError:
            if not done:
                raise
            return done
        if taken <= 0:
            return done
        done += taken
    return done


def read_exactly(files: Files, fd: int, length: int, offset: int) -> bytes:
    """Read a number of bytes at an offset, however few each read returns; fewer only at the end of the file."""
    data = files.read(fd, length, offset)
    while data and len(data) < length:
        more = files.read(fd, length - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data


def read_all(files: Files, path: Path) -> bytes:
    """Read a whole file.

    :raises OSError: if it cannot be read, or is not a regular file.
    """
    fd = files.open_read(path)
    try:
        pieces, offset = [], 0
        while piece := files.read(fd, 1 << 20, offset):
            pieces.append(piece)
            offset += len(piece)
        return b"".join(pieces)
    finally:
        files.close(fd)


def remove_if_there(files: Files, path: Path) -> None:
    """Remove a file if it exists."""
    try:
        files.unlink(path)
    except FileNotFoundError:
        pass
