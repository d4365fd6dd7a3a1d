"""Tests of values as trees."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.html.budget import RenderBudget
from ccsproxy.dashboard.html.json_tree import MEMBERS, OPEN, tree
from test.dashboard.reading_page import misdeeds, shown
from test.effort import effort


class TreeTests(SynchronousTestCase):
    """Any value can be shown, up to a bound that is said."""

    def test_the_first_levels_are_open(self) -> None:
        """What lies deeper is folded, with how many members it has."""
        value: Any = {"end": 1}
        for _ in range(4):
            value = {"in": value}
        folds = shown(tree(value, RenderBudget())).all("details")
        self.assertEqual(["open" in each.attributes for each in folds], [True] * OPEN + [False] * (4 - OPEN))
        self.assertIn("{…} 1", folds[0].text)

    def test_scalars(self) -> None:
        """Each is written as JSON writes it, and nothing looks like something."""
        page = shown(tree([None, True, False, 1.5, "x", {}, []], RenderBudget()))
        for said in ("null", "true", "false", "1.5", '"x"', "{}", "[]"):
            self.assertIn(said, page.text)

    def test_many_members(self) -> None:
        """Beyond so many, and beyond the page's elements, the rest is counted."""
        self.assertIn("7 more members", shown(tree(list(range(MEMBERS + 7)), RenderBudget())).text)
        self.assertIn("8 more members", shown(tree(list(range(10)), RenderBudget(elements=2))).text)

    def test_long_texts(self) -> None:
        """What there is no room for is counted."""
        self.assertIn("… 5 more characters", shown(tree("x" * 20_005, RenderBudget())).text)

    def test_depth(self) -> None:
        """Values nested beyond reason end somewhere."""
        value: Any = 1
        for _ in range(300):
            value = [value]
        self.assertIn("nested too deeply", shown(tree(value, RenderBudget())).text)

    @settings(max_examples=effort(20), deadline=None)
    @given(
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        )
    )
    def test_any_value(self, value: Any) -> None:
        """Whatever JSON can hold is shown, and does nothing."""
        self.assertEqual(misdeeds(shown(tree(value, RenderBudget()))), [])
