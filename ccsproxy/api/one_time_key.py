"""One-time keys in URLs: each opens the dashboard once, for a short time, in the run that made it.

Anyone who can read the token file can make one; the URL with the key is worthless afterwards, wherever it was written
down. Its form is ``<expiry>.<nonce>.<proof>``.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable

#: How many seconds a key is valid.
LIFE = 600
#: Bytes of the random part.
_NONCE = 12


def make_key(token: str, run: str, now: float) -> str:
    """Make a key.

    :param run: the session id of the service's run.
    :param now: seconds since the epoch.
    """
    payload = f"{int(now) + LIFE}.{secrets.token_urlsafe(_NONCE)}"
    return f"{payload}.{_proof(token, run, payload)}"


class KeyRing:
    """Accepts each key once.

    :param token: signs the keys.
    :param run: the session id of this run.
    :param now: returns seconds since the epoch.
    """

    def __init__(self, token: str, run: str, now: Callable[[], float]) -> None:
        self._token, self._run, self._now = token, run, now
        self._used: dict[str, int] = {}

    def accept(self, key: str) -> bool:
        """Tell whether a key is valid, and invalidate it."""
        payload, _, proof = key.rpartition(".")
        expiry = payload.partition(".")[0]
        if not hmac.compare_digest(proof.encode(), _proof(self._token, self._run, payload).encode()):
            return False
        now = self._now()
        # Only unexpired keys need to be remembered: an expired one is refused anyway.
        self._used = {each: until for each, until in self._used.items() if until > now}
        if payload in self._used or not expiry.isdecimal() or int(expiry) <= now:
            return False
        self._used[payload] = int(expiry)
        return True


def _proof(token: str, run: str, payload: str) -> str:
    return hmac.new(token.encode(), f"ccsproxy key {run} {payload}".encode(), hashlib.sha256).hexdigest()
