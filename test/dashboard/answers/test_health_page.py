"""Tests of the page of the health."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.answers.health_page import health_page
from test.dashboard.reading_page import Element, shown


class NoLimits:
    """Insights of a service without limits and budgets."""

    def limits(self) -> list[Any]:
        return []

    budget = limits


class HealthTests(SynchronousTestCase):
    """Whether anything was lost, said aloud."""

    def page(self, **health: Any) -> Element:
        """Show the page of a service."""
        told = {"started_at": "2026-11-20T08:00:00Z", "redact": True, "dropped": {}, **health}
        service: Any = type(
            "S", (), {"health": told, "insights": NoLimits(), "proxies": ["http://p"], "upstreams": ["a"]}
        )()
        return shown(list(health_page(None, {}, service).body))  # type: ignore[arg-type]

    def test_verdicts(self) -> None:
        """Nothing lost, nothing lost but something wrong, something lost."""
        said = self.page().one("p", data_testid="verdict").text
        self.assertEqual(said, "Nothing was dropped since 20 Nov 2026, 08:00:00 UTC.")
        self.assertIn("something to look at", self.page(recorder="down").one("p", data_testid="verdict").text)
        lost = self.page(dropped={"disk": 2, "memory": 1})
        self.assertIn("3 exchanges had to be dropped", lost.one("p", data_testid="verdict").text)
        self.assertIn("Dropped: disk2", lost.text)

    def test_redaction_that_is_off(self) -> None:
        """It is said where secrets are, too."""
        self.assertIn("KEPT: --no-redact is on", self.page(redact=False).text)

    def test_the_store(self) -> None:
        """Each plain figure of the store and of its index; what is not known, or has no form, is left out."""
        text = self.page(store="ok", store_detail={"queued": 7, "odd": [1], "index": {"lag_s": 0.5}}).text
        self.assertIn("Queued7", text)
        self.assertIn("The indexLag s", text)
        self.assertNotIn("odd", text)

    def test_shipping(self) -> None:
        """A line a target, with its trouble and what it lacks; nothing where nothing is shipped."""
        target = {"target": "ch", "state": "waiting", "trouble": "no route", "sent": 5, "refused": 0, "missed": 2,
                  "deletions": 1, "lag_s": 90}  # fmt: skip
        text = self.page(ship={"targets": [target], "hold_bytes": 1000}).one("section", id="ship").text
        self.assertIn("waiting: no route, 5 taken, at most 2 missed, 1 deletions pending, 1:30 behind", text)
        self.assertEqual(self.page().all("section", id="ship"), [])
