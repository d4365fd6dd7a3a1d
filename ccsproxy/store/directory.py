"""The data directory: made private, refused if others have access, and locked by the one process that writes it."""

import errno
import fcntl
import os
import socket
import stat
import struct
import sys
from hashlib import sha256
from pathlib import Path

from ccsproxy.errors import DataDirError
from ccsproxy.store.segments.segment import segments_dir

_PRIVATE = 0o700
#: The file whose lock grants the right to write.
LOCK = "lock"


class DataDirBusy(DataDirError):
    """Another process writes to the data directory."""


def prepare(data_dir: Path) -> None:
    """Create the data directory and its segments directory, or check that they are private to the user.

    :raises DataDirError: if they cannot be created, are links, belong to someone else, or are open to others.
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
            f"The data dir {path} cannot be created: {error.strerror}; choose another --data-dir."
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
    """Create a directory and its parents, each private from the start."""
    if os.path.lexists(path):
        return
    if not path.parent.exists():
        _make(path.parent)
    try:
        path.mkdir(mode=_PRIVATE)
    except FileExistsError:
        pass  # another process was faster; its directory is checked like any other


def _is_in_the_way(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    return not stat.S_ISDIR(mode) and not stat.S_ISLNK(mode)


class Lock:
    """The right to write to a data directory, held until `release` or the end of the process.

    It is a lock on a file in the data directory and, on Linux, an abstract socket name: so it persists while the
    directory is removed, until this process has created another one under a new lock.

    :raises DataDirBusy: if another process, or another store in this one, holds it.
    :raises DataDirError: if the lock file cannot be used.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._fd = -1
        self._name = _claim_name(data_dir)
        try:
            self._fd = _lock_file(data_dir)
        except BaseException:
            self.release()
            raise

    def held(self) -> bool:
        """Tell whether the data directory is still the locked one; may be called from any thread."""
        try:
            there, ours = os.stat(self._data_dir / LOCK, follow_symlinks=False), os.fstat(self._fd)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def renew(self) -> None:
        """Lock the current data directory after the old one was removed; it is created if it does not exist.

        :raises DataDirBusy: if another process was faster.
        :raises DataDirError: if it cannot be created.
        """
        prepare(self._data_dir)
        old, self._fd = self._fd, _lock_file(self._data_dir)
        os.close(old)

    def release(self) -> None:
        """Release the lock; may be called twice."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
        name, self._name = self._name, None
        if name is not None:
            name.close()


_BUSY = "Another ccsproxy writes to {}; stop it, or choose another --data-dir."


def _lock_file(data_dir: Path) -> int:
    path = data_dir / LOCK
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except OSError as error:
        if error.errno in (errno.EROFS, errno.EACCES, errno.ENOSPC, errno.EDQUOT):
            remedy = f"make {data_dir} writable, or choose another --data-dir"
        else:
            remedy = "remove it"
        raise DataDirError(f"The lock file {path} cannot be used: {error.strerror}; {remedy}.") from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise DataDirBusy(_BUSY.format(data_dir)) from None
    return fd


def _claim_name(data_dir: Path) -> socket.socket | None:
    """Claim a data directory's name in Linux's abstract socket namespace, which is released when the process ends.

    :return: the socket that holds it; null if there is no such namespace, or if another user holds the name.
    :raises DataDirBusy: if another process of this user holds it.
    """
    if not sys.platform.startswith("linux"):
        return None
    folder = os.stat(data_dir.absolute().parent)  # containers may share the namespace and the path, but not the inode
    place = f"{folder.st_dev}:{folder.st_ino}/{data_dir.absolute().name}"
    name = f"\0ccsproxy-{os.geteuid()}-{sha256(os.fsencode(place)).hexdigest()[:32]}".encode()
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        claim.bind(name)
        claim.listen(1)  # so that a process that finds it taken can determine the owner
    except OSError:
        claim.close()
        if _owner_of(name) == os.geteuid():
            raise DataDirBusy(_BUSY.format(data_dir)) from None
        return None
    return claim


def _owner_of(name: bytes) -> int:
    """Return the user of the process that holds a name, -1 if it was released."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.setblocking(False)
        try:
            asking.connect(name)
            _, uid, _ = struct.unpack("iII", asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        except BlockingIOError:  # more processes connect than it can accept: it is held
            return os.geteuid()
        except OSError:
            return -1
        return int(uid)
