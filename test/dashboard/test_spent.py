"""Tests of what the head of every page says of money."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.spent import KEPT_S, SpentToday
from test.dashboard.reading_page import Element, shown

NOON = 1_795_190_400.0


class Sums:
    """A reader and insights that count how often they are asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.totals: dict[str, Any] = {"cost": 1.5, "unpriced": 0}
        self.told_limits: list[dict[str, Any]] = []
        self.budgets: list[dict[str, Any]] = []

    def stats(self, since: int) -> dict[str, Any]:
        self.asked.append(since)
        return {"totals": self.totals}

    def limits(self) -> list[dict[str, Any]]:
        return self.told_limits

    def budget(self) -> list[dict[str, Any]]:
        return self.budgets


class SpentTests(SynchronousTestCase):
    """Spent today, of the budget, and the fullest limit."""

    def setUp(self) -> None:
        self.sums: Any = Sums()
        self.now = NOON
        self.spent = SpentToday(self.sums, self.sums, lambda: self.now)

    def head(self) -> Element:
        """Show the sentence."""
        return shown(self.spent.shown())

    def test_not_more_often_than_needed(self) -> None:
        """Held for some seconds; a clock that is set back does not hold it until it has caught up."""
        for moved, asked in ((0, 1), (KEPT_S - 1, 1), (KEPT_S + 1, 2), (-3600, 3)):
            self.now = NOON + moved
            self.head()
            self.assertEqual(len(self.sums.asked), asked, moved)

    def test_today(self) -> None:
        """Since midnight; a sum that lacks something says what, when pointed at."""
        self.sums.totals = {"cost": 1.5, "unpriced": 2}
        link = self.head().one("a")
        self.assertIn("2", link.attributes["title"] or "")
        self.assertTrue(0 <= NOON * 1000 - self.sums.asked[0] < 86_400_000)

    def test_budget(self) -> None:
        """The day's, with what may be spent; over it is seen."""
        self.sums.budgets = [
            {"scope": "month", "limit": 9.0, "spent": 9.0},
            {"scope": "day", "limit": 1.0, "spent": 1.5},
        ]
        link = self.head().one("a")
        self.assertEqual((link.text, link.attributes["class"]), ("today $1.50 of $1.00", "over"))

    def test_limit(self) -> None:
        """The fullest of those that bind; one that nobody measured is none."""
        self.sums.told_limits = [
            {"name": "5h", "used": 0.4, "binding": True},
            {"name": "7d", "used": 0.9, "binding": False},
            {"name": "x", "used": None, "binding": True},
        ]
        self.assertEqual(self.head().one("a", class_="limit").text, "5h 40%")
        self.sums.told_limits = []
        self.now += KEPT_S
        self.assertEqual(self.head().all("a", class_="limit"), [])
