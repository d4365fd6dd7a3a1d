"""Everything that is asked of insight, checked against a world whose truth is known."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.insight.conversation.conversation import conversation
from ccsproxy.insight.cost.context import context
from ccsproxy.insight.session import Session
from test.insight.test_cache import sessions_of
from test.insight.world import MAIN, Truth, make_world

#: Dollars for a million tokens, by hand: input, output, read, written for 5 minutes, written for an hour.
RATES = {
    "claude-opus-5-5": (4.0, 20.0, 0.2, 5.0, 8.0),
    "claude-sonnet-5-5": (2.0, 10.0, 0.1, 2.5, 4.0),
    "claude-haiku-4-5": (1.0, 5.0, 0.1, 1.25, 2.0),
}


class WorldCase(SynchronousTestCase):
    """The world is made once, as it costs seconds."""

    world: Any = None

    def setUp(self) -> None:
        if WorldCase.world is None:
            WorldCase.world = make_world()
            WorldCase.sessions = sessions_of(WorldCase.world.records)

    def truth(self, name: str) -> tuple[Session, Truth]:
        return WorldCase.sessions[name], WorldCase.world.truths[name]


class WorldTests(WorldCase):
    """What is computed against what was made."""

    def test_size(self) -> None:
        """It is as large as the one that people were watched with."""
        self.assertGreaterEqual(len(self.world.records), 155)

    def test_structure(self) -> None:
        """Turns, steps, retries and sub-agents are those that were made."""
        for name in self.world.truths:
            session, truth = self.truth(name)
            got = conversation(session)
            turns = [(turn["prompt"], [_step(step) for step in turn["steps"]]) for turn in got["turns"]]
            expected = [(words[:400], steps) for words, steps in truth.turns]
            self.assertEqual(turns, expected, name)
            self.assertEqual([turn["number"] for turn in got["turns"]], list(range(1, len(expected) + 1)))
            self.assertEqual(sorted(got["aside"]), sorted(truth.aside), name)

    def test_marks(self) -> None:
        for name in self.world.truths:
            session, truth = self.truth(name)
            got = {(mark["kind"], mark["seq"]) for mark in conversation(session)["marks"]}
            self.assertLessEqual(set(truth.marks), got, name)

    def test_results(self) -> None:
        """Each tool call of the main session has its result."""
        got = conversation(self.truth(MAIN)[0])
        calls = [call for turn in got["turns"] for step in turn["steps"] for call in step["calls"]]
        self.assertGreater(len(calls), 15)
        self.assertTrue(all(call["result"] is not None for call in calls))

    def test_verdicts(self) -> None:
        for name in self.world.truths:
            session, truth = self.truth(name)
            for seq, (verdict, part) in truth.verdicts.items():
                got = session.verdicts[seq]
                self.assertEqual(got.verdict, verdict, (name, seq, got))
                self.assertEqual(got.part or "", part) if part else None

    def test_cost(self) -> None:
        """Costs are those of a calculation by hand."""
        for record in self.world.records:
            usage, rates = record["usage"], RATES.get(record["model"] or "")
            if usage is None or rates is None:
                continue
            got = self.sessions[record["session_id"]].by_seq[record["seq"]].cost
            counts = [
                usage["input_tokens"],
                usage["output_tokens"],
                usage["cache_read_input_tokens"],
                usage["cache_creation_5m"],
                usage["cache_creation_1h"],
            ]
            self.assertAlmostEqual(got, sum(n * rate for n, rate in zip(counts, rates, strict=True)) / 1e6, places=9)

    def test_attribution(self) -> None:
        """Each kind of part is within 5 % of the whole prompt of what was counted, and costs sum to the bill."""
        session, truth = self.truth(MAIN)
        worst = 0.0
        for seq, kinds in truth.kinds.items():
            call = session.by_seq[seq]
            if call.tokens.prompt is None:
                continue
            got = context(session.sizes[seq], session.sent, session.thoughts)
            self.assertEqual(sum(part["tokens"] for part in got["parts"]), got["total_tokens"])
            found = {each["kind"]: each["tokens"] for each in got["kinds"]}
            found["tools"] = found.pop("tool")
            found["context"] = found.get("context", 0) + found.pop("instructions", 0)
            for kind, tokens in kinds.items():
                off = abs(found.get(kind, 0) - tokens) / got["total_tokens"]
                worst = max(worst, off)
                self.assertLess(off, 0.05, (seq, kind, tokens, found))
            billed = sum(part["cost"] for part in got["parts"])
            self.assertAlmostEqual(billed, call.cost - call.tokens.output * 20e-6, places=5)
        self.assertGreater(worst, 0.0)


def _step(step: dict[str, Any]) -> Any:
    agents = {agent["call"]: [each["seq"] for each in agent["steps"]] for agent in step["agents"]}
    return step["seq"], step["retries"], agents
