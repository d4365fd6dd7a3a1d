"""The API token: a file that only its owner can read."""

import os
import secrets
from pathlib import Path

from ccsproxy.config.private_file import read_private
from ccsproxy.errors import StartError

#: Bytes of randomness in a token (256 bit).
RANDOM_BYTES = 32
#: Minimum number of characters; a shorter token would have less than 128 bits.
SHORTEST = 22


class TokenError(StartError):
    """The token file cannot be used; the message says why and what to do."""


def read_or_make(path: Path) -> str:
    """Return the token from a file, which is created with a random one if it does not exist.

    :raises TokenError: if it cannot be read or created, is too short, or others can read it.
    """
    try:
        return _make(path)
    except FileExistsError:
        return _read(path)
    except OSError as error:
        raise TokenError(f"The API token file {path} cannot be created: {error.strerror}.") from error


def restore(path: Path, token: str) -> None:
    """Write a token again whose file was removed with the data directory; an existing file is left alone.

    :raises OSError: if it cannot be written.
    """
    try:
        _make(path, token)
    except FileExistsError:
        pass


def _make(path: Path, token: str = "") -> str:
    token = token or secrets.token_urlsafe(RANDOM_BYTES)
    # Created or refused atomically, so that of two services starting at once one creates it and the other reads it.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(token + "\n")
    except OSError:
        # A full disk creates the name without content: the empty file would keep later starts from creating one.
        path.unlink(missing_ok=True)
        raise
    return token


def _read(path: Path) -> str:
    try:
        token = read_private(path, 4096).decode("utf-8", "replace").strip()
    except OSError as error:
        raise TokenError(f"The API token file {path} cannot be read: {error.strerror}.") from error
    if len(token) < SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        raise TokenError(f"The API token file {path} must contain one token of at least {SHORTEST} ASCII characters.")
    return token
