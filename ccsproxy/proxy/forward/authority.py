"""Where the authority of interception is kept: made at first need, renewed, forgotten; its key its owner's alone."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from twisted.logger import Logger

from ccsproxy.errors import StartError
from ccsproxy.proxy.forward.certificates import (
    CertifiedKey,
    constrained_to,
    is_good,
    make_authority,
    read_identity,
    utc_now,
)

CERTIFICATE, KEY = "ca.pem", "ca.key"
#: No file of ours is larger.
_LARGEST = 1 << 16


class AuthorityError(StartError):
    """The authority cannot be read or made; says why and what to do."""


class AuthorityStore:
    """The authority in ``<data-dir>/ca/``; several processes may use it at once.

    What is there is used as long as it is good: valid for some time yet, for all hosts that are wanted, with a key
    that nobody else could have read. Otherwise another one is made in its place, and programs that were started
    before have to be started anew.

    :param folder: where it is, made when it is needed.
    :param hosts: the hosts it has to be good for.
    :param now: tells the time, aware.
    """

    _log = Logger()

    def __init__(self, folder: Path, hosts: Iterable[str], now: Callable[[], datetime] = utc_now) -> None:
        self.folder = folder
        self._hosts = frozenset(hosts)
        self._now = now

    @property
    def certificate_path(self) -> Path:
        """The file that clients are to trust."""
        return self.folder / CERTIFICATE

    def ensure(self) -> CertifiedKey:
        """Return the authority; make it, or another one, if what is there is no good.

        :raises AuthorityError: when that cannot be done.
        """
        found = self._read()
        if found is not None:
            return found
        with self._locked():
            # Read again under the lock: another process may have made one while this one waited for it.
            return self._read() or self._make(self._hosts)

    def renew(self) -> CertifiedKey:
        """Make another authority in place of what is there.

        :raises AuthorityError: when that cannot be done.
        """
        with self._locked():
            # Agents may run that trust the old one for hosts which this process was not told of.
            return self._make(self._hosts | self._constraints())

    def forget(self) -> bool:
        """Delete the authority; tell whether there was one."""
        if not self.folder.is_dir():
            return False
        with self._locked():
            there = [
                path for path in (self.folder / KEY, self.certificate_path) if path.is_symlink() or path.exists()
            ]
            for path in there:
                path.unlink()
        return bool(there)

    def version(self) -> tuple[int, int] | None:
        """Return what changes with every new authority, None when there is none; cheap enough for each connection."""
        try:
            status = os.stat(self.certificate_path)
        except OSError:
            return None
        # Two files that are put in place within one tick of the clock still differ in their inode.
        return status.st_mtime_ns, status.st_ino

    def current(self) -> CertifiedKey | None:
        """Return the authority that is there and good for the hosts that are wanted; never make one."""
        return self._read()

    def _constraints(self) -> frozenset[str]:
        """Return the hosts that the authority which is there was made for, so that a renewed one loses none."""
        try:
            return constrained_to(_load(self.folder).certificate)
        except (OSError, ValueError):
            return frozenset()

    def _read(self) -> CertifiedKey | None:
        try:
            found = _load(self.folder)
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise AuthorityError(f"{error.filename} cannot be read; give it back to the user of ccsproxy.") from None
        except (OSError, ValueError) as error:
            self._log.warn("the certificate authority is not used: {why}", why=str(error))
            return None
        return found if self._is_fit(found) else None

    def _is_fit(self, found: CertifiedKey) -> bool:
        # More hosts than are wanted do no harm; one fewer would break an agent's connection in the middle of its
        # work.
        if not found.matches or not self._hosts <= constrained_to(found.certificate):
            return False
        return is_good(found.certificate, self._now())

    def _make(self, hosts: frozenset[str]) -> CertifiedKey:
        renewed = self.certificate_path.exists()
        made = make_authority(hosts, self._now())
        # The key goes first: a reader between the two finds a pair that does not match, and waits for our lock.
        self._write(KEY, made.key_pem)
        self._write(CERTIFICATE, made.certificate_pem)
        if renewed:
            self._log.warn("the certificate authority was made anew; agents that run now have to be started again")
        return made

    def _write(self, name: str, content: bytes) -> None:
        """Put a file in place in one step, never readable by others."""
        path, interim = self.folder / name, self.folder / f".{name}.{os.getpid()}"
        try:
            interim.unlink(missing_ok=True)
            # The mode is set as the file is made: one that is closed to others afterwards was open to them for a
            # moment.
            descriptor = os.open(interim, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                # The umask takes bits away from the mode above, the owner's included.
                os.fchmod(descriptor, 0o600)
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            os.replace(interim, path)
        except OSError as error:
            raise AuthorityError(f"{path} cannot be written: {error.strerror}.") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the folder, made and closed to others, so that of several processes one makes an authority."""
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            # The folder itself is locked: a lock file would be one more thing that somebody may delete while it is
            # held.
            descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise AuthorityError(f"{self.folder} cannot be used: {error.strerror}.") from None
        try:
            os.fchmod(descriptor, 0o700)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _load(folder: Path) -> CertifiedKey:
    """Read the authority.

    :raises OSError: when a file cannot be read.
    :raises ValueError: when a file is not what it should be, or others could have read the key.
    """
    certificate = _read_file(folder / CERTIFICATE, secret=False)
    return read_identity(certificate, _read_file(folder / KEY, secret=True))


def _read_file(path: Path, *, secret: bool) -> bytes:
    """Read a small plain file, neither link nor pipe."""
    # Opened first and looked at afterwards, so that what is judged is what is read; a FIFO must not hold up the
    # start.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            raise ValueError(f"{path} is no plain file of this user")
        # A key that others could have read may be in their hands already: closing the file now would not help.
        if secret and stat.S_IMODE(status.st_mode) & 0o077:
            raise ValueError(f"{path} could be read by others")
        return file.read(_LARGEST)
