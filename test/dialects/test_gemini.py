"""Gemini streams: parts, calls in pieces, wrappings and errors."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dialects import DecodedResponse
from ccsproxy.dialects.gemini.call import parse_path
from ccsproxy.exchange.record import Error
from ccsproxy.exchange.usage import Usage
from test.dialects.exchanges import facts_for, read, read_as, sse

STOP = {"candidates": [{"finishReason": "STOP"}]}


def chunk(*parts: Any, **more: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}}], **more}


def answer(*events: Any, whole: bool = True) -> DecodedResponse:
    return read(sse(events), "gemini", whole=whole)


def parts(*events: Any) -> list[Any]:
    return answer(*events, STOP).body["candidates"][0]["content"]["parts"]


class GeminiStreamTests(SynchronousTestCase):
    """The rules for parts and for what is beside them."""

    def test_only_plain_neighbours_are_joined(self) -> None:
        """Texts join texts and thoughts thoughts; a part with a signature stays alone."""
        a, b = {"text": "a"}, {"text": "b"}
        thought, signed = {"text": "t", "thought": True}, {"text": "", "thoughtSignature": "s"}
        self.assertEqual(parts(chunk(a), chunk(b)), [{"text": "ab"}])
        self.assertEqual(parts(chunk(thought), chunk(thought), chunk(a)), [{"text": "tt", "thought": True}, a])
        self.assertEqual(parts(chunk(a), chunk(signed), chunk(b)), [a, signed, b])
        call = {"functionCall": {"name": "f", "args": {}}}
        self.assertEqual(parts(chunk(a), chunk(call), chunk(b)), [a, call, b])

    def test_numbers_for_finish_reasons(self) -> None:
        """Some servers write the numbers of the enumeration, which Vertex numbers otherwise beyond the fifth."""
        vertex = b"/v1/projects/p/locations/l/publishers/google/models/g:streamGenerateContent?alt=sse"
        for number, public, at_vertex in (
            (1, "STOP", "STOP"),
            (2, "MAX_TOKENS", "MAX_TOKENS"),
            (5, "OTHER", "OTHER"),
            (7, "BLOCKLIST", "PROHIBITED_CONTENT"),
            (99, "99", "99"),
        ):
            ended = {"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": number}]}
            got = answer(ended)
            self.assertEqual((got.stop_reason, got.complete, got.missing), (public, True, None))
            facts = facts_for(vertex, b"text/event-stream")
            self.assertEqual(read_as(sse([ended]), facts).stop_reason, at_vertex)
            facts = facts_for(vertex.replace(b"stream", b""), b"application/json")
            self.assertEqual(read_as(json.dumps(ended).encode(), facts).stop_reason, at_vertex)
        self.assertFalse(answer({"candidates": [{"content": {"parts": []}, "finishReason": 0}]}).complete)

    def test_counts_that_a_last_chunk_drops(self) -> None:
        """A count that the last chunk leaves out is none, where its total says so."""
        first = {"promptTokenCount": 100, "candidatesTokenCount": 21, "totalTokenCount": 121}
        last = {"promptTokenCount": 100, "thoughtsTokenCount": 65, "totalTokenCount": 165}
        got = answer(chunk({"text": "a"}, usageMetadata=first), {**STOP, "usageMetadata": last}).usage
        assert got is not None
        self.assertEqual((got.output_tokens, got.raw), (65, last))
        partly = {"thoughtsTokenCount": 5, "totalTokenCount": 126}
        got = answer(chunk({"text": "a"}, usageMetadata=first), {**STOP, "usageMetadata": partly}).usage
        assert got is not None
        self.assertEqual((got.output_tokens, got.raw["candidatesTokenCount"]), (26, 21))
        got = answer(chunk({"text": "a"}, usageMetadata=first), {**STOP, "usageMetadata": {"trafficType": "X"}}).usage
        assert got is not None
        self.assertEqual((got.output_tokens, got.service_tier), (21, "X"))

    def test_a_stream_that_breaks_off(self) -> None:
        """Its running counts are a bound."""
        usage = {"promptTokenCount": 100, "candidatesTokenCount": 21, "totalTokenCount": 121}
        got = answer(chunk({"text": "some words"}, usageMetadata=usage)).usage
        assert got is not None
        self.assertEqual((got.input_tokens, got.output_tokens, got.output_tokens_at_least), (100, None, 21))

    def test_predictions(self) -> None:
        """Vertex counts the tokens of each text that it embeds."""
        facts = facts_for(b"/v1/projects/p/publishers/google/models/e:predict", b"application/json")
        texts = [
            {"embeddings": {"statistics": {"token_count": n, "truncated": False}, "values": [0.5]}} for n in (3, 4)
        ]
        got = read_as(json.dumps({"predictions": texts, "metadata": {"billableCharacterCount": 9}}).encode(), facts)
        assert got.usage is not None
        self.assertEqual((got.dialect, got.usage.input_tokens, got.faults), ("gemini", 7, ()))

    def test_what_is_no_content(self) -> None:
        """Empty texts, signatures and empty parts are no first content."""
        silent = [chunk({"text": ""}), chunk({"thought": True, "text": ""}), chunk({}), chunk(),
                  chunk({"text": "", "thoughtSignature": "s"})]  # fmt: skip
        pieces = [sse([event]) for event in [*silent, chunk({"text": "a"})]]
        self.assertEqual(read(pieces, "gemini").first_token_ms, len(silent))

    def test_a_call_in_pieces(self) -> None:
        """Arguments that come value by value are put together."""
        events = [
            chunk({"functionCall": {"name": "f", "willContinue": True}}),
            chunk({"functionCall": {"partialArgs": [_piece("$.a.b", "x", True)], "willContinue": True}}),
            chunk({"functionCall": {"partialArgs": [_piece("$.a.b", "y")], "willContinue": True}}),
            chunk(
                {"functionCall": {"partialArgs": [{"jsonPath": "$.n[1]", "numberValue": 2}], "willContinue": True}}
            ),
            chunk({"functionCall": {}}),
            chunk({"functionCall": {"name": "g", "args": {"z": 1}}}),
        ]
        first = {"functionCall": {"name": "f", "args": {"a": {"b": "xy"}, "n": [None, 2]}}}
        self.assertEqual(parts(*events), [first, {"functionCall": {"name": "g", "args": {"z": 1}}}])

    def test_a_call_that_is_cut(self) -> None:
        """What came of the arguments stays, and the cut is flagged."""
        opened = {"functionCall": {"name": "f", "partialArgs": [_piece("$.a", "x", True)], "willContinue": True}}
        got = answer(chunk(opened), whole=False)
        call = {"functionCall": {"name": "f", "args": {"a": "x"}}}
        self.assertEqual(got.body["candidates"][0]["content"]["parts"], [call])
        self.assertEqual(got.faults, ("partial_tool_json",))

    def test_pieces_that_fit_nowhere(self) -> None:
        """They are kept beside the call."""
        odd = [_piece("no path", "x"), {"jsonPath": "$.a"}, 7]
        got = answer(chunk({"functionCall": {"name": "f", "partialArgs": odd}}), STOP)
        part = got.body["candidates"][0]["content"]["parts"][0]
        self.assertEqual(len(part["_unparsed_deltas"]), 3)
        self.assertEqual(got.faults, ("invalid_partial_args",))

    def test_paths(self) -> None:
        """Names, quoted names and positions are read; anything else is not."""
        self.assertEqual(parse_path("$.a['b c'][\"d\"][0]"), ["a", "b c", "d", 0])
        for path in ("a", "$..a", "$[*]", "$.a[-1]", "$[99999]"):
            self.assertIsNone(parse_path(path), path)

    def test_usage_is_cumulative_by_key(self) -> None:
        """Later counts win, and those that a later chunk leaves out stay."""
        first = chunk({"text": "a"}, usageMetadata={"promptTokenCount": 10, "trafficType": "X"})
        last = {**STOP, "usageMetadata": {"candidatesTokenCount": 3, "thoughtsTokenCount": 2, "totalTokenCount": 15}}
        got = answer(first, last)
        assert got.usage is not None
        self.assertEqual((got.usage.input_tokens, got.usage.output_tokens, got.usage.reasoning_tokens), (10, 5, 2))
        self.assertEqual(got.usage.raw["trafficType"], "X")

    def test_a_candidate_without_an_end(self) -> None:
        """Of several candidates each has to end; until then the counts are those of a part."""
        ended = {"candidates": [{"index": 0, "finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 3}}
        other = {"candidates": [{"index": 1, "content": {"parts": [{"text": "two words"}]}}]}
        got = answer(chunk({"text": "a"}), other, ended)
        assert got.usage is not None
        self.assertEqual((got.complete, got.usage.output_tokens, got.usage.output_tokens_at_least), (False, None, 3))

    def test_candidates_in_any_order(self) -> None:
        """Candidates go by their index."""
        events = [{"candidates": [{"index": n, "content": {"parts": [{"text": str(n)}]}}]} for n in (1, 0, 1)]
        texts = [one["content"]["parts"][0]["text"] for one in answer(*events).body["candidates"]]
        self.assertEqual(texts, ["0", "11"])

    def test_lists_of_citations_are_merged(self) -> None:
        """Citations of all chunks are kept, repeated ones once."""
        events = [{"candidates": [{"citationMetadata": {"citationSources": [n]}}]} for n in (1, 2, 1)]
        got = answer(*events).body["candidates"][0]["citationMetadata"]
        self.assertEqual(got, {"citationSources": [1, 2]})

    def test_a_blocked_prompt(self) -> None:
        """A prompt that is refused ends the stream."""
        got = answer({"promptFeedback": {"blockReason": "SAFETY"}})
        self.assertEqual((got.stop_reason, got.complete), ("SAFETY", True))

    def test_code_assist(self) -> None:
        """The wrapping is kept, as the non-streaming call has it."""
        got = answer({"response": chunk({"text": "a"}), "traceId": "t"}, {"response": {**STOP, "modelVersion": "g"}})
        self.assertEqual(got.body["traceId"], "t")
        self.assertEqual(got.body["response"]["candidates"][0]["content"]["parts"], [{"text": "a"}])
        self.assertEqual((got.response_model, got.complete), ("g", True))

    def test_an_array_that_is_cut(self) -> None:
        """The elements that are whole count, and the cut is flagged."""
        data = json.dumps([chunk({"text": "a"}), STOP]).encode()[:-5]
        facts = facts_for(b"/v1beta/models/g:streamGenerateContent", b"application/json")
        got = read_as(data, facts, whole=False)
        self.assertEqual((got.frames, got.complete, got.faults), (1, False, ("unterminated_array",)))

    def test_errors(self) -> None:
        """An error ends a stream, bare, in a list, or as an element of an array."""
        error = {"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}
        expected = Error("RESOURCE_EXHAUSTED", "slow down")
        for events in ([chunk({"text": "a"}), error], [error], [[error]]):
            got = answer(*events)
            self.assertEqual((got.error, got.complete), (expected, False))
        facts = facts_for(b"/v1beta/models/g:streamGenerateContent", b"application/json", status=429)
        for body in (error, [error]):
            self.assertEqual(read_as(json.dumps(body).encode(), facts).error, expected)


def _piece(path: str, text: str, more: bool = False) -> dict[str, Any]:
    return {"jsonPath": path, "stringValue": text, **({"willContinue": True} if more else {})}


class InteractionsTests(SynchronousTestCase):
    """The Interactions API."""

    def test_the_completed_object_wins(self) -> None:
        """The last event carries everything."""
        usage = {
            "total_input_tokens": 9,
            "total_cached_tokens": 2,
            "total_output_tokens": 3,
            "total_thought_tokens": 1,
        }
        done = {"id": "i", "status": "completed", "model": "g", "steps": [1], "usage": usage}
        events = [
            {"event_type": "interaction.created", "interaction": {"id": "i", "status": "in_progress"}},
            {"event_type": "step.delta", "index": 0, "delta": {"text": "a"}},
            {"event_type": "interaction.completed", "interaction": done},
        ]
        facts = facts_for(b"/v1beta/interactions", b"text/event-stream")
        got = read_as(sse(events), facts)
        self.assertEqual((got.body, got.complete), (done, True))
        expected = Usage(input_tokens=7, output_tokens=4, cache_read_input_tokens=2, reasoning_tokens=1, raw=usage)
        self.assertEqual(got.usage, expected)
        cut = read_as(sse(events[:2]), facts, whole=False)
        self.assertEqual((cut.body["_step_events"], cut.complete), ([events[1]], False))
