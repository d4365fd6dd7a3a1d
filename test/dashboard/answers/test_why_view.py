"""Tests of why a call cost what it cost."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.answers.why_view import cache_panel, cost_panel, parts_panel, sentence
from test.dashboard.reading_page import misdeeds, shown

NONE = dict.fromkeys(("total", "read", "write", "input", "output", "other", "share_of_session"))
COST: dict[str, Any] = {**NONE, "tokens": {"read": 1200, "input": 300}, "at_least": False}
UNKNOWN = ("part", "expected_tokens", "gap_s", "lost_tokens", "lost_cost", "place", "provider", "previous")
CACHE: dict[str, Any] = {
    **dict.fromkeys(UNKNOWN),
    "verdict": "hit",
    "cause": "",
    "certain": True,
    "read_tokens": 5,
    "first_difference": None,
    "session_id": "s",
    "seq": 4,
}


class ReadTests(SynchronousTestCase):
    """What was read from the cache beside what could have been."""

    def test_more_than_could_be_known(self) -> None:
        """No part of a whole is larger than it."""
        page = shown(cache_panel({**CACHE, "read_tokens": 900, "expected_tokens": 1000}))
        self.assertIn("900 of 1.0k tokens that could have been", page.text)
        page = shown(cache_panel({**CACHE, "read_tokens": 1100, "expected_tokens": 1000}))
        self.assertIn("1.1k tokens, more than the 1.0k of the call before", page.text)


class PriceTests(SynchronousTestCase):
    """The price, by kind of token."""

    def test_unknown_price(self) -> None:
        """No price is not a price of nothing, and has no panel."""
        self.assertIn("price is not known", sentence(COST, None))
        self.assertIsNone(cost_panel(COST))
        self.assertIn("not known: no row for x.", sentence({**COST, "gap": "no row for x"}, None))
        # What failed is paid by nobody.
        self.assertIn("has no price", sentence({**COST, "tokens": {"read": None}}, None))

    def test_lower_bound(self) -> None:
        """A call that broke off shows what is known of its price as a bound, and says why."""
        cost = {**COST, "total": 0.0045, "read": 0.0036, "input": 0.0009, "at_least": True}
        self.assertIn("≥ $0.0045, $0.0036 of it for", sentence(cost, None))
        page = shown(cost_panel(cost))
        self.assertIn("≥ $0.0045", page.text)
        self.assertIn("The output was not counted", page.text)

    def test_parts_of_the_price(self) -> None:
        """Rows are those that cost something, with their share; the bar is as wide as all of it."""
        page = shown(cost_panel({**COST, "total": 0.004, "read": 0.003, "input": 0.001, "share_of_session": 0.25}))
        self.assertEqual([each.text for each in page.all("th")], ["read from the cache", "new input"])
        self.assertIn("25 % of its session", page.one("h2").text)
        widths = [float(each.attributes["width"] or 0) for each in page.one("svg", role="img").all("rect")]
        self.assertEqual(widths, [750, 250])


class CacheTests(SynchronousTestCase):
    """The verdict with its cause."""

    def test_hit(self) -> None:
        """All is well, and nothing more is said."""
        page = shown(cache_panel(CACHE))
        self.assertEqual(page.text, "CacheVerdictHit: all that could be read was read")
        self.assertIsNone(cache_panel(None))

    def test_changed(self) -> None:
        """What changed, where, with both in place, and what it cost; a guess says that it is one."""
        exact = {"place": "tools[3]", "before": "<a>", "after": "<b>"}
        told = {"place": "tools[3]", "previous": 3, "first_difference": "Bash edited", "exact": exact}
        lost = {"lost_tokens": 9000, "lost_cost": 0.05}
        cache = {**CACHE, "verdict": "changed", "cause": "changed", "certain": False, **told, **lost}
        page = shown(cache_panel(cache))
        for said in ("Missed: the prompt changed, likely", "tools[3] Bash edited", "9.0k tokens, $0.05", "<a>\n<b>"):
            self.assertIn(said, page.text)
        self.assertEqual(page.one("a").attributes["href"], "/diff/s/3/4")
        self.assertEqual((page.one("del").text, page.one("ins").text), ("<a>", "<b>"))
        self.assertEqual(page.one("section", id="cache").attributes["data-state"], "lost")
        self.assertEqual(misdeeds(page), [])


class PartsTests(SynchronousTestCase):
    """What the prompt was made of."""

    def test_parts(self) -> None:
        """The largest first, so many of them; the rest is counted, and an estimate says so."""
        part = {"kind": "tool_result", "cached_tokens": 50, "cost": None}
        parts = [{**part, "name": f"f{n}", "tokens": 100 - n, "resent": n} for n in range(5)]
        context = {"parts": parts, "total_tokens": 1000, "window_tokens": 2000, "estimated": True}
        page = shown(parts_panel(context, 3))
        self.assertEqual(page.one("h2").text, "Prompt: 1.0k tokens, 50 % of the window of 2.0k")
        self.assertEqual(
            [each.text for each in page.one("tbody").all("th")],
            ["tool result f0", "tool result f1", "tool result f2"],
        )
        self.assertIn("2 smaller parts are not shown", page.text)
        self.assertIn("Parts of the prompt, estimated", page.text)

    def test_nothing(self) -> None:
        """Of no prompt there is no panel."""
        self.assertIsNone(parts_panel(None))
        self.assertIsNone(parts_panel({"parts": []}))
