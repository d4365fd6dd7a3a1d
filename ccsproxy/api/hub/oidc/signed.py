"""Signed values: stored in a cookie by a browser, which cannot change them."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

#: Maximum size of a value with its signature in bytes: browsers silently drop larger cookies.
LARGEST = 3800


class Signer:
    """Signs values, each for one purpose and a limited time.

    :param key: at least 32 bytes; whoever has it can forge any session.
    :param clock: seconds since the epoch.
    """

    def __init__(self, key: bytes, clock: Callable[[], float]) -> None:
        self._key, self._clock = key, clock

    def sign(self, purpose: str, value: Mapping[str, Any], seconds: float) -> str:
        """Return a value as signed text for a cookie.

        :param purpose: the text is not accepted for any other one.
        :param seconds: how long it is valid.
        :raises ValueError: if it is too large for a cookie.
        """
        payload = base64.urlsafe_b64encode(msgspec.json.encode({**value, "exp": self._clock() + seconds}))
        text = f"{payload.decode()}.{self._mark(purpose, payload)}"
        if len(text) > LARGEST:
            raise ValueError("too much for a cookie")
        return text

    def read(self, purpose: str, text: str) -> dict[str, Any] | None:
        """Return the signed value; None if the signature is wrong or the value has expired."""
        payload, _, mark = text.rpartition(".")
        if len(text) > LARGEST or not hmac.compare_digest(
            mark.encode(), self._mark(purpose, payload.encode()).encode()
        ):
            return None
        # Ours from here on: it was made by `sign`.
        value: dict[str, Any] = msgspec.json.decode(base64.urlsafe_b64decode(payload))
        return value if value.pop("exp") > self._clock() else None

    def _mark(self, purpose: str, payload: bytes) -> str:
        return hmac.new(self._key, purpose.encode() + b"\0" + payload, hashlib.sha256).hexdigest()
