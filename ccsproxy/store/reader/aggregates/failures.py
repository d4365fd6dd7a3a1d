"""Errors by cause, each with the retry that succeeded, if any, and the time it cost."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import attr

from ccsproxy.insight.session import Session
from ccsproxy.store.query import Query, parse_query
from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.reader import NotKept, Reader
from ccsproxy.store.reader.session_cache import SessionCache

#: Limits: the newest errors examined, sessions searched for retries, and results remembered.
_ERRORS, _SESSIONS, _REMEMBERED = 1000, 40, 400


@attr.frozen
class Retried:
    """What became of a failed attempt.

    :ivar recovered: whether a later attempt of the same step succeeded.
    :ivar seconds: from its start to that of the next attempt.
    """

    recovered: bool
    seconds: float


class Failures:
    """Matches errors with their retries. May be used by several threads."""

    def __init__(self, reader: Reader, insights: Insights) -> None:
        self._reader, self._insights = reader, insights
        self._held: SessionCache[Mapping[int, Retried]] = SessionCache(_REMEMBERED)

    def by_cause(self, since: int | None, until: int | None) -> dict[str, Any]:
        """Return the causes of errors in a time range, the most frequent first.

        :param since: earliest start, milliseconds since the epoch; None for all time.
        :return: ``rows`` of ``cause``, ``calls``, ``recovered``, ``seconds`` and ``last``; ``left_out``, the number
        of sessions that were not searched for retries, because there are too many.
        """
        query = attr.evolve(parse_query({"q": "errors:yes", "limit": str(_ERRORS)}), since=since, until=until)
        rows: dict[str, dict[str, Any]] = {}
        joined: dict[str, Mapping[int, Retried]] = {}
        items = self._items(query)
        sessions = list(dict.fromkeys(str(each["session_id"]) for each in items))
        for sid in sessions[:_SESSIONS]:
            joined[sid] = self._retried(sid)
        for each in items:
            sid, seq = str(each["session_id"]), int(each["seq"])
            row = rows.setdefault(_cause(each), {"calls": 0, "recovered": 0, "seconds": 0.0, "last": (sid, seq)})
            retried = joined.get(sid, {}).get(seq)
            row["calls"] += 1
            if retried is not None:
                row["recovered"] += retried.recovered
                row["seconds"] += retried.seconds
        ranked = sorted(rows.items(), key=lambda each: -each[1]["calls"])
        return {"rows": [{"cause": cause, **row} for cause, row in ranked], "left_out": len(sessions[_SESSIONS:])}

    def _items(self, query: Query) -> list[dict[str, Any]]:
        return self._reader.requests(query).items

    def _retried(self, sid: str) -> Mapping[int, Retried]:
        return self._held.get(sid, self._reader.stamp(sid), self._match)

    def _match(self, sid: str) -> Mapping[int, Retried]:
        try:
            return retries_of(self._insights.session(sid))
        except NotKept:
            return {}


def retries_of(session: Session) -> dict[int, Retried]:
    """Return what became of each repeated attempt, by its number."""
    found = {}
    for steps in session.steps.values():
        for step in steps:
            for attempt, following in pairwise(step.attempts):
                waited = (following.started_ms - attempt.started_ms) / 1000
                found[attempt.seq] = Retried(not step.call.failed, round(waited, 3))
    return found


def _cause(each: Mapping[str, Any]) -> str:
    """Return the cause of an error: its status with the message, else its outcome."""
    outcome = str(each.get("outcome") or "").replace("_", " ")
    message = " ".join(str(each.get("error_message") or "").split())[:80]
    status = each.get("status")
    if each.get("outcome") == "http_error" and status:
        return f"{status} {message}".strip()
    return f"{outcome}: {message}" if message else outcome
