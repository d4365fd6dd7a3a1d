"""What each request of a session is in the conversation: which step of which turn, a retry, a side call; and what
happened before it."""

from __future__ import annotations

from collections.abc import Mapping

import attr

from ccsproxy.dashboard.service import Service
from ccsproxy.insight.conversation.conversation import marks
from ccsproxy.insight.session import Session
from ccsproxy.insight.words import dollars
from ccsproxy.store.reader.reader import NotKept

#: Verdicts of which a person should know, with the word for them.
_LOST = {
    "miss": "cache missed",
    "changed": "cache missed",
    "expired": "cache expired",
    "rewritten": "cache rewritten",
    "partial": "cache read in part",
}
_SIDE = {"title": "Title call", "quota": "Quota check", "compaction": "Compaction", "side": "Side call"}


@attr.frozen
class StepName:
    """The name of a request in the conversation.

    :ivar name: ``Turn 5, step 2``, ``Title call``, ...
    :ivar repeats: the number of the request that it repeats.
    :ivar cache: what became of its cache, where something was lost; empty otherwise.
    :ivar marks: what happened between the step before and this one, in sentences.
    """

    name: str
    repeats: int | None = None
    cache: str = ""
    marks: tuple[str, ...] = ()


def step_names(service: Service, sid: str) -> Mapping[int, StepName]:
    """Return the names of a session's finished model calls, by number; empty while nothing is known of it."""
    try:
        session = service.insights.session(sid)
    except NotKept:
        return {}
    happened: dict[int, list[str]] = {}
    for mark in marks(session):
        happened.setdefault(mark["seq"], []).append(str(mark["text"]))
    return {
        call.seq: StepName(
            _name(session, call.seq),
            _repeats(session, call.seq),
            _cache(session, call.seq),
            tuple(happened.get(call.seq, ())),
        )
        for call in session.calls
        if call.seq in session.lanes.links
    }


def _name(session: Session, seq: int) -> str:
    call, lane = session.by_seq[seq], session.lane_of(seq)
    place = session.turn_of.get(seq)
    if place is None:
        return _SIDE.get(lane.aside or call.role, "Side call")
    turn, step = place
    own = any(seq == attempt.seq for each in session.turns[turn - 1].steps for attempt in each.attempts)
    return f"Turn {turn}, step {step}" if own else f"Agent's call in turn {turn}"


def _repeats(session: Session, seq: int) -> int | None:
    repeated = session.lanes.links[seq].repeats
    return repeated.seq if repeated else None


def _cache(session: Session, seq: int) -> str:
    verdict = session.verdicts.get(seq)
    if verdict is None or verdict.verdict not in _LOST:
        return ""
    part = f": {verdict.part} changed" if verdict.part else ""
    lost = f", {dollars(verdict.lost_cost)} lost" if verdict.lost_cost else ""
    return f"{_LOST[verdict.verdict]}{part}{lost}"
