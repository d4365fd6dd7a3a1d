"""Revoked login sessions: those whose users have logged out before their cookies expired."""

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


class Revocations:
    """Remembers revoked sessions in memory, for a hub that is the only one and forgets its sessions at a restart.

    Invariant: a session stays revoked until its cookie has expired.

    :param clock: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    def __contains__(self, session: str) -> bool:
        """Whether a session is revoked."""
        return session in self._until

    def add(self, session: str, until: float) -> None:
        """Revoke a session.

        :param until: when its cookie expires, in seconds since the epoch.
        :raises OSError: if other hubs, or this one after a restart, could not learn of it.
        """
        self._drop_expired()
        self._until[session] = until

    def _drop_expired(self) -> None:
        now = self._clock()
        self._until = {session: until for session, until in self._until.items() if until > now}


class SharedRevocations(Revocations):
    """Remembers revoked sessions in a file that every hub with the same session key reads, also after a restart.

    The file has one line for each: the time of expiry and the session's id, which nobody can make a cookie of.

    Invariants: lines are written under a lock on the file that the path names, so that none is lost when another hub
    replaces it; what was read once stays known if the file disappears.

    :param path: the file; created, readable by its owner only.
    :raises OSError: if it cannot be written.
    """

    def __init__(self, clock: Callable[[], float], path: Path) -> None:
        super().__init__(clock)
        self._path, self._seen = path, (0, 0, 0)
        with self._locked():
            pass

    def __contains__(self, session: str) -> bool:
        """Whether a session is revoked, by whichever hub."""
        self._refresh()
        return super().__contains__(session)

    def add(self, session: str, until: float) -> None:
        """Revoke a session at all hubs."""
        # At this hub in any case, even if the file cannot be written.
        super().add(session, until)
        with self._locked() as descriptor:
            self._until.update(_revoked(_read(descriptor)))
            self._drop_expired()
            self._replace()

    def _refresh(self) -> None:
        """Read the file if it has changed."""
        try:
            about = os.stat(self._path)
            seen = about.st_ino, about.st_size, about.st_mtime_ns
            if seen != self._seen:
                self._until.update(_revoked(self._path.read_bytes()))
                self._seen = seen
        except OSError:
            return  # what is known stays known; `add` reports a file that cannot be used

    def _replace(self) -> None:
        """Write everything known to a new file, and replace the old one."""
        new = self._path.with_name(self._path.name + ".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_lines(self._until))
            file.flush()
            os.fsync(descriptor)
        os.replace(new, self._path)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Lock the file that the path names, and hold its descriptor."""
        while True:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                # Another hub may have replaced it while this one waited for the lock.
                if os.fstat(descriptor).st_ino == os.stat(self._path).st_ino:
                    yield descriptor
                    return
            finally:
                os.close(descriptor)


def _read(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


def _lines(revoked: Mapping[str, float]) -> bytes:
    return b"".join(f"{until:.0f} {session}\n".encode() for session, until in revoked.items())


def _revoked(text: bytes) -> Iterable[tuple[str, float]]:
    """Read the lines of the file; what is none of ours is skipped."""
    for line in text.decode("ascii", "replace").splitlines():
        until, _, session = line.partition(" ")
        if session and until.isdigit():
            yield session, float(until)
