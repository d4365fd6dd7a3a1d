"""Tests of limits and budgets."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.answers.limits_view import ROWS, budgets_panel, limits_panel
from ccsproxy.insight.limits.forecast import limits_now
from ccsproxy.insight.limits.readings import LimitReading
from test.dashboard.reading_page import shown


def limit(**more: Any) -> dict[str, Any]:
    """Return the state of a limit."""
    return {"provider": "anthropic", "name": "5h", "account": None, "used": 0.5, "state": "ok", "binding": False,
            "resets_at": None, "measured_at": "2026-11-20T08:00:00Z", "reached_before_reset": None,
            "reached_from": None, "reached_to": None, **more}  # fmt: skip


class LimitsTests(SynchronousTestCase):
    """How full, until when, and when they will be reached."""

    def test_fill(self) -> None:
        """More than all may be used, which a meter cannot show; what nobody told is a dash and no meter."""
        page = shown(limits_panel([limit(used=1.25), limit(used=None)]))
        self.assertEqual([each.attributes["value"] for each in page.all("meter")], ["1.0"])
        self.assertIn("125 %", page.text)
        self.assertIn("–", page.text)

    def test_when(self) -> None:
        """As a span, as far as one can tell; a limit that will not be reached before it begins anew says so."""
        self.assertIn("lasts until it resets", shown(limits_panel([limit(reached_before_reset=False)])).text)
        when = {"reached_before_reset": True, "reached_from": "2026-11-20T09:00:00Z"}
        reached = shown(limits_panel([limit(**when, binding=True)]))
        self.assertIn("full 20 Nov 09:00:00 to later", reached.text)
        self.assertIn("binding", reached.text)
        until = shown(limits_panel([limit(**when, reached_to="2026-11-20T10:00:00Z")]))
        self.assertIn("to 20 Nov 10:00:00", until.text)

    def test_when_nobody_can_tell(self) -> None:
        """Too few readings are no promise that it lasts."""
        self.assertNotIn("lasts", shown(limits_panel([limit()])).text)

    def test_as_it_is_reckoned(self) -> None:
        """What `limits_now` says is what is shown."""
        hour = 3_600_000
        told = [
            LimitReading("a", "anthropic", "5h", 0.2 * at, at * hour, "s", at, window_s=18_000, reset_ms=9 * hour)
            for at in range(1, 5)
        ]
        self.assertIn("full ", shown(limits_panel(limits_now(told, 4 * hour))).text)

    def test_none_and_many(self) -> None:
        """No panel of nothing; so many rows."""
        self.assertIsNone(limits_panel([]))
        self.assertEqual(len(shown(limits_panel([limit()] * (ROWS + 9))).one("tbody").all("tr")), ROWS)


class BudgetsTests(SynchronousTestCase):
    """What is spent of what may be."""

    def test_rows(self) -> None:
        """Scope, spent and limit; none is no panel."""
        page = shown(budgets_panel([{"scope": "day", "spent": 1.5, "limit": 20.0}]))
        self.assertEqual([each.text for each in page.one("tbody").one("tr").children], ["day", "$1.50", "$20.00"])
        self.assertIsNone(budgets_panel([]))
