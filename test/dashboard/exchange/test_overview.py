"""Tests of the overview of a call."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.exchange.overview import overview
from ccsproxy.store.reader.reader import NotKept
from test.dashboard import specimens
from test.dashboard.reading_page import Element, misdeeds, shown


class NothingMade:
    """Insights that know of no call."""

    def why(self, sid: str, seq: int) -> dict[str, Any]:
        raise NotKept("no such call")


class OverviewTests(SynchronousTestCase):
    """What is said of a call of which nothing is made yet."""

    def overview(self, record: dict[str, Any]) -> Element:
        """Show the tab."""
        service: Any = type("Service", (), {"insights": NothingMade()})()
        return shown([part for part in overview(record, service, "$0.01") if part is not None])

    def test_a_call_that_runs(self) -> None:
        """It has what is known so far and no verdict; its outcome is no error."""
        record = specimens.anthropic()
        record |= {"outcome": None, "usage": None, "response": None, "ended_at": None, "duration_ms": None}
        page = self.overview(record)
        self.assertEqual((page.all(data_testid="why"), page.all(id="error")), ([], []))
        self.assertIn("The answer does not say.", page.one(id="usage").text)

    def test_errors(self) -> None:
        """What an ending means, what the provider said of it, and that a part is kept."""
        record = {**specimens.anthropic(), "outcome": "upstream_truncated", "partial": True}
        text = self.overview({**record, "error": {"kind": "cut", "message": "in the middle"}}).one(id="error").text
        for said in ("ended the connection in the middle", "is kept", "cut in the middle"):
            self.assertIn(said, text)

    def test_unknown_is_no_zero(self) -> None:
        """Counts that nobody told are left out or dashes."""
        record = {**specimens.anthropic(), "usage": {"output_tokens": 5}}
        tiles = dict(
            zip([e.text for e in self.overview(record).one("dl", class_="tiles").all("dt")],
                [e.text for e in self.overview(record).one("dl", class_="tiles").all("dd")], strict=True)
        )  # fmt: skip
        self.assertEqual((tiles["Prompt"], tiles["Cached"], tiles["New"], tiles["Output"]), ("–", "–", "–", "5"))

    def test_hostile_words(self) -> None:
        """Whatever a record says is text."""
        nasty = '"><img src=x onerror=y>'
        record = specimens.anthropic()
        record["client"] = dict.fromkeys(
            ("name", "version", "agent", "parent_agent", "thread", "cwd", "account"), nasty
        )
        record |= dict.fromkeys(
            ("request_id", "id", "upstream", "model", "dialect", "stop_reason", "session_id"), nasty
        )
        record["capture"] = {"faults": [nasty]}
        self.assertEqual(misdeeds(self.overview(record)), [])
