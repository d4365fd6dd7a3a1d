"""Streams of which only the beginning is kept: what came before stays, counts and ending are still read."""

import json
import tracemalloc
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dialects import DecodedResponse, detect
from ccsproxy.dialects.overflow import without_data
from ccsproxy.wire.jsontext import loads
from test.dialects.exchanges import ROUTES, facts_for, lines, sse
from test.dialects.test_bedrock import converse


def anthropic(texts: list[str]) -> list[bytes]:
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "m", "model": "c", "content": [], "usage": {"input_tokens": 9}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": t}} for t in texts),
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 77}},
        {"type": "message_stop"},
    ]
    return [sse([event]) for event in events]


def chunk(delta: Any, reason: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}


def chat(texts: list[str]) -> list[bytes]:
    usage = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 77}}
    events = [*(chunk({"content": text}, None) for text in texts), chunk({}, "stop"), usage]
    return [*(sse([event]) for event in events), b"data: [DONE]\n\n"]


def responses(texts: list[str]) -> list[bytes]:
    item = {"type": "message", "content": []}
    done = {"id": "r", "object": "response", "status": "completed", "model": "m",
            "output": [{"type": "message", "content": [{"type": "output_text", "text": "".join(texts)}]}],
            "usage": {"input_tokens": 9, "output_tokens": 77}}  # fmt: skip
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {"id": "r", "object": "response", "status": "in_progress"}},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        *({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": t} for t in texts),
        {"type": "response.completed", "response": done},
    ]
    return [sse([event]) for event in events]


def gemini(texts: list[str]) -> list[bytes]:
    events: list[dict[str, Any]] = [{"candidates": [{"content": {"parts": [{"text": text}]}}]} for text in texts]
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 77, "totalTokenCount": 86}
    return [sse([event]) for event in [*events, {"candidates": [{"finishReason": "STOP"}], "usageMetadata": usage}]]


def ollama(texts: list[str]) -> list[bytes]:
    events: list[dict[str, Any]] = [{"model": "l", "message": {"content": text}, "done": False} for text in texts]
    end = {"model": "l", "done": True, "done_reason": "stop", "prompt_eval_count": 9, "eval_count": 77}
    return [lines([event]) for event in [*events, end]]


def bedrock(texts: list[str]) -> list[bytes]:
    delta = lambda text: converse("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}})  # noqa: E731
    usage = {"usage": {"inputTokens": 9, "outputTokens": 77}}
    return [converse("messageStart", {"role": "assistant"}), *map(delta, texts),
            converse("messageStop", {"stopReason": "end_turn"}), converse("metadata", usage)]  # fmt: skip


STREAMS = {
    "anthropic": anthropic,
    "openai_chat": chat,
    "openai_responses": responses,
    "gemini": gemini,
    "ollama": ollama,
    "bedrock": bedrock,
}
TEXTS = [f"word{number} " for number in range(400)]


def answer(dialect: str, pieces: list[bytes], kept: int, whole: bool = True) -> DecodedResponse:
    """Read a stream of which so many pieces are kept."""
    facts = facts_for(*ROUTES[dialect])
    reader = detect(facts).reader(facts)
    for number, piece in enumerate(pieces):
        if number == kept:
            reader.overflow()
        reader.feed(piece, float(number))
    return reader.finish(whole)


class OverflowTests(SynchronousTestCase):
    """Nothing of the text behind the limit is kept, and nothing else is lost."""

    def test_every_dialect(self) -> None:
        """The text up to the limit, the counts and the ending of the whole stream."""
        for dialect, make in STREAMS.items():
            pieces = make(TEXTS)
            got, all_of_it = answer(dialect, pieces, 102), answer(dialect, pieces, len(pieces))
            assert got.usage is not None
            self.assertEqual((got.usage.input_tokens, got.usage.output_tokens), (9, 77), dialect)
            self.assertEqual(
                (got.complete, got.stop_reason, got.response_model, got.error, got.missing, got.frames),
                (True, all_of_it.stop_reason, all_of_it.response_model, None, None, all_of_it.frames),
                dialect,
            )
            text = json.dumps(got.body)
            self.assertIn("word98 ", text, dialect)
            self.assertNotIn("word110 ", text, dialect)

    def test_long_tails(self) -> None:
        """Counts are found however much comes before them."""
        for dialect, make in STREAMS.items():
            pieces = make(["x" * 40_000] * 80)
            got = answer(dialect, pieces, 5)
            assert got.usage is not None
            self.assertEqual((got.usage.input_tokens, got.usage.output_tokens), (9, 77), dialect)
            self.assertTrue(got.complete, dialect)
            self.assertLess(len(json.dumps(got.body)), 400_000, dialect)

    def test_long_events(self) -> None:
        """Of an event of megabytes behind the limit the counts are read, and its data is not held a second time."""
        data = "QUJD+/=_-" * (4 << 17)
        done = responses([data])[-1]
        text = done.partition(b"data: ")[2]
        self.assertEqual(loads(without_data(text)), loads(text.replace(data.encode(), b"")))
        facts = facts_for(*ROUTES["openai_responses"])
        reader = detect(facts).reader(facts)
        reader.feed(responses(["a"])[0], 1.0)
        reader.overflow()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        reader.feed(done, 2.0)
        self.assertLess(tracemalloc.get_traced_memory()[1], 3.2 * len(done))
        tracemalloc.stop()
        got = reader.finish(True)
        assert got.usage is not None
        self.assertEqual((got.usage.output_tokens, got.complete, got.faults), (77, True, ()))

    def test_tails_that_break_off(self) -> None:
        """A stream that never ends is not complete, and its output a bound."""
        for dialect, make in STREAMS.items():
            got = answer(dialect, make(TEXTS)[:300], 102, whole=False)
            assert got.usage is not None
            self.assertFalse(got.complete, dialect)
            self.assertIsNone(got.usage.output_tokens, dialect)
            self.assertGreaterEqual(got.usage.output_tokens_at_least or 0, 98, dialect)

    def test_errors_behind_the_limit(self) -> None:
        """An error that comes late is one."""
        failed = sse([{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}])
        got = answer("anthropic", [*anthropic(TEXTS)[:200], failed], 102)
        assert got.error is not None
        self.assertEqual((got.error.kind, got.complete), ("overloaded_error", False))

    def test_damage_behind_the_limit(self) -> None:
        """What is no JSON there costs nothing."""
        pieces = anthropic(TEXTS)
        got = answer("anthropic", [*pieces[:200], b"data: {oops\n\n", *pieces[200:]], 102)
        self.assertEqual((got.complete, got.faults), (True, ()))

    def test_bodies_that_are_no_streams(self) -> None:
        """What came before the limit is kept as text."""
        facts = facts_for(b"/v1/messages", b"application/json")
        reader = detect(facts).reader(facts)
        reader.feed(b'{"type":"message","content":[', 1.0)
        reader.overflow()
        reader.feed(b"]}", 2.0)
        self.assertEqual(reader.finish(True).body, '{"type":"message","content":[')
