"""What is spent of budgets, from the index, so that a restart does not change it."""

from collections.abc import Iterable
from datetime import datetime

from ccsproxy.insight.conversation.conversation import moment
from ccsproxy.insight.cost.budget import Budget, Spent
from ccsproxy.store.query import Query
from ccsproxy.store.reader.lists import SessionQuery
from ccsproxy.store.reader.reader import Reader


def spent_now(reader: Reader, budgets: Iterable[Budget], now_s: float) -> list[Spent]:
    """Return what has been spent of each budget in the current period.

    Days, weeks and months begin at midnight in this machine's time zone; the budget of a session applies to the most
    recently active one.

    :param now_s: seconds since the epoch.
    """
    now = datetime.fromtimestamp(now_s).astimezone()
    return [_of_session(reader, each) if each.span == "session" else _of_span(reader, each, now) for each in budgets]


def _of_span(reader: Reader, budget: Budget, now: datetime) -> Spent:
    begun = budget.begins(now)
    since = round(begun.timestamp() * 1000) if begun else None
    found = Spent(budget, since=None if since is None else moment(since))
    return _sum(reader, found, Query(since=since))


def _of_session(reader: Reader, budget: Budget) -> Spent:
    sessions = reader.sessions(SessionQuery(limit=20))
    last = max(sessions, key=lambda each: each["ended_at"] or "9", default=None)
    if last is None:
        return Spent(budget)
    found = Spent(budget, since=last["started_at"], session_id=last["session_id"])
    return _sum(reader, found, Query(session=(last["session_id"],)))


def _sum(reader: Reader, found: Spent, query: Query) -> Spent:
    """Add up the directories that a budget covers."""
    for row in reader.costs(query, "project"):
        if found.budget.covers(row["name"] or ""):
            found.spent += row["cost"] or 0.0
            found.unpriced += row["unpriced"]
            found.requests += row["requests"]
    return found
