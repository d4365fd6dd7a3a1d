"""Tests of the page of the health."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.answers.health_page import health_page
from ccsproxy.store.reader.disk_use import DiskUse
from test.dashboard.reading_page import Element, shown


class NoLimits:
    """Insights of a service without limits and budgets."""

    def limits(self) -> list[Any]:
        return []

    budget = limits


class NoStore:
    """A reader of an engine elsewhere."""

    disk: DiskUse | None = None

    def disk_use(self) -> DiskUse | None:
        return self.disk


class HealthTests(SynchronousTestCase):
    """Whether anything was lost, said aloud."""

    def setUp(self) -> None:
        self.reader: Any = NoStore()

    def page(self, **health: Any) -> Element:
        """Show the page of a service."""
        told = {"started_at": "2026-11-20T08:00:00Z", "redact": True, "dropped": {}, **health}
        service: Any = type(
            "S", (), {"health": told, "insights": NoLimits(), "proxies": ["http://p"], "upstreams": ["a"]}
        )()
        return shown(list(health_page(self.reader, {}, service).body))

    def test_verdicts(self) -> None:
        """Nothing lost, nothing lost but something wrong, something lost."""
        said = self.page().one("p", data_testid="verdict").text
        self.assertEqual(said, "Nothing was dropped since 20 Nov 2026, 08:00:00 UTC.")
        self.assertIn("something to look at", self.page(recorder="down").one("p", data_testid="verdict").text)
        lost = self.page(dropped={"disk": 2, "memory": 1})
        self.assertIn("3 exchanges had to be dropped", lost.one("p", data_testid="verdict").text)
        self.assertIn("Dropped: disk2", lost.text)

    def test_a_hub(self) -> None:
        """It does not know what machines had to drop, and does not say that nothing was."""
        page = self.page(hub="s3://calls/team", version="1.2")
        self.assertNotIn("Nothing was dropped", page.text)
        self.assertIn("each machine", page.one("p", data_testid="verdict").text)
        self.assertIn("Readss3://calls/team", page.one("section", id="service").text)

    def test_redaction_that_is_off(self) -> None:
        """It is said where secrets are, too."""
        self.assertIn("KEPT: --no-redact is on", self.page(redact=False).text)

    def test_the_store(self) -> None:
        """Each plain figure of the store and of its index; what is not known, or has no form, is left out."""
        text = self.page(store="ok", store_detail={"queued": 7, "odd": [1], "index": {"lag_s": 0.5}}).text
        self.assertIn("Queued7", text)
        self.assertIn("The indexLag s", text)
        self.assertNotIn("odd", text)

    def test_the_disk(self) -> None:
        """What the store takes up and what is left; nothing of it where the store is elsewhere."""
        self.assertEqual(self.page().all("section", id="disk"), [])
        self.reader.disk = DiskUse(3, 1_500_000, 20_000, 5_000_000_000)
        text = self.page().one("section", id="disk").text
        self.assertIn("Records1.5 MB in 3 segmentsIndex20.0 KBFree5.00 GB", text)

    def test_shipping(self) -> None:
        """A line a target, with its trouble and what it lacks; nothing where nothing is shipped."""
        target = {"target": "ch", "state": "waiting", "trouble": "no route", "sent": 5, "refused": 0, "missed": 2,
                  "deletions": 1, "lag_s": 90}  # fmt: skip
        text = self.page(ship={"targets": [target], "hold_bytes": 1000}).one("section", id="ship").text
        self.assertIn("waiting: no route, 5 taken, at most 2 missed, 1 deletions pending, 1:30 behind", text)
        self.assertEqual(self.page().all("section", id="ship"), [])
