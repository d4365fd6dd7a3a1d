"""The data dir: made private, refused when it is not ours alone, and locked by the one process that writes it."""

import fcntl
import os
import stat
from pathlib import Path

from ccsproxy.store.segments.segment import segments_dir

_PRIVATE = 0o700


class DataDirError(Exception):
    """The data dir cannot be used; the message is one sentence for the user."""


class DataDirBusy(DataDirError):
    """Another process writes to the data dir."""


def prepare(data_dir: Path) -> None:
    """Make the data dir and its segments directory, or check that they are the user's own.

    :raises DataDirError: if they cannot be made, are links, belong to someone else, or are open to others.
    """
    _prepare_one(data_dir)
    folder = segments_dir(data_dir)
    if _is_in_the_way(folder):
        folder.rename(folder.with_name(f"{folder.name}.aside-{os.urandom(4).hex()}"))
    _prepare_one(folder)


def _prepare_one(path: Path) -> None:
    try:
        _make(path)
        fact = path.lstat()
    except OSError as error:
        raise DataDirError(
            f"The data dir {path} cannot be made: {error.strerror}; choose another --data-dir."
        ) from None
    if stat.S_ISLNK(fact.st_mode):
        raise DataDirError(f"The data dir {path} is a symbolic link; name the directory that it leads to.")
    if not stat.S_ISDIR(fact.st_mode):
        raise DataDirError(f"The data dir {path} is not a directory; choose another --data-dir.")
    if fact.st_uid != os.geteuid():
        raise DataDirError(f"The data dir {path} belongs to another user (id {fact.st_uid}); choose one of your own.")
    if fact.st_mode & 0o077:
        raise DataDirError(f"The data dir {path} is open to other users; run: chmod 700 {path}")


def _make(path: Path) -> None:
    """Make a directory and those above it, each private from the beginning."""
    if os.path.lexists(path):
        return
    if not path.parent.exists():
        _make(path.parent)
    try:
        path.mkdir(mode=_PRIVATE)
    except FileExistsError:
        pass  # another process was faster; what it made is checked like any other


def _is_in_the_way(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    return not stat.S_ISDIR(mode) and not stat.S_ISLNK(mode)


class Lock:
    """The right to write to a data dir, held until `release` or the end of the process.

    :raises DataDirBusy: if another process, or another store of this one, holds it.
    :raises DataDirError: if the lock file cannot be used.
    """

    def __init__(self, data_dir: Path) -> None:
        path = data_dir / "lock"
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        except OSError as error:
            raise DataDirError(f"The lock file {path} cannot be used: {error.strerror}; remove it.") from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._fd)
            raise DataDirBusy(
                f"Another ccsproxy writes to {data_dir}; stop it, or choose another --data-dir."
            ) from None

    def release(self) -> None:
        """Let others write; harmless when done twice."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
