"""Capture of what is not recorded: that it happened, when, how many bytes, with whom; nothing of its content."""

from __future__ import annotations

import msgspec

from ccsproxy.exchange.relayed import Capture, Ending, NullTap, RequestHead, ResponseHead, Tap


class BlindTap(NullTap):
    """Reports how an exchange ended, and nothing else of it."""

    __slots__ = ("_tap",)

    def __init__(self, tap: Tap) -> None:
        self._tap = tap

    def response_head(self, head: ResponseHead) -> None:
        """Report the status alone."""
        self._tap.response_head(ResponseHead(head.status, head.reason, head.version, b""))

    def response_whole(self, outcome: str, kind: str, message: str) -> None:
        """Report that all has come."""
        self._tap.response_whole(outcome, kind, message)

    def end(self, ending: Ending) -> None:
        """Report the ending; trailers are content."""
        self._tap.end(msgspec.structs.replace(ending, trailers=[]))


class BlindCapture:
    """Announces exchanges without path, header lines and bodies.

    :param capture: who is told.
    """

    def __init__(self, capture: Capture) -> None:
        self._capture = capture

    def begin(self, head: RequestHead) -> Tap:
        """Announce an exchange by its ends."""
        # A path may say what was looked at and by whom; which host was asked is known to the network anyway.
        authority = head.upstream_url.partition("://")[2].encode()
        lines = head.lines if head.method == b"CONNECT" else b""  # those of a CONNECT are meant for us
        blind = msgspec.structs.replace(
            head, target=authority, forwarded_target=authority, lines=lines, transport="tunnel"
        )
        return BlindTap(self._capture.begin(blind))
