"""The spending in every page's header: today's total, its budget, and the fullest limit."""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.markup import h
from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.reader import Reader

#: How long the figures are cached, in seconds, because every page shows them.
KEPT_S = 5.0


class SpentToday:
    """Computes and caches the figures of the header. May be used by several threads."""

    def __init__(self, reader: Reader, insights: Insights, clock: Callable[[], float] = time.time) -> None:
        self._reader, self._insights, self._clock = reader, insights, clock
        self._lock = threading.Lock()
        self._held: tuple[float, dict[str, Any]] = (0.0, {})

    def shown(self) -> Any:
        """Return the sentence for the head."""
        found = self._now()
        today, budget, limit = found["today"], found["budget"], found["limit"]
        of = f" of {figures.dollars(budget['limit'])}" if budget else ""
        title = figures.lacking(today["unpriced"]) or None
        spent = h.a(
            "today ",
            h.span(figures.total(today["cost"], today["unpriced"], "$0.00"), class_="figure"),
            of,
            href="/overview?span=today",
            title=title,
            class_="over" if budget and budget["spent"] >= budget["limit"] else None,
        )
        if limit is None:
            return [spent]
        return [spent, h.a(f"{limit['name']} {limit['used']:.0%}", href="/health#limits", class_="limit")]

    def _now(self) -> dict[str, Any]:
        with self._lock:
            at, held = self._held
        now = self._clock()
        # A clock that was set back would else hold old figures until it has caught up.
        if held and 0 <= now - at < KEPT_S:
            return held
        # Midnight in the service's time zone: a daily budget is for a person's day, not a UTC day.
        midnight = datetime.fromtimestamp(now).astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        limits = [each for each in self._insights.limits() if each["binding"] and each["used"] is not None]
        budgets = [each for each in self._insights.budget() if each.get("scope") == "day"]
        held = {
            "today": self._reader.stats(round(midnight.timestamp() * 1000))["totals"],
            "budget": budgets[0] if budgets else None,
            "limit": max(limits, key=lambda each: each["used"], default=None),
        }
        with self._lock:
            self._held = (now, held)
        return held
