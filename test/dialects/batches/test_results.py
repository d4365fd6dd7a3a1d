"""What the results of a batch used."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange.usage import Usage
from ccsproxy.providers.cost import cost_of
from test.dialects.exchanges import facts_for, lines, read_as

RESULTS = b"/v1/messages/batches/msgbatch_1/results"
AT = "2026-11-30T12:00:00Z"


def message(told: int, written: int, model: str = "claude-opus-4-5", **more: Any) -> dict[str, Any]:
    usage = {"input_tokens": told, "output_tokens": written, **more}
    answer = {"type": "message", "model": model, "content": [], "usage": usage}
    return {"custom_id": "a", "result": {"type": "succeeded", "message": answer}}


def completion(told: int, written: int) -> dict[str, Any]:
    usage = {"prompt_tokens": told, "completion_tokens": written, "total_tokens": told + written}
    body = {"object": "chat.completion", "model": "gpt-5", "choices": [{"message": {}}], "usage": usage}
    return {"id": "b", "custom_id": "a", "response": {"status_code": 200, "body": body}, "error": None}


def gemini(told: int, written: int) -> dict[str, Any]:
    counts = {"promptTokenCount": told, "candidatesTokenCount": written, "totalTokenCount": told + written}
    candidate = {"content": {"role": "model", "parts": [{"text": "x"}]}, "finishReason": "STOP"}
    return {"response": {"candidates": [candidate], "usageMetadata": counts, "modelVersion": "gemini-2.5-pro"}}


FAILED = {"custom_id": "x", "result": {"type": "errored", "error": {"type": "error"}}}
EXPIRED = {"id": "b", "custom_id": "x", "response": None, "error": {"code": "batch_expired"}}


class BatchTests(SynchronousTestCase):
    """The sum of the lines."""

    def usage(self, *values: Any, target: bytes = RESULTS, whole: bool = True) -> Usage | None:
        return read_as(lines(values), facts_for(target, b"application/x-jsonl", method=b"GET"), whole=whole).usage

    def test_anthropic(self) -> None:
        """Counts add up; lines that failed have none; a single line is no other case."""
        got = self.usage(message(10, 5), FAILED, message(7, 3, cache_read_input_tokens=4))
        assert got is not None
        self.assertEqual((got.input_tokens, got.output_tokens, got.cache_read_input_tokens), (17, 8, 4))
        self.assertEqual((got.service_tier, got.raw), ("batch", {"requests": 2, "longest_prompt_tokens": 11}))
        one = self.usage(message(10, 5))
        assert one is not None
        self.assertEqual((one.input_tokens, one.output_tokens), (10, 5))

    def test_openai(self) -> None:
        """The file of a batch is one of many; other files have no counts."""
        target = b"/v1/files/file-1/content"
        got = self.usage(completion(10, 5), EXPIRED, completion(1, 2), target=target)
        assert got is not None
        self.assertEqual((got.input_tokens, got.output_tokens), (11, 7))
        self.assertIsNone(self.usage({"custom_id": "a", "body": {"model": "m"}}, target=target))
        self.assertIsNone(self.usage({"usage": {"input_tokens": 1}}, {"a": 1}, target=target))
        self.assertIsNone(self.usage(message(1, 1), target=b"/v1/elsewhere"))

    def test_gemini(self) -> None:
        """The results are in the batch's state, or in a file of their own; embeddings have no output."""
        good, more = gemini(10, 5), gemini(7, 3)
        state = {"name": "batches/b", "done": True, "metadata": {"model": "models/gemini-2.5-pro"}}
        for inline in ({"inlinedResponses": [good, {"error": {"code": 3}}, more]}, [good, more]):
            facts = facts_for(b"/v1beta/batches/b", b"application/json", method=b"GET")
            answer = read_as([json.dumps({**state, "response": {"inlinedResponses": inline}}).encode()], facts)
            assert answer.usage is not None
            self.assertEqual((answer.usage.input_tokens, answer.usage.output_tokens), (17, 8))
            self.assertEqual((answer.usage.service_tier, answer.response_model), ("batch", "gemini-2.5-pro"))
        target = b"/download/v1beta/files/f:download?alt=media"
        got = self.usage({"key": "a", **good}, {"key": "b", "error": {}}, {"key": "c", **more}, target=target)
        assert got is not None
        self.assertEqual((got.input_tokens, got.output_tokens), (17, 8))
        vectors = {"key": "a", "response": {"embedding": {}, "usageMetadata": {"promptTokenCount": 4}}}
        got = self.usage(vectors, target=target)
        assert got is not None
        self.assertEqual((got.input_tokens, got.output_tokens), (4, None))
        self.assertIsNone(self.usage({**state}, target=b"/v1beta/batches/b"))

    def test_mistral(self) -> None:
        """Its files are as OpenAI's."""
        got = self.usage(completion(10, 5), completion(1, 2), target=b"/v1/files/0b1c/content")
        assert got is not None
        self.assertEqual((got.input_tokens, got.output_tokens), (11, 7))

    def test_what_is_not_known(self) -> None:
        """A line that succeeded and tells no count makes the sum unknown, a cut file has none."""
        got = self.usage(message(10, 5), {"custom_id": "b", "result": {"message": {"model": "m"}}})
        assert got is not None
        self.assertEqual((got.input_tokens, got.output_tokens), (None, None))
        self.assertIsNone(self.usage(message(10, 5), whole=False))
        self.assertIsNone(self.usage(FAILED, EXPIRED))

    def test_counts_that_are_too_large(self) -> None:
        """A number beyond all readers makes its count unknown, and no sum smaller than it is."""
        for told, written, more in ((1 << 60, 2, {}), (1, 2, {"cache_read_input_tokens": 1 << 60})):
            body = lines([message(1, 2, cache_read_input_tokens=3), message(told, written, **more)])
            answer = read_as(body, facts_for(RESULTS, b"application/x-jsonl", method=b"GET"))
            assert answer.usage is not None
            self.assertEqual((answer.usage.cache_read_input_tokens, answer.usage.output_tokens), (None, 4))
            self.assertEqual(answer.usage.input_tokens, None if told > 1 else 2)
            self.assertIn("count_too_large", answer.faults)

    def test_damage(self) -> None:
        """Odd lines are passed over; behind an answer, one that is cut leaves the sum unknown, for it had counts."""
        cut = lines([message(10, 5)]) + b'{"custom_id": "b", "result": {"type": "succ'
        self.assertIsNone(read_as(cut, facts_for(RESULTS, b"application/x-jsonl", method=b"GET")).usage)
        odd = b"\n\n[1]\nnull\n" + json.dumps({"custom_id": 1, "result": 5}).encode()
        got = read_as(lines([message(10, 5)]) + odd, facts_for(RESULTS, b"application/x-jsonl", method=b"GET")).usage
        assert got is not None
        self.assertEqual(got.input_tokens, 10)

    def test_price(self) -> None:
        """The tier is the batch's; of several models there is none."""
        single = cost_of("claude-opus-4-5", Usage(input_tokens=17, output_tokens=8), AT, "anthropic").dollars
        got = cost_of("claude-opus-4-5", self.usage(message(10, 5), message(7, 3)), AT, "anthropic")
        assert single is not None
        self.assertEqual(got.dollars, single / 2)
        answer = read_as(
            lines([message(1, 1), message(1, 1, "claude-haiku-4-5")]),
            facts_for(RESULTS, b"application/x-jsonl", method=b"GET"),
        )
        self.assertIsNone(answer.response_model)

    def test_long_prompts(self) -> None:
        """Many short prompts are no long one; where one is long it is not known which tokens are dearer."""
        model = "gemini-2.5-pro"
        short = Usage(input_tokens=900_000, output_tokens=0, raw={"requests": 9, "longest_prompt_tokens": 100_000})
        long = Usage(input_tokens=900_000, output_tokens=0, raw={"requests": 2, "longest_prompt_tokens": 899_999})
        plain = Usage(input_tokens=100_000, output_tokens=0)
        at_once = cost_of(model, plain, AT, "google").dollars
        assert at_once is not None
        self.assertAlmostEqual(cost_of(model, short, AT, "google").dollars or 0, 9 * at_once)
        found = cost_of(model, long, AT, "google")
        self.assertEqual((found.dollars, found.gap), (None, "rate"))
