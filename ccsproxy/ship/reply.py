"""A target's response, and what it means for a batch."""

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import attr

from ccsproxy.ship.target import Rejected, Unavailable

#: Statuses that reject a batch permanently: any other failure may turn into success later.
_NEVER = frozenset({400, 413, 415, 422})
_CREDENTIALS = "; see --ship-credentials"
_HINTS = {
    401: _CREDENTIALS,
    403: _CREDENTIALS,
    404: "; is the path right?",
    **dict.fromkeys((301, 302, 303, 307, 308), "; it sends us elsewhere, which is not followed: is the URL right?"),
    407: "; a proxy is in the way",
}
_PAGE = re.compile(rb"\s*<(!doctype html|html)\b", re.IGNORECASE)


@attr.frozen
class Reply:
    """A target's response.

    :ivar headers: by lower-case name.
    :ivar body: its first bytes.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def retry_after(self) -> float | None:
        """The delay in seconds that it asks for, null if none."""
        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return float(text[:9])
        until = _seconds(text)
        if until is None:
            return None
        # By the target's own clock if known: ours may be wrong by hours.
        now = _seconds(self.headers.get("date", ""))
        return max(until - (time.time() if now is None else now), 0.0)


def judge(reply: Reply, what: str = "it") -> None:
    """Determine what a response means for its batch.

    The response body is not repeated: a server may quote in it what it was sent.

    :param what: the target's name for the message.
    :raises Rejected: if the batch will never be accepted.
    :raises Unavailable: if it may be accepted later.
    """
    status = reply.status
    if 200 <= status < 300:
        # Networks that require a log-in, and servers that do not know the path, answer everything with a web page.
        if _PAGE.match(reply.body):
            raise Unavailable(f"{what} answered with a web page; is the URL right, and the network open?")
        return
    if status in _NEVER:
        raise Rejected(f"{what} answered {status}")
    raise Unavailable(f"{what} answered {status}{_HINTS.get(status, '')}", reply.retry_after)


def _seconds(date: str) -> float | None:
    """Parse an HTTP date (RFC 9110, section 5.6.7), null if it is invalid."""
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except (ValueError, OverflowError):
        return None
