"""One finding: a sentence about a session, with its evidence."""

from collections.abc import Iterable
from typing import Any

import msgspec

from ccsproxy.insight.facts import Call
from ccsproxy.insight.session import Session


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence with its evidence.

    :ivar seq: the call to look at first; None if it is about the whole session.
    :ivar cost: US dollars involved; None if not known.
    :ivar links: ``{"seq", "text"}`` of all calls involved.
    """

    kind: str
    text: str
    session_id: str
    seq: int | None = None
    cost: float | None = None
    seconds: float | None = None
    links: tuple[dict[str, Any], ...] = ()


def make_finding(session: Session, kind: str, text: str, calls: Iterable[Call], **more: Any) -> Finding:
    """Make a finding.

    :param calls: all calls involved, the one to look at first at the beginning.
    :param more: ``cost`` and ``seconds``.
    """
    about = list(calls)
    links = tuple({"seq": call.seq, "text": place(session, call)} for call in about[:50])
    first = about[0].seq if about else None
    return Finding(kind=kind, text=text, session_id=session.calls[0].session_id, seq=first, links=links, **more)


def place(session: Session, call: Call) -> str:
    """Name a call as the user counts: by its turn, else by its number."""
    turn = session.turn_of.get(call.seq)
    return f"turn {turn[0]}" if turn and turn[0] else f"call {call.seq}"
