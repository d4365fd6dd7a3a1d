"""The current situation at a glance: running calls, active sessions, spending per hour, budgets and limits."""

from datetime import datetime
from typing import Any

from ccsproxy.insight.conversation.conversation import moment
from ccsproxy.store.query import Query
from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.lists import SessionQuery
from ccsproxy.store.reader.reader import Reader

#: The period over which rates are computed, and within which a session counts as active, in seconds.
RATE_S, ACTIVE_S = 600, 1800
#: The maximum number of sessions in the list.
_MOST = 30


def glance(reader: Reader, insights: Insights, now_s: float) -> dict[str, Any]:
    """Return the current state.

    :param now_s: seconds since the epoch.
    """
    midnight = datetime.fromtimestamp(now_s).astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    running = reader.running()
    limits = [each for each in insights.limits() if each["binding"]]
    return {
        "at": moment(now_s * 1000),
        # From midnight in the reader's time zone, as budgets count.
        "today": reader.totals(Query(since=round(midnight.timestamp() * 1000))),
        "rate": _rate(reader, now_s),
        "sessions": _sessions(reader, now_s, running),
        "running": running,
        "budgets": insights.budget(),
        "limits": limits,
        "findings": insights.findings_since(round((now_s - ACTIVE_S) * 1000))[:3],
    }


def _rate(reader: Reader, now_s: float) -> dict[str, Any]:
    """Extrapolate the last minutes to an hour."""
    sums = reader.totals(Query(since=round((now_s - RATE_S) * 1000)))
    cost = sums.get("cost")
    return {
        "window_s": RATE_S,
        "cost_per_hour": None if cost is None else round(cost * 3600 / RATE_S, 6),
        "unpriced": sums.get("unpriced", 0),
        "requests_per_minute": round(sums.get("requests", 0) * 60 / RATE_S, 2),
        "output_tokens_per_minute": round((sums.get("output_tokens") or 0) * 60 / RATE_S, 1),
    }


def _sessions(reader: Reader, now_s: float, running: list[dict[str, Any]]) -> list[dict[str, Any]]:
    since = round((now_s - ACTIVE_S) * 1000)
    found = reader.sessions(SessionQuery(since=since, include_empty=True, limit=_MOST))
    counts: dict[str, int] = {}
    for each in running:
        counts[each["session_id"]] = counts.get(each["session_id"], 0) + 1
    listed = [{**each, "running": counts.get(each["session_id"], 0)} for each in found]
    return sorted(listed, key=lambda each: (-each["running"], -(each["cost"] or 0.0)))
