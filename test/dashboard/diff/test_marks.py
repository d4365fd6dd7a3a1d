"""Tests of where a request asks the prompt cache to keep what came so far."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.diff.marks import cache_marks, marked, tool_marks
from ccsproxy.dialects.views.view import Block, Message, RequestView, Tool

MARK = Block(kind="text", text="x", cache_breakpoint=True)
PLAIN = Block(kind="text", text="x")


class MarksTests(SynchronousTestCase):
    """Each mark has its place."""

    def test_in_the_order_of_the_prompt(self) -> None:
        """Tools, system prompt, messages; a mark within a result is one of its message."""
        within = Block(kind="tool_result", content=(PLAIN, MARK))
        view = RequestView(
            system=(PLAIN, MARK),
            tools=(Tool("a", "", None), Tool("b", "", None)),
            messages=(Message("user", (PLAIN,)), Message("user", (PLAIN, within))),
        )
        body = {"tools": [{"name": "a"}, {"name": "b", "cache_control": {"type": "ephemeral"}}]}
        self.assertEqual(cache_marks(view, body), ["tool b", "system text 2", "message 2"])

    def test_bodies_that_are_none(self) -> None:
        """Whatever stands where tools should be has no mark, and one beyond the view is not named."""
        for body in (None, "x", [], {"tools": None}, {"tools": "x"}, {"tools": [None, "x"]}):
            self.assertEqual(list(tool_marks(body)), [])
        self.assertEqual(
            cache_marks(RequestView(), {"tools": [{"cache_control": {}}, {"cache_control": {"a": 1}}]}), []
        )

    def test_deep(self) -> None:
        """However deep it lies."""
        deep = MARK
        for _ in range(20):
            deep = Block(kind="tool_result", content=(PLAIN, deep))
        self.assertEqual((marked(deep), marked(PLAIN)), (True, False))
