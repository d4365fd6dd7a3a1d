"""Tells watchers of live events what a call has revealed: findings, and budgets that are almost or fully spent.

It checks all sessions with new calls at once, shortly after calls have ended, and never twice at the same time, so
that a burst is checked only at its end. After a restart nothing is reported again: a finding is new only if one of
the calls that just ended belongs to it, a budget only if its share passed a threshold since the start.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ccsproxy.api.answer import Refused
from ccsproxy.api.reading import Reading
from ccsproxy.insight.cost.budget import crossed
from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.reader import NotKept

#: Delay in seconds after a call before the check, so that its record has been written and indexed.
DELAY_S = 1.5
#: How many sessions are checked in one go, and how many are remembered.
_AT_ONCE, _REMEMBERED = 16, 512
#: By how much a finding must have grown to be reported again: a factor, and dollars.
_GROWN, _GROWN_USD = 1.5, 0.10


class InsightNews:
    """Watches for ended calls and publishes new findings.

    Invariant: at most one check is scheduled or in progress; calls that end meanwhile wait in `_ended` for the next.
    """

    _log = Logger()

    def __init__(
        self, reactor: IReactorTime, insights: Insights, reading: Reading, publish: Callable[[dict[str, Any]], None]
    ) -> None:
        self._reactor, self._insights, self._reading, self._publish = reactor, insights, reading, publish
        self._ended: dict[str, set[int]] = {}
        self._reported: dict[tuple[str, str], float] = {}
        self._shares: dict[tuple[Any, ...], float] = {}
        self._busy = False

    def start(self) -> None:
        """Remember what has been spent already, so that only later spending is reported."""
        self._reading.run(self._insights.budget).addCallbacks(self._budgets, self._failed)

    def call_ended(self, event: Mapping[str, Any]) -> None:
        """Handle an event of the relay; only calls that ended matter."""
        if event.get("type") != "request_completed":
            return
        self._ended.setdefault(str(event.get("session_id")), set()).add(int(event.get("seq") or 0))
        if not self._busy:
            self._busy = True
            self._reactor.callLater(DELAY_S, self._begin)

    def _begin(self) -> None:
        ensureDeferred(self._check()).addErrback(self._failed)

    async def _check(self) -> None:
        """Check the sessions with new calls, then the budgets; continue if calls ended meanwhile."""
        try:
            sessions = [(name, self._ended.pop(name)) for name in list(self._ended)[:_AT_ONCE]]
            for name, seqs in sessions:
                self._findings(name, seqs, await self._reading.run(self._found, name))
            self._budgets(await self._reading.run(self._insights.budget))
        finally:
            self._busy = False
            if self._ended:
                self._busy = True
                self._reactor.callLater(DELAY_S, self._begin)

    def _failed(self, failure: Any) -> None:
        if failure.check(Refused) is None:
            self._log.failure("the check for findings failed", failure)

    def _found(self, session_id: str) -> list[dict[str, Any]]:
        try:
            return self._insights.findings(session_id)
        except NotKept:
            return []

    def _findings(self, session_id: str, seqs: set[int], found: Iterable[dict[str, Any]]) -> None:
        for each in found:
            news = next((link["seq"] for link in reversed(each["links"]) if link["seq"] in seqs), None)
            if news is not None and self._is_news(session_id, each):
                payload = {name: each[name] for name in ("kind", "text", "cost", "seconds")}
                self._publish({"type": "finding", "session_id": session_id, "seq": news, **payload})

    def _is_news(self, session_id: str, each: Mapping[str, Any]) -> bool:
        """Tell whether a finding is new for its session, or has grown much since it was reported."""
        key, cost = (session_id, str(each["kind"])), float(each["cost"] or 0.0)
        before = self._reported.get(key)
        if before is not None and not (cost >= before * _GROWN and cost - before >= _GROWN_USD):
            return False
        self._reported[key] = cost
        while len(self._reported) > _REMEMBERED:
            del self._reported[next(iter(self._reported))]
        return True

    def _unspent(self, key: tuple[Any, ...]) -> float | None:
        """Return the known share of a period that was not checked: 0 if an earlier period of the budget was known."""
        return 0.0 if any(known[:2] == key[:2] for known in self._shares) else None

    def _budgets(self, found: Iterable[dict[str, Any]]) -> None:
        for each in found:
            key = each["scope"], each["limit"], each["since"], each["session_id"]
            before, share = self._shares.get(key, self._unspent(key)), float(each["share"])
            self._shares[key] = share
            if before is not None and crossed(before, share) is not None:
                payload = {name: each[name] for name in ("scope", "limit", "spent", "action", "state", "bound")}
                self._publish({"type": "budget", **payload})
