"""Tests of the tables of the overview."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.lists.overview_tables import BY, ROWS, errors_table, split_table
from test.dashboard.reading_page import Element, misdeeds, shown

LINKS = {name: f"/overview?by={name}" for name in BY}


def row(name: Any, **more: Any) -> dict[str, Any]:
    """Return what one of a split costs."""
    counts = {"requests": 2, "errors": 0, "prompt_tokens": 100, "cache_read_input_tokens": 40, "output_tokens": 7}
    return {"name": name, "cost": 0.5, "unpriced": 0, "seconds": 1.5, **counts, **more}


class SplitTests(SynchronousTestCase):
    """What was spent by one thing."""

    def table(self, by: str, *rows: dict[str, Any], **more: Any) -> Element:
        """Show the table by something."""
        return shown(split_table(by, {"rows": list(rows), **more}, LINKS, "since:7d"))

    def test_names_lead_to_their_calls(self) -> None:
        """In the query language and in the same time; a value with blanks is quoted, one with a quote is no link."""
        page = self.table("project", row("/a"), row("/a b"), row('/a"b'), row(None))
        links = [each.attributes["href"] for each in page.one("tbody").all("a")]
        self.assertEqual(links, ["/calls?q=cwd%3A%2Fa+since%3A7d", "/calls?q=cwd%3A%22%2Fa+b%22+since%3A7d"])
        self.assertIn("not known", page.text)
        day = self.table("day", row("2026-11-20")).one("tbody").one("a").attributes["href"] or ""
        self.assertIn("since%3A2026-11-20T00%3A00%3A00", day)

    def test_figures(self) -> None:
        """What came from the cache is a share, what did not the rest; unknown money is a dash, a bound says so."""
        cells = [each.text for each in self.table("model", row("m")).one("tbody").all("td")]
        self.assertEqual(cells, ["$0.50", "2", "0", "100", "40 %", "60", "7", "1.5 s"])
        self.assertIn("\N{GREATER-THAN OR EQUAL TO}", self.table("model", row("m", unpriced=1)).text)
        self.assertIn("–", self.table("model", row("m", cost=None, seconds=None)).one("tbody").text)

    def test_parts_of_prompts_are_estimates(self) -> None:
        """They say so at each figure; names that others have given stay as they are, ours are words."""
        part = {"cost": 0.1, "unpriced": 0, "tokens_sent": 50, "requests": 3}
        page = self.table("kind", {"name": "tool_result", **part}, {"name": "mcp__a__b", **part})
        self.assertEqual([each.text for each in page.one("tbody").all("th")], ["tool result", "mcp__a__b"])
        self.assertEqual([each.text for each in page.one("tbody").all("td")][:2], ["~$0.10", "~50"])

    def test_what_is_left_out_is_counted(self) -> None:
        """Rows beyond the bound, and sessions that nobody looked through."""
        page = self.table("model", *(row(f"m{n}") for n in range(ROWS + 3)), sessions_left_out=1)
        self.assertEqual(len(page.one("tbody").all("tr")), ROWS)
        self.assertIn("3 more rows not shown", page.text)
        self.assertIn("1 older session not looked through", page.text)

    def test_nothing(self) -> None:
        """An empty time says so, and still leads to the other splits; hostile names are text."""
        page = self.table("model")
        self.assertIn("Nothing in this time", page.text)
        self.assertEqual(len(page.all("a")), len(BY))
        self.assertEqual(misdeeds(self.table("client", row('"><img src=x>'))), [])


class ErrorsTests(SynchronousTestCase):
    """Errors by their cause."""

    def test_errors(self) -> None:
        """Each with how many a retry made good, and the way to the newest; none is no table."""
        found = {"cause": "rate limit", "calls": 3, "recovered": 2, "seconds": 4.5, "last": ("s", 7)}
        page = shown(errors_table({"rows": [found], "left_out": 1}))
        self.assertEqual([each.text for each in page.one("tbody").all("td")], ["3", "2", "4.5 s", "call 7"])
        self.assertEqual(page.one("a").attributes["href"], "/x/s/7")
        self.assertIn("Retries of 1 older session were not looked for", page.text)
        self.assertIsNone(errors_table({"rows": [], "left_out": 0}))
