"""Endings for exchanges whose relay or recorder died before they were over."""

import msgspec

from ccsproxy.capture.frames import WholeFrame
from ccsproxy.capture.journal import Begun
from ccsproxy.exchange.ids import iso_time
from ccsproxy.exchange.outcome import Category, Outcome
from ccsproxy.exchange.record import Client, Error, Record, Started
from ccsproxy.exchange.relayed import Ending, Timing


def cut_ending(outcome: Outcome, kind: str, message: str) -> Ending:
    """Make the ending of an exchange that was cut, nobody knows when."""
    return Ending(outcome, kind, message, 0, Timing(), request_whole=False, response_whole=False)


def whole_ending(whole: WholeFrame, at: int) -> Ending:
    """Make the ending of an exchange whose whole response was there before its relay died.

    :param at: when it was there, microseconds since the exchange began.
    """
    return Ending(whole.outcome, whole.kind, whole.message, at, Timing(last_byte=at))


def only_begun(begun: Begun, session_id: str, seq: int) -> Started:
    """Say what the journal knows of an exchange; what it does not know is null or empty.

    :param session_id: the session that it is given to, because nobody knows which one it belonged to.
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
    """Say in the record of an unclean exchange why nothing more is known of it."""
    error = Error("unclean", "The proxy died, and what it knew of this exchange died with it.")
    return msgspec.structs.replace(record, error=error)
