"""The replacement for a secret: its kind, and a tag by which the same secret can be recognised.

The tag is a hash under a key that never leaves the data dir: it identifies one of the user's secrets, and reveals
nothing about the secret to a reader of the record. Its length depends on the secret's: 4 digits for less than 64
letters, 6 for less than 512, 8 for more.
"""

import hashlib
import os
import stat
from pathlib import Path

from ccsproxy.redaction.search.finding import FoundSecret

#: The replacement for values of header fields, parameters and keys known to version 1.
PLACEHOLDER = "<redacted>"
#: The kind of such a value.
FIRST_KIND = "key"
KEY_FILE = "redaction-key"
_KEY_BYTES = 32
_LENGTHS = ((64, 4), (512, 6))
_LONGEST = 8


class Tagger:
    """Computes tags under one key."""

    def __init__(self, key: bytes = b"") -> None:
        """Use a key; if empty, a random one that is lost with the process."""
        self._key = key or os.urandom(_KEY_BYTES)

    def tag(self, secret: bytes) -> str:
        """Return the tag of a secret."""
        length = next((digits for below, digits in _LENGTHS if len(secret) < below), _LONGEST)
        return hashlib.blake2s(secret, key=self._key, digest_size=_LONGEST // 2).hexdigest()[:length]

    def placeholder(self, finding: FoundSecret) -> str:
        """Return the replacement for a finding."""
        if not finding.secret:
            return ""
        if finding.kind == FIRST_KIND:
            return PLACEHOLDER
        return f"<redacted:{finding.kind}:{self.tag(finding.secret)}>"


def read_key(data_dir: Path) -> bytes:
    """Return the key of a data dir, creating it if missing; the file has mode 0600 from its creation.

    :raises OSError: if it can be neither read nor created.
    :raises ValueError: if the file is not a key, or accessible to others.
    """
    path = data_dir / KEY_FILE
    try:
        return _made(path)
    except FileExistsError:
        return _read(path)


def _made(path: Path) -> bytes:
    """Create the file under another name first, so that nobody reads an incomplete key."""
    if path.exists():
        raise FileExistsError
    key = os.urandom(_KEY_BYTES)
    part = path.with_name(f"{KEY_FILE}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        os.write(descriptor, key)
        os.fsync(descriptor)
        os.link(part, path)  # unlike a rename, it fails if the file exists
    finally:
        os.close(descriptor)
        part.unlink()
    return key


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        found = os.fstat(descriptor)
        key = os.read(descriptor, _KEY_BYTES + 1)
    finally:
        os.close(descriptor)
    if not stat.S_ISREG(found.st_mode) or len(key) != _KEY_BYTES or found.st_mode & 0o077:
        raise ValueError(
            f"{path} is no key of {_KEY_BYTES} bytes that only you can read; remove it to get a new one."
        )
    return key
