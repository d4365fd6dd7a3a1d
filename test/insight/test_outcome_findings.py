"""How calls ended, as sentences: errors and their reason, answers cut off, requests sent twice, thinking."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.insight.facts import Call, Item, Part, Rates, Tokens
from ccsproxy.insight.finding import Finding
from ccsproxy.insight.findings import findings
from ccsproxy.insight.session import Session

RATES = Rates(input=5.0, output=25.0, read=0.5, write_5m=6.25)


def asked(*texts: str) -> tuple[Item, ...]:
    """Make a prompt of messages."""
    return tuple(
        Item("messages", "user", len(text) * 1000 + ord(text[0]), (Part(kind="user", size=9, quote=text),), tokens=10)
        for text in texts
    )


class OutcomeFindingTests(SynchronousTestCase):
    """Sessions of a few calls."""

    def found(self, *calls: dict[str, Any]) -> dict[str, Finding]:
        """Return the findings of a session, by kind."""
        made = [
            Call(**{"session_id": "s", "seq": n, "started_ms": n * 1000, "category": "model", "role": "main",
                    "outcome": "complete", "status": 200, "duration_ms": 500.0, "known": True, **call})
            for n, call in enumerate(calls, 1)
        ]  # fmt: skip
        return {each.kind: each for each in findings(Session(made))}

    def test_reason(self) -> None:
        """An error that nothing made good says why; one that was repeated with success only counts."""
        bad = {"outcome": "http_error", "status": 400, "error": "prompt is too long"}
        text = self.found({"items": asked("a")}, {"items": asked("a", "b"), **bad})["errors"].text
        self.assertEqual(text, "400 once, 0.5 s lost: prompt is too long")
        busy = {"outcome": "http_error", "status": 529, "error": "Overloaded"}
        two = {"items": asked("a", "b")}
        text = self.found({"items": asked("a")}, {**two, **busy}, two)["errors"].text
        self.assertEqual(text, "529 once, 1.0 s lost")

    def test_cut_off(self) -> None:
        """By reason, with the words of the provider; a probe of one token and side calls are none."""
        limit = {"stop_reason": "max_tokens", "tokens": Tokens(input=9, output=400)}
        found = self.found(
            {"items": asked("a"), **limit},
            {"items": asked("quota"), "stop_reason": "max_tokens", "tokens": Tokens(input=9, output=1)},
            {"items": asked("t"), **limit, "role": "title"},
            {"items": asked("b"), "stop_reason": "end_turn"},
        )
        self.assertIn("1 answer cut off at the limit of output tokens (max_tokens)", found["stop"].text)
        text = self.found({"items": asked("a"), "stop_reason": "refusal"})["stop"].text
        self.assertIn("refused by the model or its filter (refusal)", text)
        self.assertNotIn("stop", self.found({"items": asked("a"), "stop_reason": "tool_use"}))

    def test_repeated(self) -> None:
        """What had been answered already, and what that cost; a retry after an error is none."""
        one = {"items": asked("a"), "cost": 0.02}
        found = self.found(one, one, one, {"items": asked("a", "b"), "cost": 9.0})
        self.assertEqual(found["repeated"].text, "2 requests had been answered already and cost $0.0400 again")
        failed = {**one, "outcome": "http_error", "status": 529, "cost": None}
        self.assertNotIn("repeated", self.found(failed, one))
        self.assertNotIn("repeated", self.found({**one, "cost": 0.001}, {**one, "cost": 0.001}))

    def test_thinking(self) -> None:
        """Where it is most of the output and much of the cost."""
        thought = {"items": asked("a"), "tokens": Tokens(input=9, output=9000, reasoning=8000), "rates": RATES}
        found = self.found({**thought, "cost": 0.225})
        self.assertEqual(found["thinking"].text, "thinking was 89% of the output: 8.0k tokens, $0.20")
        self.assertNotIn("thinking", self.found({**thought, "cost": 2.0}))
        short = {**thought, "tokens": Tokens(input=9, output=9000, reasoning=800)}
        self.assertNotIn("thinking", self.found({**short, "cost": 0.225}))
