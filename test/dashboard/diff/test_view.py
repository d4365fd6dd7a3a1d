"""Tests of the difference of two requests."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.diff.view import counted, difference, unchanged
from ccsproxy.dialects.views.view import Block, Message, RequestView, Tool


def text(words: str) -> Block:
    """Return a block of text."""
    return Block(kind="text", text=words)


def said(*words: str) -> tuple[Message, ...]:
    """Return messages of the user."""
    return tuple(Message("user", (text(each),)) for each in words)


class DifferenceTests(SynchronousTestCase):
    """What one request says otherwise than another."""

    def differ(self, before: dict[str, Any], after: dict[str, Any]) -> Any:
        """Compare two requests."""
        return difference(RequestView(**before), RequestView(**after))

    def test_summary(self) -> None:
        """How many were added, removed and changed, of each kind; parameters only where some differ."""
        found = self.differ({"messages": said("a", "b")}, {"messages": said("a", "c", "d"), "params": {"x": 1}})
        self.assertEqual(
            found.summary, "+1 message, 1 message changed, tools unchanged, system unchanged, +1 parameter"
        )
        self.assertTrue(unchanged(self.differ({}, {}).messages))
        self.assertEqual(counted([], "tool"), "tools unchanged")

    def test_where_the_cache_ends(self) -> None:
        """In the order in which it reads: tools, system prompt, messages; what is only added leaves all as it was."""
        tool = (Tool("a", "", None),)
        for before, after, place in (
            ({"messages": said("a")}, {"messages": said("a", "b")}, ""),
            ({"messages": said("a")}, {"messages": said("b")}, "message 1"),
            ({"messages": said("a", "b")}, {"messages": said("a")}, "message 2"),
            (
                {"system": (text("a"),)},
                {"system": (text("b"),), "messages": said("x")},
                "text 1 of the system prompt",
            ),
            ({"tools": tool, "system": (text("a"),)}, {}, "the tools"),
        ):
            self.assertEqual(self.differ(before, after).diverges, place)

    def test_tools_by_name(self) -> None:
        """The order in which they are offered matters to the cache, and not to what they are."""
        a, b, c = (Tool(name, name, None) for name in "abc")
        found = self.differ({"tools": (a, b)}, {"tools": (b, a)})
        self.assertTrue(unchanged(found.tools))
        self.assertEqual(found.diverges, "the tools")
        found = self.differ({"tools": (a, b)}, {"tools": (Tool("a", "new", None), c)})
        self.assertEqual([pair.kind for pair in found.tools], ["removed", "changed", "added"])

    def test_parameters(self) -> None:
        """By name, null and missing told apart."""
        found = self.differ({"params": {"a": 1, "b": None}}, {"params": {"a": 1, "c": 2}})
        self.assertEqual([(pair.item[0], pair.kind) for pair in found.params],
                         [("a", "same"), ("b", "removed"), ("c", "added")])  # fmt: skip
