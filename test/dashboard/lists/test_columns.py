"""Tests of the columns of lists."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.lists.columns import Column, Order, chooser, heads
from test.dashboard.reading_page import shown


class HeadsTests(SynchronousTestCase):
    """How a list is sorted, by its heads."""

    def test_heads_turn_round(self) -> None:
        """The column that sorts says so and turns round; others begin with what one looks for."""
        columns = (Column("cost", "Cost", "cost", number=True), Column("model", "Model", "model", rising=True))
        asked: list[Order] = []
        page = shown(heads(columns, Order("cost"), lambda order: asked.append(order) or "/x"))
        self.assertEqual(asked, [Order("cost", False), Order("model", False)])
        self.assertEqual(page.all("th")[0].attributes["aria-sort"], "descending")
        self.assertNotIn("aria-sort", page.all("th")[1].attributes)

    def test_a_column_that_cannot_sort(self) -> None:
        """It is a name and no link."""
        page = shown(heads((Column("share", "Share"),), Order("cost"), lambda order: "/x"))
        self.assertEqual((page.all("a"), page.one("th").text), ([], "Share"))

    def test_written(self) -> None:
        """As the query language has it: a sign for the largest first."""
        self.assertEqual([Order("cost").written, Order("cost", False).written], ["-cost", "cost"])


class ChooserTests(SynchronousTestCase):
    """Which columns are shown."""

    def test_fixed_ones_are_not_offered(self) -> None:
        """The others are, under names that tell this list from others."""
        page = shown(chooser((Column("time", "Time", fixed=True), Column("cost", "Cost")), "calls"))
        self.assertEqual([each.attributes["data-column"] for each in page.all("input")], ["calls-cost"])
