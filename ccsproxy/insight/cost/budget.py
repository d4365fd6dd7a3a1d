"""Budgets: what may be spent in a session, day, week or month, and what has been spent."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import attr

SPANS = ("session", "day", "week", "month")
#: Shares of a limit at which a warning is given, once each.
WARNINGS = (0.8, 1.0)


class BudgetError(ValueError):
    """A budget cannot be read; the message is one sentence."""


@attr.frozen
class Budget:
    """A limit.

    :ivar span: one of `SPANS`.
    :ivar limit: US dollars.
    :ivar cwd: only calls of this folder count; empty for all.
    """

    span: str
    limit: float
    cwd: str = ""

    def __str__(self) -> str:
        return f"{self.scope}={self.limit:g}"

    @property
    def scope(self) -> str:
        """The budget's name, as configured."""
        return f"{self.span}@cwd:{self.cwd}" if self.cwd else self.span

    def covers(self, folder: str) -> bool:
        """Return whether calls of a folder count."""
        # With the slash, because /home/me/shop is not part of /home/me/sho.
        return not self.cwd or folder == self.cwd or folder.startswith(self.cwd + "/")

    def begins(self, now: datetime) -> datetime | None:
        """Return when the current span began, in the time zone of `now`; None for a session."""
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        if self.span == "day":
            return midnight
        if self.span == "week":
            return midnight - timedelta(days=now.weekday())
        return midnight.replace(day=1) if self.span == "month" else None


def parse_budget(text: str) -> Budget:
    """Parse ``SCOPE=USD``.

    :raises BudgetError: if it is not a budget.
    """
    scope, equals, amount = text.rpartition("=")
    span, at, where = scope.partition("@")
    if not equals or span not in SPANS:
        spans = ", ".join(SPANS)
        raise BudgetError(f"budget must be SCOPE=USD with SCOPE one of {spans}, such as day=20, not {text!r}")
    if at and not where.startswith("cwd:/"):
        raise BudgetError(f"budget can be narrowed by @cwd:/PATH only, such as day@cwd:/home/me/shop=5, not {text!r}")
    try:
        limit = float(amount.lstrip("$"))
    except ValueError:
        limit = -1.0
    if not 0 < limit < 1e9:
        raise BudgetError(f"budget needs an amount of US dollars above 0, such as {scope}=20, not {amount!r}")
    return Budget(span, limit, where.removeprefix("cwd:").rstrip("/"))


def budgets_in(run: Mapping[str, Any]) -> tuple[Budget, ...]:
    """Return the budgets in a run file; invalid ones are left out."""
    found = []
    for text in run.get("budgets") or ():
        try:
            found.append(parse_budget(str(text)))
        except BudgetError:
            continue
    return tuple(found)


@attr.define
class Spent:
    """How much of a budget is spent.

    :ivar spent: US dollars of the calls that have a price; a lower bound if `unpriced` is above 0.
    :ivar unpriced: calls of models whose price is not known.
    """

    budget: Budget
    since: str | None = None
    session_id: str | None = None
    spent: float = 0.0
    unpriced: int = 0
    requests: int = 0

    @property
    def share(self) -> float:
        """The fraction of the limit that is spent."""
        return self.spent / self.budget.limit

    def as_dict(self) -> dict[str, Any]:
        """Format it for the API."""
        return {
            "scope": self.budget.scope,
            "limit": self.budget.limit,
            "spent": round(self.spent, 6),
            "left": round(self.budget.limit - self.spent, 6),
            "share": round(self.share, 4),
            "bound": self.unpriced > 0,
            "unpriced": self.unpriced,
            "requests": self.requests,
            "since": self.since,
            "session_id": self.session_id,
            # Calls are never refused because of a budget: that would change what the agent does.
            "action": "warn",
            "state": "over" if self.share >= 1 else "near" if self.share >= WARNINGS[0] else "within",
        }


def crossed(before: float, after: float) -> float | None:
    """Return the highest share in `WARNINGS` that was passed between two shares; None if there is none."""
    return max((share for share in WARNINGS if before < share <= after), default=None)
