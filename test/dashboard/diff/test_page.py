"""Tests of the difference of two requests: in plain values, in every dialect, and as a page."""

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.diff.marks import cache_marks
from ccsproxy.dashboard.diff.view import difference
from ccsproxy.dialects.views.view import Block, Message, RequestView, Tool, request_view
from test.dashboard import specimens
from test.dashboard.scene import DashboardCase


def text(said: str, role: str = "user", **more: Any) -> Message:
    """Return a message of one text."""
    return Message(role, (Block(kind="text", text=said, **more),))


class DifferenceTests(SynchronousTestCase):
    """Two requests."""

    def test_summary(self) -> None:
        """The difference is said in a line."""
        before = RequestView(
            messages=(text("a"),), tools=(Tool("Read", "", {"a": 1}), Tool("Old", "", {})), params={"model": "m"}
        )
        after = RequestView(
            messages=(text("a"), text("b"), text("c")), tools=(Tool("Read", "", {"a": 2}),), params={"model": "m"}
        )
        found = difference(before, after)
        self.assertEqual(found.summary, "+2 messages, −1 tool, 1 tool changed, system unchanged")
        self.assertEqual(difference(before, before).summary, "messages unchanged, tools unchanged, system unchanged")

    def test_order_of_tools_and_members_does_not_count(self) -> None:
        """Tools are put together by name, and schemas that say the same are the same."""
        one = RequestView(tools=(Tool("A", "", {"x": 1, "y": 2}), Tool("B", "", {})))
        other = RequestView(tools=(Tool("B", "", {}), Tool("A", "", {"y": 2, "x": 1})))
        self.assertTrue(all(pair.equal for pair in difference(one, other).tools))

    def test_where_the_prompt_cache_ends(self) -> None:
        """Tools come first, then the system prompt, then messages; what is added at the end changes nothing."""
        tool, prompt = Tool("A", "", {}), Block(kind="text", text="s")
        before = RequestView(system=(prompt,), tools=(tool, Tool("B", "", {})), messages=(text("a"), text("b")))

        def at(**more: Any) -> str:
            return difference(before, msgspec.structs.replace(before, **more)).diverges

        self.assertEqual(at(messages=(text("a"), text("b"), text("c"))), "")
        self.assertEqual(at(messages=(text("a"),)), "message 2")
        self.assertEqual(at(messages=(text("a"), text("x"), text("b"))), "message 2")
        self.assertEqual(at(system=(prompt, prompt), messages=()), "text 2 of the system prompt")
        self.assertEqual(at(tools=before.tools[::-1]), "the tools")
        self.assertEqual(at(tools=(*before.tools, Tool("C", "", {})), system=()), "the tools")

    def test_tools_of_one_name(self) -> None:
        """Tools that share a name are all there."""
        one = RequestView(tools=(Tool("A", "1", {}), Tool("A", "2", {})))
        pairs = difference(one, RequestView(tools=(Tool("A", "1", {}),))).tools
        self.assertEqual(sorted(pair.kind for pair in pairs), ["removed", "same"])

    def test_parameters(self) -> None:
        """A parameter that is null is another than one that is not there."""
        found = difference(RequestView(params={"a": None, "b": 1}), RequestView(params={"b": 2, "c": None}))
        self.assertEqual([(pair.item[0], pair.kind) for pair in found.params], [
            ("a", "removed"), ("b", "changed"), ("c", "added"),
        ])  # fmt: skip

    def test_every_dialect(self) -> None:
        """A request equals itself in every dialect, and the difference to any other can be told."""
        views = {}
        for name, (make, _, _) in specimens.DIALECTS.items():
            made = make()
            views[name] = request_view(made["dialect"], made["request"]["body"])
            self.assertIn("system unchanged", difference(views[name], views[name]).summary)
        for one in views.values():
            for other in views.values():
                self.assertTrue(difference(one, other).summary)

    def test_cache_marks(self) -> None:
        """Marks are named in the order of the prompt, those of tools too."""
        body = {
            "tools": [{"name": "A"}, {"name": "B", "cache_control": {"type": "ephemeral"}}],
            "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                {"role": "user", "content": "a"},
                {"role": "user", "content": [{"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}]},
            ],
        }
        self.assertEqual(cache_marks(request_view("anthropic", body), body), ["tool B", "system text 1", "message 2"])
        self.assertEqual(cache_marks(request_view(None, "x"), "x"), [])


class DiffPageTests(DashboardCase):
    """The page over a store."""

    def test_turn_to_turn(self) -> None:
        """The page says what came, what stayed, and where the turns before and after are."""
        self.keep(*specimens.conversation(3))
        page = self.page(f"/diff/{specimens.SID}/2/3")
        self.assertIn("+2 messages, tools unchanged, system unchanged", page.one("p", data_testid="summary").text)
        self.assertEqual(len(page.all("article", data_testid="change-added")), 2)
        self.assertIn("Messages 1 to 3 unchanged", page.text)
        self.assertEqual(page.one("body").attributes["data-diff"], f"/diff/{specimens.SID}/1/2")
        self.assertIn("system text 1", page.one("dl", data_testid="cache").text)

    def test_changes_are_shown(self) -> None:
        """A changed tool shows its schema's change, a changed text its words."""
        one, other = specimens.anthropic(1), specimens.anthropic(2)
        body = other["request"]["body"] = {**other["request"]["body"]}
        body["tools"] = [{**tool, "description": tool["description"] + " Quickly."} for tool in body["tools"]]
        body["system"] = "Another system prompt."
        body["max_tokens"] = 5
        self.keep(one, other)
        page = self.page(f"/diff/{specimens.SID}/1/2")
        self.assertIn("tools changed, system changed", page.one("p", data_testid="summary").text)
        self.assertIn("Quickly", page.one("section", data_testid="diff-tools").text)
        self.assertIn("max_tokens", page.one("section", data_testid="diff-parameters").text)
        self.assertEqual(page.all("section", data_testid="diff-system")[0].one("h2").text, "System prompt")

    def test_every_pair_of_dialects(self) -> None:
        """Any two requests have a page, in both directions."""
        self.keep(*(make(number) for number, (make, _, _) in enumerate(specimens.DIALECTS.values(), 1)))
        for a in range(1, 8):
            for b in range(1, 8):
                page = self.page(f"/diff/{specimens.SID}/{a}/{b}")
                if a == b:
                    self.assertIn("say the same", page.text)

    def test_large_changes_are_cut(self) -> None:
        """A change that has no room on the page is cut, and the page says so."""
        many = [{"role": "user", "content": "word " * 30_000} for _ in range(40)]
        body = {"model": "m", "messages": many}
        self.keep(
            specimens.record(1, "anthropic", {"model": "m", "messages": []}, {}),
            specimens.record(2, "anthropic", body, {}),
        )
        response = self.ask(f"/diff/{specimens.SID}/1/2")
        self.assertLess(len(response.body), 2_000_000)
        self.assertIn("not shown", self.page(f"/diff/{specimens.SID}/1/2").one("p", data_testid="cut").text)

    def test_too_large_to_compare(self) -> None:
        """Two requests that are too large are not read into views; the page says it."""
        made = [specimens.anthropic(1), specimens.anthropic(2)]
        for each in made:
            each["request"] = {**each["request"], "body_bytes": 50_000_000}
        self.keep(*made)
        self.assertIn("Not compared", self.page(f"/diff/{specimens.SID}/1/2").text)

    def test_missing(self) -> None:
        """What is not there is 404."""
        self.keep(*specimens.conversation(2))
        for path in (
            f"/diff/{specimens.SID}/1/99",
            f"/diff/{specimens.SID}/1",
            f"/diff/{specimens.SID}/a/b",
            "/diff/x/1/2",
        ):
            self.page(path, 404)
