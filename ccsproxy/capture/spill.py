"""The spill file: where regions of the shared log go when there are too many; unnamed and encrypted.

The file is unlinked, so nothing of it outlives its processes. Its content has not been redacted yet, so it is
encrypted with a key that only relay and recorder hold and that is never written anywhere.
"""

import errno
import os
import tempfile
from pathlib import Path
from typing import Any

from ccsproxy.capture.shared_log import REGION


def open_nameless(directory: Path) -> int:
    """Open an unlinked file with mode 0600.

    :return: its descriptor.
    :raises OSError: if the directory does not allow it.
    """
    try:
        return os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except (AttributeError, OSError):
        descriptor, name = tempfile.mkstemp(prefix=".spill-", dir=directory)
        os.unlink(name)
        return descriptor


class SpillCipher:
    """AES-256-GCM, with a random nonce per region.

    The library is imported with the first region: most recorders never see one, and it takes 7 MB. GCM is the fastest
    mode (0.06 ms a megabyte against 0.14 for CTR alone), and detects damage as well.
    """

    #: Bytes that encryption adds to a region.
    TAG = 16

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._aead: Any = None

    def _cipher(self) -> Any:
        if self._aead is None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            self._aead = AESGCM(self._key)
        return self._aead

    def encrypt(self, nonce: bytes, data: bytes | memoryview) -> bytes:
        """Encrypt one region of the log before it is written to disk."""
        encrypted: bytes = self._cipher().encrypt(nonce, data, None)
        return encrypted

    def decrypt(self, nonce: bytes, data: bytes) -> bytes:
        """Decrypt a region.

        :raises cryptography.exceptions.InvalidTag: if it is damaged.
        """
        plain: bytes = self._cipher().decrypt(nonce, data, None)
        return plain


#: Bytes per slot of the file.
FILE_SLOT = REGION + SpillCipher.TAG


def write_region(
    descriptor: int, cipher: SpillCipher, slot: int, nonce: bytes, data: bytes | memoryview, reserve: int
) -> None:
    """Encrypt a region and write it to its slot.

    :param reserve: how many bytes must stay free on the file system; at most a quarter of it, since a volume smaller
    than the reserve could never be used otherwise.
    :raises OSError: if it cannot be written.
    """
    state = os.fstatvfs(descriptor)
    if state.f_bavail * state.f_frsize < min(reserve, state.f_blocks * state.f_frsize // 4) + FILE_SLOT:
        raise OSError(errno.ENOSPC, "less than the reserve would be left")
    view, offset = memoryview(cipher.encrypt(nonce, data)), slot * FILE_SLOT
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def read_region(descriptor: int, cipher: SpillCipher, slot: int, nonce: bytes, length: int) -> bytes:
    """Read a region back.

    :param length: the region's length in bytes.
    :raises OSError: if it cannot be read completely.
    :raises cryptography.exceptions.InvalidTag: if it is damaged.
    """
    parts, missing, end = [], length + SpillCipher.TAG, slot * FILE_SLOT + length + SpillCipher.TAG
    while missing:
        part = os.pread(descriptor, missing, end - missing)
        if not part:
            raise OSError(errno.EIO, "the spill file is shorter than it should be")
        parts.append(part)
        missing -= len(part)
    return cipher.decrypt(nonce, b"".join(parts))
