"""Capture of exchanges whose content is not recorded: only that they happened, when, with whom, and how many
bytes.
"""

from __future__ import annotations

import msgspec

from ccsproxy.exchange.relayed import Capture, Ending, NullTap, RequestHead, ResponseHead, Tap


class BlindTap(NullTap):
    """Passes on the status and the ending of an exchange, but no content."""

    __slots__ = ("_tap",)

    def __init__(self, tap: Tap) -> None:
        self._tap = tap

    def response_head(self, head: ResponseHead) -> None:
        """Pass on the status alone."""
        self._tap.response_head(ResponseHead(head.status, head.reason, head.version, b""))

    def response_whole(self, outcome: str, kind: str, message: str) -> None:
        """Pass on that the response is complete."""
        self._tap.response_whole(outcome, kind, message)

    def end(self, ending: Ending) -> None:
        """Pass on the ending without trailers, which are content."""
        self._tap.end(msgspec.structs.replace(ending, trailers=[]))


class BlindCapture:
    """Captures exchanges without path, header lines and bodies.

    :param capture: the capture to pass them to.
    """

    def __init__(self, capture: Capture) -> None:
        self._capture = capture

    def begin(self, head: RequestHead) -> Tap:
        """Start capturing an exchange with its two ends only."""
        # A path may reveal content and users; the host is visible to the network anyway.
        authority = head.upstream_url.partition("://")[2].encode()
        lines = head.lines if head.method == b"CONNECT" else b""  # the lines of a CONNECT are meant for us
        blind = msgspec.structs.replace(
            head, target=authority, forwarded_target=authority, lines=lines, transport="tunnel"
        )
        return BlindTap(self._capture.begin(blind))
