"""Endings for exchanges whose relay or recorder died before they ended."""

import msgspec

from ccsproxy.capture.frames import WholeFrame
from ccsproxy.capture.journal import Begun
from ccsproxy.exchange.ids import iso_time
from ccsproxy.exchange.outcome import Category, Outcome
from ccsproxy.exchange.record import Client, Error, Record, Started
from ccsproxy.exchange.relayed import Ending, Timing


def cut_ending(outcome: Outcome, kind: str, message: str) -> Ending:
    """Create the ending of an exchange that was cut at an unknown time."""
    return Ending(outcome, kind, message, 0, Timing(), request_whole=False, response_whole=False)


def whole_ending(whole: WholeFrame, at: int) -> Ending:
    """Create the ending of an exchange whose complete response had arrived before its relay died.

    :param at: when it was complete, microseconds since the exchange began.
    """
    return Ending(whole.outcome, whole.kind, whole.message, at, Timing(last_byte=at))


def only_begun(begun: Begun, session_id: str, seq: int) -> Started:
    """Return what the journal knows of an exchange; everything else is null or empty.

    :param session_id: the session to which it is assigned, because its own is unknown.
    """
    return Started(
        id=begun.id,
        seq=seq,
        session_id=session_id,
        started_at=iso_time(begun.started_at),
        upstream=begun.upstream,
        dialect=None,
        category=str(Category.OTHER),
        model=None,
        client=Client(),
        method="",
        path="",
        headers={},
    )


def died_with_proxy(record: Record) -> Record:
    """Explain in the record of an unclean exchange why nothing more is known of it."""
    error = Error("unclean", "The proxy died, and what it knew of this exchange died with it.")
    return msgspec.structs.replace(record, error=error)
