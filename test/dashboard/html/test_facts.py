"""Tests of lists of names and values."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.html.facts import copied, facts, panel, table, tiles
from ccsproxy.dashboard.html.figures import UNKNOWN
from ccsproxy.dashboard.html.markup import h
from test.dashboard.reading_page import shown


class FactsTests(SynchronousTestCase):
    """What is not known is left out of facts, and a dash among tiles."""

    def test_facts(self) -> None:
        """A zero is known; null and nothing are not."""
        page = shown(facts([("a", 0), ("b", None), ("c", ""), ("d", "x")]))
        self.assertEqual([each.text for each in page.all("dt")], ["a", "d"])
        self.assertIn("nothing known", shown(facts([("b", None)])).text)

    def test_tiles(self) -> None:
        """Each keeps its place, known or not."""
        page = shown(tiles([("a", "1"), ("b", None)]))
        self.assertEqual([each.text for each in page.all("dd")], ["1", UNKNOWN])

    def test_copied(self) -> None:
        """What can be copied has a button that holds all of it; without a value there is nothing to copy."""
        name, value = copied("Request id", "req_1")
        self.assertEqual(shown(value).one("button").attributes["data-copy"], "req_1")
        self.assertEqual(copied(name, None), (name, None))

    def test_panel(self) -> None:
        """A panel has its heading first, and the attributes that it was given."""
        section = shown(panel("Time", "x", id="timing")).one("section", id="timing")
        self.assertEqual(section.one("h2").text, "Time")


class TableTests(SynchronousTestCase):
    """A head, rows, and a frame that scrolls."""

    def test_columns(self) -> None:
        """Figures stand at the right, names at the left; the frame can be reached and is named."""
        page = shown(table("Things", ("Name", "Count"), [h.tr(h.th("a"), h.td("3"))], ("Count",), data_testid="t"))
        heads = page.one("thead").all("th")
        self.assertEqual([each.attributes.get("class") for each in heads], [None, "num"])
        self.assertNotIn("data-label", page.one("td").attributes)
        frame = page.one(data_testid="t")
        self.assertEqual((frame.attributes["tabindex"], frame.attributes["aria-label"]), ("0", "Things"))

    def test_stacked(self) -> None:
        """Where a narrow screen shows rows as blocks, each cell says what it is; what heads the row needs no name."""
        page = shown(table("Things", ("Name", "Count"), [h.tr(h.th("a"), h.td("3"))], ("Count",), stacked=True))
        self.assertEqual(page.one("td").attributes["data-label"], "count")
        self.assertEqual(page.one("table").attributes["class"], "rows stack")
        self.assertNotIn("data-label", page.one("tbody").one("th").attributes)
