"""Tests of the page of the leaks."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.answers.leaks_page import leaks_page
from test.dashboard.reading_page import Element, misdeeds, shown


def leak(**more: Any) -> dict[str, Any]:
    """Return what is known of one kind of secret."""
    place = {"session_id": "s", "seq": 3, "at": "2026-11-20T08:00:00Z"}
    counts = {"secrets": 2, "calls": 5, "sessions": 1}
    return {"kind": "github-token", "upstream": "a", "first": place, "last": place, "places": [], **counts, **more}


class LeaksTests(SynchronousTestCase):
    """Which kinds of secrets went to whom."""

    def page(self, *leaks: dict[str, Any]) -> Element:
        """Show the page."""
        insights = type("Insights", (), {"leaks": lambda self: list(leaks)})()
        service: Any = type("Service", (), {"insights": insights})()
        return shown(list(leaks_page(None, {}, service).body))  # type: ignore[arg-type]

    def test_a_row_a_kind(self) -> None:
        """With its counts, the first and the last call as links to what was sent, and the most frequent places."""
        places = [{"where": f"w{n}", "calls": n} for n in range(9)]
        page = self.page(leak(places=places))
        self.assertEqual([each.attributes["href"] for each in page.all("a")], ["/x/s/3?view=request"] * 2)
        self.assertIn("w0 of 0 calls, w1 of 1 call, w2 of 2 calls, w3 of 3 calls", page.text)
        self.assertIn("the provider has seen them", page.text)

    def test_none(self) -> None:
        """It is said, without a table."""
        page = self.page()
        self.assertIn("No secret was seen", page.text)
        self.assertEqual(page.all("table"), [])

    def test_hostile_words(self) -> None:
        """Names and places are text."""
        nasty = '"><img src=x onerror=y>'
        page = self.page(leak(kind=nasty, upstream=nasty, places=[{"where": nasty, "calls": 1}]))
        self.assertEqual(misdeeds(page), [])
