"""Files with secrets, which are read only if nobody else can read them: keys, tokens, credentials."""

import os
import stat
from pathlib import Path

#: Bytes that a file of secrets may have.
LARGEST = 16 << 20


class OpenToOthers(PermissionError):
    """A file of secrets may be read, or changed, by others; its ``strerror`` says what to do."""


def read_private(path: Path, largest: int = LARGEST) -> bytes:
    """Read a file of secrets.

    It has to be its owner's alone. One of root's may be readable by a group that this process is of: so do container
    platforms mount secrets (Kubernetes: ``defaultMode: 0440`` with ``fsGroup``), and so Debian keeps TLS keys.

    :param largest: bytes that are read of it.
    :raises OpenToOthers: when it is open to others.
    :raises OSError: when it cannot be read.
    """
    # Opened first and looked at afterwards, so that what is judged is what is read. Links are followed: mounted
    # secrets are links, so that all of them are exchanged at once.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if _open_to(os.fstat(descriptor)):
            raise OpenToOthers(0, f"it is open to other users; run: chmod 600 {path}")
        return file.read(largest)


def _open_to(about: os.stat_result) -> int:
    """Return the bits of a file's mode by which others than its owner may read or change it."""
    ours = about.st_uid == 0 and about.st_gid in {os.getegid(), *os.getgroups()}
    return stat.S_IMODE(about.st_mode) & (0o037 if ours else 0o077)
