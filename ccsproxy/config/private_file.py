"""Files with secrets, which are read only if nobody else can read them: keys, tokens, credentials."""

import os
import stat
from pathlib import Path

#: Maximum size of a file with secrets in bytes.
LARGEST = 16 << 20


class OpenToOthers(PermissionError):
    """A file with secrets can be read or changed by other users; its ``strerror`` names the remedy."""


def read_private(path: Path, largest: int = LARGEST) -> bytes:
    """Read a file with secrets.

    Only its owner may have access. A file of root may be readable by a group of this process: container platforms
    mount secrets like this (Kubernetes: ``defaultMode: 0440`` with ``fsGroup``), and Debian keeps TLS keys like this.

    :param largest: how many bytes are read at most.
    :raises OpenToOthers: if others have access.
    :raises OSError: if it cannot be read.
    """
    # Opened first and checked afterwards, so that the file checked is the file read. Links are followed: mounted
    # secrets are links, so that all can be replaced at once.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if _open_to(os.fstat(descriptor)):
            raise OpenToOthers(0, f"it is open to other users; run: chmod 600 {path}")
        return file.read(largest)


def _open_to(about: os.stat_result) -> int:
    """Return the mode bits that allow users other than the owner to read or change the file."""
    ours = about.st_uid == 0 and about.st_gid in {os.getegid(), *os.getgroups()}
    return stat.S_IMODE(about.st_mode) & (0o037 if ours else 0o077)
