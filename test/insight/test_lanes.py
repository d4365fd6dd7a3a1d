"""Which call goes on from which, where clients name nothing; and what images cost."""

import random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.insight.collect import Collector
from ccsproxy.insight.conversation.conversation import conversation
from ccsproxy.insight.conversation.times import call_times
from ccsproxy.insight.findings import findings
from ccsproxy.insight.prompt.images import image_tokens, images_in, pixels
from ccsproxy.insight.session import Session
from test.insight.agent import Claude, Recorder, png, prose, text, tool, use
from test.insight.provider import AnthropicCache


def session_of(recorder: Recorder) -> Session:
    collector = Collector()
    return Session([collector.collect(record) for record in recorder.records])


class LaneTests(SynchronousTestCase):
    """Small sessions of one agent or two."""

    def setUp(self) -> None:
        self.recorder, self.rng = Recorder(), random.Random(3)
        self.cache = AnthropicCache(minimum=512)

    def agent(self, **more: Any) -> Claude:
        made = Claude(self.recorder, self.cache, "s", self.rng, **more)
        made.tools = [tool(f"Tool{n}", self.rng) for n in range(12)]
        made.system = ["You are an agent.", prose(self.rng, 600)]
        return made

    def turns(self) -> list[tuple[str, list[int]]]:
        got = conversation(session_of(self.recorder))
        return [(turn["prompt"], [step["seq"] for step in turn["steps"]]) for turn in got["turns"]]

    def marks(self) -> list[tuple[str, int]]:
        return [(mark["kind"], mark["seq"]) for mark in conversation(session_of(self.recorder))["marks"]]

    def test_side_by_side(self) -> None:
        """Two conversations of a program that names neither are judged apart: both hit."""
        one, other = self.agent(), self.agent(system=["other"])
        one.say("question one")
        other.say("question two")
        for _ in range(3):
            for agent in (one, other):
                agent.ask([text("fine")])
                agent.say("go on")
                agent.now_s += 1
        session = session_of(self.recorder)
        self.assertEqual(len([lane for lane in session.lanes.lanes if not lane.aside]), 2)
        verdicts = [session.verdicts[seq].verdict for seq in range(1, 7)]
        self.assertEqual(verdicts, ["cold", "cold", "hit", "hit", "hit", "hit"])

    def test_cleared(self) -> None:
        agent = self.agent()
        agent.say("first")
        agent.ask([text("fine")])
        agent.messages = []
        agent.say("second, after /clear")
        agent.ask([text("fine")])
        self.assertEqual(self.turns(), [("first", [1]), ("second, after /clear", [2])])
        self.assertIn(("clear", 2), self.marks())

    def test_model_switch(self) -> None:
        agent = self.agent()
        agent.say("first")
        agent.ask([text("fine")])
        agent.say("second")
        agent.model = "claude-sonnet-5-5"
        agent.ask([text("fine")])
        self.assertIn(("model", 2), self.marks())
        self.assertEqual(session_of(self.recorder).verdicts[2].part, "model")

    def test_message_beside_a_result(self) -> None:
        """What the user types while a tool runs begins a turn; a reminder does not."""
        agent = self.agent()
        agent.say("first")
        agent.ask([use("Tool0", {"path": "a"}, "t1")])
        agent.results(("t1", "done"))
        agent.messages[-1]["content"].append(text("<system-reminder>be brief</system-reminder>"))
        agent.ask([use("Tool0", {"path": "b"}, "t2")])
        agent.results(("t2", "done"))
        agent.messages[-1]["content"].append(text("no, the other file"))
        agent.ask([text("fine")])
        self.assertEqual(self.turns(), [("first", [1, 2]), ("no, the other file", [3])])

    def test_retry_that_never_works(self) -> None:
        agent = self.agent()
        agent.say("first")
        for _ in range(3):
            agent.fail(529)
        got = conversation(session_of(self.recorder))
        (step,) = got["turns"][0]["steps"]
        self.assertEqual((step["seq"], step["retries"], step["outcome"]), (3, [1, 2], "http_error"))
        self.assertEqual(got["totals"]["errors"], 3)

    def test_times_sum_up(self) -> None:
        """The seconds of a conversation are those from its first call to its end, each once."""
        agent = self.agent()
        agent.say("first")
        agent.ask([use("Tool0", {"path": "a"}, "t1")], took_s=3.0)
        agent.now_s += 5
        agent.results(("t1", "done"))
        agent.ask([text("fine")], took_s=2.0, response={"stream": {"text": "", "chunks": [[500, 1], [1900, 1]]}})
        agent.now_s += 60
        agent.say("second")
        agent.fail(529)
        agent.now_s += 4
        agent.ask([text("fine")], took_s=1.0)
        times = conversation(session_of(self.recorder))["totals"]["times"]
        self.assertEqual((times["tools"], times["user"], times["backoff"]), (5.0, 60.0, 4.3))
        self.assertAlmostEqual(times["total"], 75.3, places=2)
        self.assertAlmostEqual(sum(times[name] for name in ("model", "tools", "backoff", "user")), 75.3, places=2)

    def test_full_context(self) -> None:
        """A context that fills most of the model's window is told."""
        agent = self.agent(model="claude-haiku-4-5")
        agent.say("first")
        usage = {"input_tokens": 5, "cache_read_input_tokens": 170_000, "cache_creation_input_tokens": 0}
        agent.ask([text("fine")], usage=usage)
        found = [each.text for each in findings(session_of(self.recorder)) if each.kind == "context"]
        self.assertEqual(found, ["the context is 85% full: 170k of 200k tokens"])

    def test_stall(self) -> None:
        agent = self.agent()
        agent.say("first")
        agent.ask(
            [text("fine")], took_s=9.0, response={"stream": {"text": "", "chunks": [[500, 1], [6500, 1], [9000, 1]]}}
        )
        times = call_times(session_of(self.recorder).calls[0])
        self.assertAlmostEqual(times.stalled, 8.5, places=3)


class ImageTests(SynchronousTestCase):
    """Pixels, and the rules of the providers with their own examples."""

    def test_pixels(self) -> None:
        self.assertEqual(pixels(png(800, 600)), (800, 600))
        self.assertIsNone(pixels("aGVsbG8="))
        self.assertIsNone(pixels("no base64 !"))
        block = {"type": "image", "source": {"type": "base64", "data": png(30, 20)}}
        message = {"role": "user", "content": [{"type": "tool_result", "content": [block, block]}]}
        self.assertEqual(list(images_in(message)), [(30, 20), (30, 20)])

    def test_rules(self) -> None:
        for model, size, tokens in (
            ("claude-opus-5-5", (1000, 1000), 36 * 36), ("claude-sonnet-4-5", (4000, 4000), 1568),
            ("gpt-4o", (1024, 1024), 765), ("gpt-5", (1024, 1024), 630), ("gemini-2.5-pro", (384, 384), 258),
            ("gemini-3-pro", (50, 50), 1120), ("gpt-5.5", (1024, 1024), 1229),
        ):  # fmt: skip
            self.assertEqual(image_tokens(model, size), tokens, model)
