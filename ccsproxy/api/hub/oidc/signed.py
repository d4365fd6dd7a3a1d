"""Signed values: what a browser keeps for us in a cookie and cannot change."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

#: Bytes that a value may have with its signature: browsers drop larger cookies without a word.
LARGEST = 3800


class Signer:
    """Signs values, each for one purpose and for a time.

    :param key: at least 32 bytes; who has it can make any session.
    :param clock: seconds since the epoch.
    """

    def __init__(self, key: bytes, clock: Callable[[], float]) -> None:
        self._key, self._clock = key, clock

    def sign(self, purpose: str, value: Mapping[str, Any], seconds: float) -> str:
        """Return a text for a cookie.

        :param purpose: what it is for; under another it is not read.
        :param seconds: for how long it is good.
        :raises ValueError: when a browser would not keep it.
        """
        said = base64.urlsafe_b64encode(msgspec.json.encode({**value, "exp": self._clock() + seconds}))
        text = f"{said.decode()}.{self._mark(purpose, said)}"
        if len(text) > LARGEST:
            raise ValueError("too much for a cookie")
        return text

    def read(self, purpose: str, text: str) -> dict[str, Any] | None:
        """Return a value that was signed, None when it is not ours, or is good no more."""
        said, _, mark = text.rpartition(".")
        if len(text) > LARGEST or not hmac.compare_digest(mark.encode(), self._mark(purpose, said.encode()).encode()):
            return None
        # Ours from here on: it was made by `sign`.
        value: dict[str, Any] = msgspec.json.decode(base64.urlsafe_b64decode(said))
        return value if value.pop("exp") > self._clock() else None

    def _mark(self, purpose: str, said: bytes) -> str:
        return hmac.new(self._key, purpose.encode() + b"\0" + said, hashlib.sha256).hexdigest()
