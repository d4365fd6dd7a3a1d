"""The receipt: a summary of an agent's run in a few lines on standard error after it has exited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attr

from ccsproxy.exchange.ids import iso_time
from ccsproxy.insight.cost.budget import budgets_in
from ccsproxy.insight.words import dollars, tokens
from ccsproxy.launch.start import LaunchResult
from ccsproxy.providers.amounts import total
from ccsproxy.store.query import parse_query
from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.reader import NotKept, Reader

#: Rows per query, and the maximum number of queries.
_PAGE, _PAGES = 500, 20


@attr.frozen
class Receipt:
    """The sums of one run of an agent.

    :ivar sent: tokens sent, including cached ones; None if no call states them.
    :ivar cached: tokens read from a cache; None if no call states them.
    :ivar cached: those of them that were read from a cache; None when no call says.
    :ivar cost: total in dollars of the calls with a known price.
    :ivar unpriced: number of calls without one.
    :ivar errors: calls that failed, except those cancelled by the user.
    :ivar sessions: ids of the sessions, the one with the most calls first.
    :ivar retries: calls that repeated a failed one.
    :ivar findings: findings about the sessions, the most important first, in sentences.
    :ivar budgets: budgets of the service that are nearly or fully spent, in sentences.
    """

    calls: int = 0
    sent: int | None = None
    cached: int | None = None
    cost: float = 0.0
    unpriced: int = 0
    errors: int = 0
    sessions: tuple[str, ...] = ()
    retries: int = 0
    findings: tuple[str, ...] = ()
    budgets: tuple[str, ...] = ()

    def lines(self, address: str) -> list[str]:
        """Format it for people.

        :param address: the dashboard's URL, empty if it ends with the agent.
        """
        if not self.calls:
            return ["ccsproxy: no model call was seen; 'ccsproxy doctor' may show why"]
        said = [f"{self.calls} call{'s' * (self.calls != 1)}"]
        if self.sent:
            share = f" ({self.cached * 100 // self.sent} % cached)" if self.cached is not None else ""
            said.append(f"{tokens(self.sent)} tokens sent{share}")
        said.append(_cost(self))
        if self.errors:
            said.append(f"{self.errors} error{'s' * (self.errors != 1)}")
        if self.retries:
            said.append("1 retry" if self.retries == 1 else f"{self.retries} retries")
        first = self.sessions[0]
        see = f"{address}/s/{first}    " if address else f"ccsproxy open {first}    "
        notes = [f"          {note}" for note in (*self._worth_knowing(), *self.budgets)]
        return [f"ccsproxy: {', '.join(said)}", *notes, f"          {see}ccsproxy why {first}"]

    def _worth_knowing(self) -> list[str]:
        """Return the most important finding, and how many more there are."""
        if not self.findings:
            return []
        more = len(self.findings) - 1
        return [self.findings[0] + (f" ({more} more finding{'s' * (more != 1)})" if more else "")]


def _cost(receipt: Receipt) -> str:
    lacking = f"{receipt.unpriced} call{'s' * (receipt.unpriced != 1)} of unknown cost"
    if receipt.unpriced == receipt.calls:
        return lacking
    return dollars(receipt.cost) + (f" + {lacking}" if receipt.unpriced else "")


def read_receipt(reader: Reader, started: LaunchResult) -> Receipt:
    """Add up what was recorded under a run's label."""
    rows = [row for row in _since(reader, started.began) if row.get("category") == "model"]
    sessions: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        sessions.setdefault(row["session_id"], []).append(row)
    own = {sid: found for sid, found in sessions.items() if _is_of(reader, found[0], started.launch)}
    receipt = sum_up([row for found in own.values() for row in found])
    insights = Insights(reader, budgets=lambda: budgets_in(started.run_file))
    said = sorted(
        (each for sid in receipt.sessions for each in insights.findings(sid)),
        key=lambda each: (each.get("cost") or 0.0, each.get("seconds") or 0.0),
        reverse=True,
    )
    return attr.evolve(
        receipt,
        retries=sum(_retries(insights.conversation(sid)) for sid in receipt.sessions),
        findings=tuple(str(each["text"]) for each in said),
        budgets=tuple(_budget(each) for each in insights.budget() if each["state"] != "within"),
    )


def _retries(conversation: Mapping[str, Any]) -> int:
    return sum(len(step["retries"]) for turn in conversation["turns"] for step in turn["steps"])


def _budget(each: Mapping[str, Any]) -> str:
    said = "is spent" if each["state"] == "over" else "is nearly spent"
    return f"the budget {each['scope']} {said}: {total(each['spent'], each['unpriced'])} of {dollars(each['limit'])}"


def sum_up(rows: Iterable[Mapping[str, Any]]) -> Receipt:
    """Add up rows as in `GET /api/requests`."""
    calls, sent, cached, cost, unpriced, errors = 0, None, None, 0.0, 0, 0
    sessions: dict[str, int] = {}
    for row in rows:
        calls += 1
        parts = [row.get(name) for name in _SENT]
        if any(part is not None for part in parts):
            sent = (sent or 0) + sum(part or 0 for part in parts)
        if (read := row.get("cache_read_input_tokens")) is not None:
            cached = (cached or 0) + read
        cost += row.get("cost") or 0.0
        unpriced += row.get("unpriced") is not None
        errors += bool(row.get("has_error")) and row.get("outcome") != "client_disconnected"
        sessions[row["session_id"]] = sessions.get(row["session_id"], 0) + 1
    ranked = tuple(sorted(sessions, key=lambda sid: -sessions[sid]))
    return Receipt(calls, sent, cached, cost, unpriced, errors, ranked)


_SENT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def _since(reader: Reader, began: float) -> Iterable[Mapping[str, Any]]:
    given = {"since": iso_time(began), "limit": str(_PAGE)}
    for _ in range(_PAGES):
        page = reader.requests(parse_query(given))
        yield from page.items
        if page.before is None:
            return
        given["before"] = page.before


def _is_of(reader: Reader, row: Mapping[str, Any], launch: str) -> bool:
    """Tell whether a session's call belongs to a run; if no labels are available, the time alone decides."""
    try:
        labels = reader.record(row["session_id"], row["seq"]).get("labels") or {}
    except NotKept:
        return False
    return labels.get("launch", launch) == launch
