"""Leases on the background service: a locked file per launcher, so that a dead launcher leaves no service behind.

A lease is a file in ``<data-dir>/launch/`` that its holder keeps locked. The kernel unlocks it when the holder ends
for whatever reason, so a file that can be locked is abandoned. ``ccsproxy up`` creates a lease without a holder: a
file with a special name, which only ``ccsproxy down`` removes.
"""

import fcntl
import os
from pathlib import Path

FOLDER, UP = "launch", "up"
_SUFFIX = ".lease"


class Lease:
    """One launcher's lease on the service, held as long as its process lives or until it is closed."""

    def __init__(self, data_dir: Path) -> None:
        folder = folder_of(data_dir)
        self._path = folder / f"{os.getpid()}{_SUFFIX}"
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self) -> None:
        """Release the lease, so that the service may end."""
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


def folder_of(data_dir: Path) -> Path:
    """Return the directory of leases, created privately if it does not exist."""
    folder = data_dir / FOLDER
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # the mode does not apply to parents created by mkdir
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def holders(data_dir: Path) -> int:
    """Count the launchers that use the service, and remove the leases of dead ones."""
    return sum(_is_held(path) for path in folder_of(data_dir).glob(f"*{_SUFFIX}"))


def is_wanted(data_dir: Path) -> bool:
    """Tell whether a launcher uses the service, or the user asked for it to stay."""
    return (folder_of(data_dir) / UP).exists() or holders(data_dir) > 0


def stay_up(data_dir: Path, *, up: bool) -> None:
    """Set whether the service stays without agents."""
    mark = folder_of(data_dir) / UP
    if up:
        mark.touch(mode=0o600)
    else:
        mark.unlink(missing_ok=True)


def _is_held(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # Only a dead holder's file can be locked: it is removed by whoever finds it first.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        path.unlink(missing_ok=True)
        return False
    finally:
        os.close(descriptor)
