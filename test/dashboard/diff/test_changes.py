"""Tests of changes, each shown as what it is."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.diff import changes
from ccsproxy.dashboard.diff.changes import ShownChanges, show_messages, show_params, show_system, show_tools
from ccsproxy.dashboard.diff.view import difference
from ccsproxy.dashboard.html.blocks import Place
from ccsproxy.dashboard.html.budget import RenderBudget
from ccsproxy.dialects.views.view import Block, Message, RequestView, Tool
from test.dashboard.reading_page import Element, misdeeds, shown


def text(words: str, **more: Any) -> Block:
    """Return a block of text."""
    return Block(kind="text", text=words, **more)


class ChangesTests(SynchronousTestCase):
    """What differs is shown, what stayed is said in a line."""

    def setUp(self) -> None:
        self.shown = ShownChanges(Place(RenderBudget(), anchors=False))

    def page(self, before: dict[str, Any], after: dict[str, Any]) -> Element:
        """Show all that differs."""
        found = difference(RequestView(**before), RequestView(**after))
        parts = [show_params(found.params, self.shown), show_system(found.system, self.shown),
                 show_tools(found.tools, self.shown), show_messages(found.messages, self.shown)]  # fmt: skip
        return shown([part for part in parts if part is not None])

    def kinds(self, page: Element) -> list[str]:
        """Return the kinds of the changes in their order."""
        return [str(each.attributes["class"]).removeprefix("change ") for each in page.all("article")]

    def test_messages(self) -> None:
        """Runs that stayed are a line, with the marks of the cache that are in them."""
        messages = [Message("user", (text(each),)) for each in "abcd"]
        kept = Message("user", (text("b", cache_breakpoint=True),))
        page = self.page(
            {"messages": tuple(messages)},
            {"messages": (messages[0], kept, messages[2], Message("user", (text("e"),)))},
        )
        self.assertIn("Messages 1 to 3 unchanged cache breakpoint in 2", page.text)
        self.assertEqual(self.kinds(page), ["changed", "changed"])
        self.assertIn("Message 4, User", page.text)

    def test_tools(self) -> None:
        """An added one with its description and schema, a changed one with what changed."""
        old, new = Tool("a", "Reads.", {"x": 1}), Tool("a", "Reads all.", {"x": 1})
        page = self.page(
            {"tools": (old, Tool("c", "", None))}, {"tools": (new, Tool("b", "New.", {}), Tool("c", "", None))}
        )
        self.assertEqual(self.kinds(page), ["changed", "added"])
        for said in ("Description", "New.", "1 tool unchanged"):
            self.assertIn(said, page.text)
        self.assertNotIn("Schema", page.all("article")[0].text)

    def test_parameters_and_system(self) -> None:
        """Parts that stayed are not there at all; signs stand beside colours."""
        self.assertEqual(self.page({"params": {"a": 1}}, {"params": {"a": 1}}).text, "")
        page = self.page({"params": {"a": 1}, "system": (text("x"),)}, {"params": {"a": 2}, "system": (text("y"),)})
        self.assertEqual(self.kinds(page), ["changed", "changed"])
        self.assertEqual([each.text for each in page.all("pre", class_="lines")], ["- 1\n+ 2\n", "- x\n+ y\n"])

    def test_each_has_an_address(self) -> None:
        """One for each change of a page, none twice."""
        page = self.page({"params": {"a": 1, "b": 1}}, {"params": {"a": 2, "b": 2}})
        self.assertEqual([each.attributes["id"] for each in page.all("article")], ["change-1", "change-2"])

    def test_what_there_is_no_room_for_is_counted(self) -> None:
        """Changes beyond the page's, and texts beyond those that are compared."""
        self.patch(changes, "CHANGES", 1)
        self.patch(changes, "COMPARISONS", 0)
        self.setUp()
        page = self.page({"params": {"a": 1, "b": 1}}, {"params": {"a": 2, "b": 2}})
        self.assertIn("not compared", page.text)
        self.assertEqual((len(page.all("article")), self.shown.passed_over), (1, 2))

    def test_hostile_words(self) -> None:
        """Whatever differs is text."""
        nasty = '"><img src=x onerror=y>'
        tools, messages = (Tool(nasty, nasty, {nasty: 1}),), (Message(nasty, (text(nasty),)),)
        after = {"params": {nasty: nasty}, "system": (text(nasty),), "tools": tools, "messages": messages}
        page = self.page({}, after)
        self.assertEqual(misdeeds(page), [])
        self.assertEqual(page.all("img"), [])
