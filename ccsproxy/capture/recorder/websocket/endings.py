"""How the exchanges of a WebSocket end: with their own last message, or with the connection."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ccsproxy.exchange.outcome import Outcome
from ccsproxy.exchange.relayed import Ending, Timing

#: Close frames of an orderly end: without a code, 1000 (done), 1001 (going away).
_CLEAN = (b"", b"\x03\xe8", b"\x03\xe9")


def refined(ending: Ending, closed: Mapping[str, bytes]) -> Ending:
    """Determine how a connection ended: its close frames are more precise than its sockets.

    :param closed: the close frames, ``in`` from the server and ``out`` from the client, in order of arrival.
    """
    if ending.outcome not in (Outcome.COMPLETE, Outcome.CLIENT_DISCONNECTED, Outcome.UPSTREAM_TRUNCATED):
        return ending
    told = closed.get("in", closed.get("out"))
    if told is not None and told[:2] in _CLEAN:
        return _changed(ending, Outcome.COMPLETE, "", "")
    if told is not None:
        words = f"The WebSocket was closed with code {int.from_bytes(told[:2], 'big')}."
        return _changed(ending, Outcome.UPSTREAM_TRUNCATED, "websocket_closed", words)
    if ending.outcome == Outcome.COMPLETE:
        words = "The upstream ended the connection without closing the WebSocket."
        return _changed(ending, Outcome.UPSTREAM_TRUNCATED, "upstream_truncated", words)
    return ending


def cut_short(ending: Ending, closed: Mapping[str, bytes]) -> Ending:
    """Explain why a response ended prematurely; its end may be among lost bytes.

    :param ending: the connection's, see `refined`.
    """
    if ending.outcome != Outcome.COMPLETE:
        return ending
    by_client = next(iter(closed), "in") == "out"
    words = f"The {'client' if by_client else 'upstream'} closed the WebSocket before the response had ended."
    if by_client:
        return _changed(ending, Outcome.CLIENT_DISCONNECTED, "client_disconnected", words)
    return _changed(ending, Outcome.UPSTREAM_TRUNCATED, "websocket_closed", words)


def _changed(ending: Ending, outcome: Outcome, kind: str, message: str) -> Ending:
    return msgspec.structs.replace(ending, outcome=str(outcome), kind=kind, message=message)


def exchange_ending(
    times: tuple[int, int | None, int], sizes: tuple[int, int], ending: Ending | None, *, whole: bool, later: bool
) -> Ending:
    """Determine the ending of one exchange.

    :param times: when it began, when the first piece of its response arrived and when its latest message did, in
        microseconds since the connection began.
    :param sizes: bytes of its request and of its response.
    :param ending: the connection's; None if the exchange ended by itself.
    :param whole: its response is complete.
    :param later: it is not the connection's first.
    """
    began, first_at, last_at = times
    at = last_at if ending is None else max(last_at, ending.at)
    first = None if first_at is None else first_at - began
    last = None if first_at is None else last_at - began
    return Ending(
        outcome=ending.outcome if ending is not None else str(Outcome.COMPLETE),
        kind=ending.kind if ending is not None else "",
        message=ending.message if ending is not None else "",
        at=max(0, at - began),
        timing=Timing(connected=0, reused=later, request_sent=0, headers=0, first_byte=first, last_byte=last),
        request_bytes=sizes[0],
        response_bytes=sizes[1],
        response_whole=whole,
    )
