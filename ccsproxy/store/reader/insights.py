"""Answers questions of insight; API, commands and pages all ask here.

Sessions are assembled from the facts in the index, and cached as long as they do not change.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from ccsproxy.insight.conversation.conversation import conversation, sums
from ccsproxy.insight.conversation.times import call_times
from ccsproxy.insight.cost.budget import Budget
from ccsproxy.insight.cost.carry import heaviest
from ccsproxy.insight.cost.charges import charges
from ccsproxy.insight.cost.context import context
from ccsproxy.insight.facts import Call
from ccsproxy.insight.findings import findings
from ccsproxy.insight.leaks import leaks
from ccsproxy.insight.limits.forecast import limits_now
from ccsproxy.insight.prompt.comparison import compare, exact_difference
from ccsproxy.insight.prompt.layout import layout
from ccsproxy.insight.prompt.prompts import listing
from ccsproxy.insight.session import Session
from ccsproxy.store.query import Query
from ccsproxy.store.reader.aggregates.budgets import spent_now
from ccsproxy.store.reader.aggregates.costs import PARTS
from ccsproxy.store.reader.noteworthy import LOOKED_THROUGH, Noteworthy
from ccsproxy.store.reader.reader import NotKept, Reader
from ccsproxy.store.reader.records import not_found
from ccsproxy.store.reader.session_cache import SessionCache
from ccsproxy.store.state.annotations import Annotation
from ccsproxy.store.summary import cost_gap, read_entry

#: How many sessions are cached.
_HELD = 4
#: Older readings of limits are useless: the longest window is a week.
_LIMITS_MS = 8 * 86_400_000


class Insights:
    """Answers from a reader. May be used by several threads."""

    def __init__(
        self,
        reader: Reader,
        clock: Callable[[], float] = time.time,
        budgets: Callable[[], Sequence[Budget]] = tuple,
    ) -> None:
        self._budgets = budgets
        self._reader = reader
        self._clock = clock
        self._sessions: SessionCache[Session] = SessionCache(_HELD)
        self._noteworthy = Noteworthy(reader)

    @property
    def groups(self) -> Sequence[str]:
        """What costs may be grouped by, besides the parts of prompts."""
        return self._reader.groups

    def session(self, session_id: str) -> Session:
        """Return a session.

        :raises NotKept: if it is unknown.
        """
        stamp = self._reader.stamp(session_id)
        if stamp is None:
            raise not_found(self._reader, f"session {session_id}")
        return self._sessions.get(session_id, stamp, lambda name: Session(self._reader.calls(name)))

    def call(self, session_id: str, seq: int) -> tuple[Session, Call]:
        """Return a call with its session.

        :raises NotKept: if it is unknown, or still in progress.
        """
        session = self.session(session_id)
        call = session.by_seq.get(seq)
        if call is None:
            raise not_found(self._reader, f"finished request {seq} in session {session_id}")
        return session, call

    def conversation(self, session_id: str) -> dict[str, Any]:
        """Return a session as the user experienced it."""
        return conversation(self.session(session_id))

    def findings(self, session_id: str) -> list[dict[str, Any]]:
        """Return the findings about a session, the most important first."""
        return [msgspec.to_builtins(each) for each in findings(self.session(session_id))]

    def findings_since(self, since: int | None = None) -> list[dict[str, Any]]:
        """Return the findings about the newest sessions that were active since a time."""
        return self._noteworthy.findings(since)

    def stalls(self, since: int | None = None, until: int | None = None) -> dict[str, Any]:
        """Return the pauses within responses of the newest sessions, by model."""
        return self._noteworthy.stalls(since, until)

    def context(self, session_id: str, seq: int) -> dict[str, Any]:
        """Return the attribution of a call's prompt."""
        session, call = self.call(session_id, seq)
        if call.category != "model":
            raise NotKept(f"request {seq} of session {session_id} is not a call of a model")
        return context(session.sizes[seq], session.sent, session.thoughts)

    def cache(self, session_id: str, seq: int) -> dict[str, Any]:
        """Return the cache verdict of a call, with the first difference exact to the character."""
        session, _ = self.call(session_id, seq)
        verdict = session.verdicts.get(seq)
        if verdict is None:
            raise NotKept(f"request {seq} of session {session_id} is not a call of a model")
        answer: dict[str, Any] = {"session_id": session_id, "seq": seq, **msgspec.to_builtins(verdict)}
        answer["turn"] = session.turn_of.get(seq, (None, None))[0]
        changed = verdict.part in ("tools", "system", "messages") and verdict.previous is not None
        answer["exact"] = self._exact(session_id, verdict.previous, seq) if changed else None
        return answer

    def _exact(self, session_id: str, before: int | None, seq: int) -> dict[str, Any] | None:
        try:
            old, new = self._reader.records(session_id, [before or 0, seq])
        except NotKept:
            return None
        return exact_difference(old, new)

    def cost(self, session_id: str, seq: int) -> dict[str, Any]:
        """Return the breakdown of a call's price, and its share of the session's."""
        session, call = self.call(session_id, seq)
        total = sums(session.calls)
        share = call.cost / total["cost"] if call.cost is not None and total["cost"] else None
        turn, step = session.turn_of.get(seq, (None, None))
        return {
            "session_id": session_id, "seq": seq, "model": call.who or None, "turn": turn, "step": step,
            **msgspec.to_builtins(charges(call)), "at_least": call.at_least,
            "gap": self._gap(session_id, seq) if call.cost is None or call.at_least else None,
            "tokens": msgspec.structs.asdict(call.tokens),
            "rates": None if call.rates is None else msgspec.structs.asdict(call.rates),
            "share_of_session": None if share is None else round(share, 6),
            "session": {name: total[name] for name in ("cost", "unpriced", "requests")},
        }  # fmt: skip

    def _gap(self, session_id: str, seq: int) -> str | None:
        """Return why a call has no price; the facts only say that it has none, the record what is missing."""
        try:
            return cost_gap(read_entry(self._reader.line(session_id, seq)), self._reader.price)
        except (NotKept, ValueError):
            return None

    def why(self, session_id: str, seq: int) -> dict[str, Any]:
        """Return cost, cache and time of a call together, and a summary of it."""
        session, call = self.call(session_id, seq)
        link = session.lanes.links[seq]
        times = call_times(call)
        return {
            "cost": self.cost(session_id, seq),
            "cache": self.cache(session_id, seq) if seq in session.verdicts else None,
            "times": times.as_dict(),
            "stalls": [{"at_ms": at, "ms": gap} for at, gap in call.stalls],
            "outcome": call.outcome, "status": call.status, "error": call.error or None,
            "prompt": call.prompt, "agent": call.agent or None, "role": call.role,
            "repeats": link.repeats.seq if link.repeats else None,
            "previous": link.before.seq if link.before else None,
            "findings": [each for each in self.findings(session_id) if any(k["seq"] == seq for k in each["links"])],
        }  # fmt: skip

    def weights(self, session_id: str) -> dict[str, Any]:
        """Return what was sent repeatedly in a session, the costliest first."""
        return {"session_id": session_id, "pieces": list(heaviest(self.session(session_id).carried))}

    def diff(self, a: tuple[str, int], b: tuple[str, int]) -> dict[str, Any]:
        """Compare two requests of any sessions.

        :raises NotKept: if one of them does not exist any more.
        """
        return compare(self._reader.record(*a), self._reader.record(*b))

    def prompts(self) -> list[dict[str, Any]]:
        """List the distinct system prompts and tool sets, most recently used first."""
        return listing(self._reader.prompt_versions())

    def prompt(self, name: str) -> dict[str, Any]:
        """Return a system prompt or tool set with its content, and its changes from the previous one.

        :raises NotKept: if there is none with this id.
        """
        listed = {each["id"]: each for each in self.prompts()}
        if name not in listed:
            raise not_found(self._reader, f"prompt {name}")
        found = listed[name]
        record = self._reader.record(found["first"]["session_id"], found["first"]["seq"])
        before = listed.get(found["previous"] or "")
        changes = None
        if before is not None:
            old = self._reader.record(before["first"]["session_id"], before["first"]["seq"])
            level = found["kind"]
            changes = [each for each in compare(old, record)["changes"] if each["place"].startswith(level)]
        return {**found, "content": _content(record, found["kind"]), "changes": changes}

    def leaks(self, since: int | None = None) -> list[dict[str, Any]]:
        """Return the kinds of secrets that were sent to providers, the most frequent first."""
        return leaks(self._reader.calls_with_secrets(since, most=50_000))

    def costs(self, by: str, query: Query) -> dict[str, Any]:
        """Sum up what a query matches.

        :param by: one of `ccsproxy.store.reader.aggregates.costs.GROUPS`, or of `PARTS`: those cover only the newest
        sessions, because they are assembled from the parts of their prompts.
        """
        return {**self.cost_rows(by, query), "total": {**self._reader.totals(query), "name": None}}

    def cost_rows(self, by: str, query: Query) -> dict[str, Any]:
        """Return `costs` without the total, which takes as long again."""
        if by not in PARTS:
            return {"by": by, "rows": self._reader.costs(query, by), "sessions_left_out": 0}
        rows, left_out = self._part_costs(by, query)
        return {"by": by, "rows": rows, "sessions_left_out": left_out}

    def _part_costs(self, by: str, query: Query) -> tuple[list[dict[str, Any]], int]:
        """Sum up the parts of prompts over sessions: what each cost in all the calls that sent it."""
        sessions, left_out = self._reader.dearest_sessions(query, LOOKED_THROUGH)
        return self._noteworthy.part_costs(sessions, by), left_out

    def budget(self) -> list[dict[str, Any]]:
        """Return the configured budgets, with what has been spent of each."""
        return [each.as_dict() for each in spent_now(self._reader, self._budgets(), self._clock())]

    def annotations(self) -> list[dict[str, Any]]:
        """Return the annotations of sessions and calls."""
        return [each.as_dict() for each in self._reader.annotations()]

    def annotation(self, session_id: str, seq: int = 0) -> Annotation:
        """Return the annotation of a session or call; an empty one if there is none."""
        named = (each for each in self._reader.annotations() if (each.session_id, each.seq) == (session_id, seq))
        return next(named, Annotation(session_id, seq))

    def known(self, session_id: str, seq: int = 0) -> None:
        """Ensure that a session or call exists.

        :raises NotKept: if it does not.
        """
        if self._reader.stamp(session_id) is None:
            raise not_found(self._reader, f"session {session_id}")
        if seq and not any(each["seq"] == seq for each in self._reader.around(session_id, seq, 0)):
            raise not_found(self._reader, f"request {seq} in session {session_id}")

    def limits(self) -> list[dict[str, Any]]:
        """Return the state of the limits of each account, the binding and the most used first."""
        now = round(self._clock() * 1000)
        return limits_now(self._reader.limit_readings(now - _LIMITS_MS), now)


def _content(record: Mapping[str, Any], kind: str) -> list[Any]:
    """Return the tools or the texts of the system prompt as they were sent."""
    laid = layout(record.get("dialect"), (record.get("request") or {}).get("body"))
    return [] if laid is None else [marked.value for level, marked in laid.entries() if level == kind]
