"""The locations of a data directory's journals, and what earlier runs have left there."""

import contextlib
import fcntl
import hashlib
import os
import stat
from pathlib import Path

import attr

#: Seconds after which an unlocked journal in memory is removed, whoever made it; its copy is in its data directory.
FORGOTTEN_AFTER = 86400.0
#: Where journals live that need not outlive the machine.
_MEMORY_FILES = Path("/dev/shm")  # noqa: S108 - checked before use, see _memory_directory


@attr.frozen
class JournalPlaces:
    """The locations of one data directory's journals.

    :ivar memory: in the system's memory file system, None if we have no directory there.
    :ivar prefix: the prefix of this data directory's files there.
    :ivar disk: in the data directory.
    """

    memory: Path | None
    prefix: str
    disk: Path

    @classmethod
    def of(cls, data_dir: Path, memory_files: Path = _MEMORY_FILES) -> "JournalPlaces":
        """Find the locations, and create missing directories."""
        disk = data_dir / "journal"
        disk.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:16]
        return cls(_memory_directory(memory_files), f"{key}.", disk)

    def paths(self, run: str, relay: int) -> tuple[Path | None, Path]:
        """Return the paths of one relay's journal and of its copy.

        :param relay: the number of the relay process in the run.
        """
        name = f"{run}.{relay}"
        return (self.memory / (self.prefix + name) if self.memory is not None else None), self.disk / name

    def left_behind(self, run: str) -> list[Path]:
        """Return the journals left by earlier runs whose processes are gone.

        :param run: the session id of this run, whose journals are excluded.
        """
        found = [each for each in _listing(self.disk) if not each.name.startswith(f"{run}.")]
        if self.memory is not None:
            mine, now = self.prefix, f"{self.prefix}{run}."
            found += [e for e in _listing(self.memory) if e.name.startswith(mine) and not e.name.startswith(now)]
        # Two runs live at once while one takes over from the other. A recorder that starts only then, because the
        # machine is busy or its predecessor has died, would otherwise report what the other run is relaying as
        # ``unclean``.
        return [each for each in found if not _is_held(each)]


def _memory_directory(files: Path) -> Path | None:
    """Return a directory that is ours alone, or None: somebody else may have created one with that name."""
    path = files / f"ccsproxy-{os.getuid()}"
    try:
        if not files.is_dir():
            return None
        if not path.exists():
            path.mkdir(mode=0o700)
        state = os.lstat(path)
    except OSError:
        return None
    ours = stat.S_ISDIR(state.st_mode) and state.st_uid == os.getuid() and not state.st_mode & 0o077
    return path if ours else None


def sweep(directory: Path, now: float) -> None:
    """Remove old journals that are not locked: their data directories may have been deleted.

    :param directory: in the memory file system, ours alone.
    :param now: seconds since the epoch.
    """
    for path in _listing(directory):
        with contextlib.suppress(OSError):
            if now - path.lstat().st_mtime > FORGOTTEN_AFTER and not _held(path):
                path.unlink()


def _is_held(path: Path) -> bool:
    """Whether a process that may write to a journal lives; false for one that is gone or cannot be opened."""
    try:
        return _held(path)
    except OSError:
        return False


def _held(path: Path) -> bool:
    """Whether a process that may write to a journal lives.

    :raises OSError: if the file cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _listing(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except OSError:
        return []
