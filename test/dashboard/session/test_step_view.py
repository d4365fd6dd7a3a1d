"""Tests of one step of a conversation."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.html.blocks import Place
from ccsproxy.dashboard.html.budget import RenderBudget
from ccsproxy.dashboard.session.step_texts import StepTexts
from ccsproxy.dashboard.session.step_view import StepContext, cache_mark, show_step
from ccsproxy.dialects.views.view import Block, Message
from ccsproxy.insight.cache.verdict import Verdict
from test.dashboard import specimens
from test.dashboard.reading_page import Element, misdeeds, shown
from test.dashboard.session.made import flow

CALL = Block(kind="tool_call", id="toolu_1", name="Read", value={"file_path": "/a.py"})


class StepTests(SynchronousTestCase):
    """Thoughts, answers, each tool call with its result as one item."""

    def step(self, *blocks: Block, records: Any = None, marks: Any = None, **texts: Any) -> Element:
        """Show the first step of a session with the given answer."""
        steps = flow(records or specimens.conversation(2, branch_at=0)).steps
        context = StepContext("s", Place(RenderBudget()), {}, {steps[0].seq: None}, marks or {})
        answer = Message("assistant", blocks) if blocks else None
        return shown(show_step(steps[0], StepTexts(answer=answer, **texts), context))

    def test_a_call_and_its_result_are_one_item(self) -> None:
        """A fold with the target, and in a few words what came."""
        result = Block(kind="tool_result", id="toolu_1", content=(Block(kind="text", text="a\nb\n"),))
        item = self.step(CALL, results={"toolu_1": result}).one("details", data_testid="tool")
        head = item.one("summary").text
        for said in ("Read", "/src/part1.py", "2 lines"):
            self.assertIn(said, head)
        self.assertNotIn("failed", item.attributes["class"] or "")

    def test_a_result_that_failed_or_never_came(self) -> None:
        """Both are seen without opening the item."""
        failed = Block(kind="tool_result", id="toolu_1", is_error=True)
        head = self.step(CALL, results={"toolu_1": failed}).one("details", data_testid="tool").one("summary")
        self.assertIn("failed, ", head.text)
        self.assertIn("no result", self.step(CALL).one("details", data_testid="tool").one("summary").text)

    def test_thoughts_are_folded(self) -> None:
        """Behind their beginning; one without text is hidden by the provider."""
        fold = self.step(Block(kind="thinking", text="Hm. " * 99)).one("details", data_testid="thought")
        self.assertLess(len(fold.one("summary").text), 130)
        self.assertIn("hidden by the provider", self.step(Block(kind="thinking")).text)

    def test_nothing_was_said(self) -> None:
        """Why: the record is gone, the call failed, or nothing was recorded."""
        self.assertIn("kept no more", self.step(gone=True).text)
        self.assertIn("No answer was recorded", self.step().text)
        records = specimens.conversation(1)
        records[0] |= {"outcome": "http_error", "error": {"kind": "overloaded", "message": "too busy"}}
        self.assertIn("too busy", self.step(records=records).text)

    def test_what_happened_before_it(self) -> None:
        """Marks stand above the step, as text."""
        page = self.step(marks={1: ["model: a <b>"]})
        self.assertEqual(page.one("p", data_testid="mark").text, "model: a <b>")
        self.assertEqual(misdeeds(page), [])

    def test_retries(self) -> None:
        """Attempts that failed are folded into one line with their statuses, each of them a link."""
        (first,) = specimens.conversation(1)
        failed = {**first, "outcome": "http_error", "usage": None, "stop_reason": None,
                  "error": {"kind": "overloaded", "message": "busy"}}  # fmt: skip
        failed["response"] = {**failed["response"], "status": 529, "body_reassembled": None}
        again = specimens.conversation(1)[0] | {"seq": 2, "id": "2", "started_at": "2026-11-21T00:00:00.000Z"}
        fold = self.step(records=[failed, again]).all("details", data_testid="retries")
        self.assertEqual([("529 once" in each.text, len(each.all("a"))) for each in fold], [(True, 1)])


class CacheMarkTests(SynchronousTestCase):
    """What was lost of a cache."""

    def test_marks(self) -> None:
        """Only where something was lost: which part changed, and what it cost where that is known."""
        self.assertIsNone(cache_mark(None))
        self.assertIsNone(cache_mark(Verdict(verdict="hit")))
        lost = cache_mark(Verdict(verdict="changed", part="tools", lost_cost=0.5))
        self.assertEqual(shown(lost).text, "cache missed: tools changed, $0.50 lost")
        self.assertEqual(shown(cache_mark(Verdict(verdict="expired"))).text, "cache expired")
