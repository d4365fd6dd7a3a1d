"""The API token: a file that only its owner can read."""

import os
import secrets
from pathlib import Path

from ccsproxy.config.private_file import read_private
from ccsproxy.errors import StartError

#: Bytes of randomness in a token (256 bit).
RANDOM_BYTES = 32
#: Characters below which a token would not have 128 bit.
SHORTEST = 22


class TokenError(StartError):
    """The token file cannot be used; the message says why and what to do."""


def read_or_make(path: Path) -> str:
    """Return the token in a file, which is made with a random one when it is not there.

    :raises TokenError: when it cannot be read or made, is too short, or others may read it.
    """
    try:
        return _make(path)
    except FileExistsError:
        return _read(path)
    except OSError as error:
        raise TokenError(f"The API token file {path} cannot be made: {error.strerror}.") from error


def restore(path: Path, token: str) -> None:
    """Write a token again whose file went with the data directory; one that is there stays as it is.

    :raises OSError: when it cannot be written.
    """
    try:
        _make(path, token)
    except FileExistsError:
        pass


def _make(path: Path, token: str = "") -> str:
    token = token or secrets.token_urlsafe(RANDOM_BYTES)
    # Made or refused in one step, so that of two services that begin at once one makes it and the other reads it.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(token + "\n")
    except OSError:
        # A full disk takes the name and no byte: what is left of it would keep every later start from making one.
        path.unlink(missing_ok=True)
        raise
    return token


def _read(path: Path) -> str:
    try:
        token = read_private(path, 4096).decode("utf-8", "replace").strip()
    except OSError as error:
        raise TokenError(f"The API token file {path} cannot be read: {error.strerror}.") from error
    if len(token) < SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        raise TokenError(f"The API token file {path} must hold one token of at least {SHORTEST} ASCII characters.")
    return token
