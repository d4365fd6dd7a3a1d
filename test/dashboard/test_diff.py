"""Tests of the difference of two requests: in plain values, in every dialect, and as a page."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.diff.align import align
from ccsproxy.dashboard.diff.marks import cache_marks
from ccsproxy.dashboard.diff.texts import PAIRS, SHOWN, TextLine, compare_texts
from ccsproxy.dashboard.diff.view import difference
from ccsproxy.dialects.views.view import Block, Message, RequestView, Tool, request_view
from test.dashboard import specimens
from test.dashboard.scene import DashboardCase
from test.effort import effort


def text(said: str, role: str = "user", **more: Any) -> Message:
    """Return a message of one text."""
    return Message(role, (Block(kind="text", text=said, **more),))


def kinds(before: list[Message], after: list[Message]) -> list[str]:
    """Return how messages are put side by side."""
    return [pair.kind for pair in align(before, after)]


class AlignTests(SynchronousTestCase):
    """Two lists of messages side by side."""

    def test_added_removed_changed(self) -> None:
        """What came at the end is added; what took the place of one of the same role is a change of it."""
        a, b, c = text("a"), text("b", "assistant"), text("c")
        self.assertEqual(kinds([a], [a, b, c]), ["same", "added", "added"])
        self.assertEqual(kinds([a, b, c], [a, c]), ["same", "removed", "same"])
        self.assertEqual(kinds([a, b], [text("z"), b]), ["changed", "same"])
        self.assertEqual(kinds([a], [b]), ["removed", "added"])
        self.assertEqual(kinds([], []), [])

    def test_cache_marks_do_not_count(self) -> None:
        """A mark that moved is no change."""
        self.assertEqual(kinds([text("a", cache_breakpoint=True)], [text("a")]), ["same"])

    @given(st.lists(st.sampled_from("abcd"), max_size=12), st.lists(st.sampled_from("abcd"), max_size=12))
    @settings(max_examples=effort(40), deadline=None)
    def test_nothing_is_lost(self, one: list[str], other: list[str]) -> None:
        """Every message of both lists is in the result once, in its order, whatever they are."""
        pairs = align([text(each) for each in one], [text(each) for each in other])
        self.assertEqual([pair.before_at for pair in pairs if pair.before_at is not None], list(range(len(one))))
        self.assertEqual([pair.after_at for pair in pairs if pair.after_at is not None], list(range(len(other))))
        self.assertTrue(all(pair.equal == (pair.before == pair.after) for pair in pairs))


class TextTests(SynchronousTestCase):
    """Two texts line by line."""

    def lines(self, before: str, after: str) -> list[str]:
        signs = {"added": "+", "removed": "-", "same": " ", "gap": "."}
        return [signs[line.kind] + line.text for line in compare_texts(before, after)]

    def test_words_that_differ(self) -> None:
        """Of a changed line, the words that differ are marked."""
        removed, added = compare_texts("read the old file now", "read the new file now")
        self.assertEqual(removed, TextLine("removed", (("read the ", False), ("old", True), (" file now", False))))
        self.assertEqual([piece for piece, differs in added.pieces if differs], ["new"])

    def test_far_lines_are_left_out(self) -> None:
        """Only a few lines around a change are shown, and how many are not is said."""
        before = [f"line {n}" for n in range(40)]
        after = [*before[:20], "new", *before[20:]]
        found = self.lines("\n".join(before), "\n".join(after))
        self.assertEqual(found[0], ".… 17 lines as before")
        self.assertEqual(found[4], "+new")
        self.assertEqual(found[-1], ".… 17 lines as before")

    def test_words_are_compared_in_so_many_lines(self) -> None:
        """Where many lines changed, the later ones are shown as changed without their words."""
        found = compare_texts(*("\n".join(f"{word} line {n}" for n in range(100)) for word in ("old", "new")))
        marked = [any(differs for _, differs in line.pieces) for line in found if line.kind == "added"]
        self.assertEqual((sum(marked), len(marked)), (PAIRS, 100))
        self.assertFalse(
            any(differs for line in compare_texts("a b", "a c", by_words=False) for _, differs in line.pieces)
        )

    def test_one_long_line(self) -> None:
        """A change in a text without line ends is not a change of all of it."""
        before = " ".join(f"Sentence number {n} says something." for n in range(200))
        found = self.lines(before, before.replace("number 100 says", "number 100 shouts"))
        self.assertEqual([line for line in found if line[0] == "+"], ["+Sentence number 100 shouts something."])

    def test_work_is_bounded(self) -> None:
        """Texts that have nothing in common are neither aligned nor shown whole."""
        found = compare_texts("\n".join(f"a{n}" for n in range(50_000)), "\n".join(f"b{n}" for n in range(50_000)))
        self.assertLessEqual(len(found), SHOWN + 1)
        self.assertIn("too many", found[0].text)
        self.assertIn("50,000", found[-1].text)

    @given(st.lists(st.sampled_from(["a", "b", "c c", "c d", ""])), st.lists(st.sampled_from(["a", "b", "c c", "x"])))
    @settings(max_examples=effort(40), deadline=None)
    def test_both_texts_can_be_read(self, one: list[str], other: list[str]) -> None:
        """Without gaps, the lines that stayed and went are the one text, those that stayed and came the other."""
        found = compare_texts("\n".join(one), "\n".join(other))
        if any(line.kind == "gap" for line in found):
            return
        self.assertEqual([line.text for line in found if line.kind != "added"], "\n".join(one).splitlines())
        self.assertEqual([line.text for line in found if line.kind != "removed"], "\n".join(other).splitlines())


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
