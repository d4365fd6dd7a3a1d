"""Storage of the interception CA: created on first use, renewed, deleted; its key readable by its owner only."""

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
#: Our files are never larger.
_LARGEST = 1 << 16


class AuthorityError(StartError):
    """The CA cannot be read or created; the message says why and what to do."""


class AuthorityStore:
    """The CA in ``<data-dir>/ca/``; several processes may use it at once.

    The existing CA is used as long as it is good: valid for some time to come, for all wanted hosts, with a key that
    nobody else could have read. Otherwise another one replaces it, and programs started before then have to be
    restarted.

    :param folder: its directory, created when needed.
    :param hosts: the hosts it must be able to vouch for.
    :param now: returns the current time, timezone-aware.
    """

    _log = Logger()

    def __init__(self, folder: Path, hosts: Iterable[str], now: Callable[[], datetime] = utc_now) -> None:
        self.folder = folder
        self._hosts = frozenset(hosts)
        self._now = now

    @property
    def certificate_path(self) -> Path:
        """The certificate file that clients have to trust."""
        return self.folder / CERTIFICATE

    def ensure(self) -> CertifiedKey:
        """Return the CA; create it, or replace one that is not good.

        :raises AuthorityError: if that fails.
        """
        found = self._read()
        if found is not None:
            return found
        with self._locked():
            # Read again under the lock: another process may have created one meanwhile.
            return self._read() or self._make(self._hosts)

    def renew(self) -> CertifiedKey:
        """Replace the CA by a new one.

        :raises AuthorityError: if that fails.
        """
        with self._locked():
            # Agents may be running that trust the old one for hosts this process was not told of.
            return self._make(self._hosts | self._constraints())

    def forget(self) -> bool:
        """Delete the CA; tell whether there was one."""
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
        """Return a value that changes with every new CA, None if there is none; cheap enough to check per
        connection.
        """
        try:
            status = os.stat(self.certificate_path)
        except OSError:
            return None
        # Two files that are replaced within one clock tick still differ in their inode.
        return status.st_mtime_ns, status.st_ino

    def current(self) -> CertifiedKey | None:
        """Return the existing CA if it is good for the wanted hosts; never create one."""
        return self._read()

    def _constraints(self) -> frozenset[str]:
        """Return the hosts that the existing CA was made for, so that a renewed one loses none."""
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
        # Extra hosts do no harm; a missing one would break an agent's connection in the middle of its work.
        if not found.matches or not self._hosts <= constrained_to(found.certificate):
            return False
        return is_good(found.certificate, self._now())

    def _make(self, hosts: frozenset[str]) -> CertifiedKey:
        renewed = self.certificate_path.exists()
        made = make_authority(hosts, self._now())
        # The key first: a reader in between finds a pair that does not match, and waits for our lock.
        self._write(KEY, made.key_pem)
        self._write(CERTIFICATE, made.certificate_pem)
        if renewed:
            self._log.warn("the certificate authority was replaced; restart the agents that are running now")
        return made

    def _write(self, name: str, content: bytes) -> None:
        """Write a file atomically, never readable by others."""
        path, interim = self.folder / name, self.folder / f".{name}.{os.getpid()}"
        try:
            interim.unlink(missing_ok=True)
            # The mode is set on creation: a file restricted afterwards would have been readable for a moment.
            descriptor = os.open(interim, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                # The umask removes bits from the mode above, including the owner's.
                os.fchmod(descriptor, 0o600)
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            os.replace(interim, path)
        except OSError as error:
            raise AuthorityError(f"{path} cannot be written: {error.strerror}.") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Lock the directory, created with mode 0700, so that only one of several processes creates a CA."""
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            # The directory itself is locked: a lock file might be deleted while it is held.
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
    """Read the CA.

    :raises OSError: if a file cannot be read.
    :raises ValueError: if a file has the wrong content, or others could have read the key.
    """
    certificate = _read_file(folder / CERTIFICATE, secret=False)
    return read_identity(certificate, _read_file(folder / KEY, secret=True))


def _read_file(path: Path, *, secret: bool) -> bytes:
    """Read a small regular file, not a link or pipe."""
    # Opened first and checked afterwards, so that the file checked is the file read; a FIFO must not block the start.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            raise ValueError(f"{path} is not a regular file owned by this user")
        # Others may already have a key that they could read: restricting the file now would not help.
        if secret and stat.S_IMODE(status.st_mode) & 0o077:
            raise ValueError(f"{path} could be read by other users")
        return file.read(_LARGEST)
