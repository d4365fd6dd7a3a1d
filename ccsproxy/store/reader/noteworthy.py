"""Findings and stalls of the newest sessions, cached as long as the sessions do not change."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attr
import msgspec

from ccsproxy.insight.cost.carry import joined_costs, part_costs
from ccsproxy.insight.findings import findings
from ccsproxy.insight.session import Session
from ccsproxy.insight.stalls import StalledCall, stalled_calls, sum_stalls
from ccsproxy.store.reader.aggregates.costs import PARTS
from ccsproxy.store.reader.lists import SessionQuery
from ccsproxy.store.reader.reader import NotKept, Reader
from ccsproxy.store.reader.session_cache import SessionCache

#: How many sessions are examined at a time, and of how many the findings are cached.
LOOKED_THROUGH, HELD = 60, 1200


@attr.frozen
class SessionDigest:
    """What is known about one state of a session.

    :ivar parts: what the parts of its prompts cost, by each of `PARTS`.
    """

    findings: Sequence[dict[str, Any]] = ()
    stalls: Sequence[StalledCall] = ()
    parts: Mapping[str, Sequence[dict[str, Any]]] = attr.field(factory=dict)


class Noteworthy:
    """Examines the newest sessions. May be used by several threads."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._held: SessionCache[SessionDigest] = SessionCache(HELD)

    def findings(self, since: int | None = None) -> list[dict[str, Any]]:
        """Return the findings about the newest sessions that were active since a time, the most important first.

        :param since: milliseconds since the epoch; None for all time.
        """
        found = []
        for each in self._sessions(since):
            title = each.get("title")
            found += [{**finding, "title": title} for finding in self._digest(each["session_id"]).findings]
        return sorted(found, key=_weight, reverse=True)

    def stalls(self, since: int | None, until: int | None) -> dict[str, Any]:
        """Sum up the pauses within responses of the newest sessions (see `ccsproxy.insight.stalls.sum_stalls`).

        :param since: earliest start of a call, milliseconds since the epoch; None for all time.
        :param until: latest start, exclusive; None for now.
        """
        first, end = since or 0, until if until is not None else 1 << 62
        calls = [call for each in self._sessions(since) for call in self._digest(each["session_id"]).stalls]
        return sum_stalls(call for call in calls if first <= call.started_ms < end)

    def part_costs(self, sessions: Iterable[str], by: str) -> list[dict[str, Any]]:
        """Sum up the costs of the parts of some sessions' prompts (see `ccsproxy.insight.cost.carry`)."""
        return joined_costs(self._digest(each).parts.get(by, ()) for each in sessions)

    def _sessions(self, since: int | None) -> list[dict[str, Any]]:
        return self._reader.sessions(SessionQuery(since=since, limit=LOOKED_THROUGH))

    def _digest(self, session_id: str) -> SessionDigest:
        return self._held.get(session_id, self._reader.stamp(session_id), self._examine)

    def _examine(self, session_id: str) -> SessionDigest:
        try:
            session = Session(self._reader.calls(session_id))
        except NotKept:
            return SessionDigest()
        return SessionDigest(
            [msgspec.to_builtins(each) for each in findings(session)],
            stalled_calls(session.calls),
            {by: part_costs([session], by) for by in PARTS},
        )


def _weight(finding: Mapping[str, Any]) -> Any:
    return (finding["kind"] in ("secret", "loss"), finding["cost"] or 0.0, finding["seconds"] or 0.0)
