"""Bedrock's event streams: invoke, Converse, exceptions and damage."""

import base64
import json
import struct
from binascii import crc32
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dialects import DecodedResponse
from ccsproxy.exchange.record import Error
from ccsproxy.exchange.usage import Usage
from test.dialects.anthropic_streams import anthropic_stream
from test.dialects.exchanges import ROUTES, facts_for, read, read_as
from test.dialects.sdks import comparable
from test.dialects.streams import Maker, chunks

CONVERSE = facts_for(b"/model/amazon.nova/converse-stream", b"application/vnd.amazon.eventstream")


def frame(payload: bytes, **headers: str) -> bytes:
    """Write one message of an AWS event stream."""
    block = b""
    for name, value in headers.items():
        key = b":" + name.replace("_", "-").encode()
        block += struct.pack(">B", len(key)) + key + struct.pack(">BH", 7, len(value)) + value.encode()
    prelude = struct.pack(">II", len(block) + len(payload) + 16, len(block))
    message = prelude + struct.pack(">I", crc32(prelude)) + block + payload
    return message + struct.pack(">I", crc32(message))


def chunk(event: Any) -> bytes:
    """Write an event as invoke wraps it."""
    inner = base64.b64encode(json.dumps(event).encode()).decode()
    return frame(json.dumps({"bytes": inner, "p": "abc"}).encode(), message_type="event", event_type="chunk")


def converse(name: str, event: Any) -> bytes:
    """Write an event of Converse."""
    return frame(json.dumps(event).encode(), message_type="event", event_type=name)


HEADERS = {"x-amzn-bedrock-input-token-count": "16", "x-amzn-bedrock-output-token-count": "19"}
#: What the makers' models answer, and why they stopped.
FAMILIES: tuple[tuple[dict[str, Any], str | None], ...] = (
    ({"generation": "hi", "prompt_token_count": 16, "generation_token_count": 19, "stop_reason": "stop"}, "stop"),
    ({"choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "length"}], "model": "j"}, "length"),
    ({"inputTextTokenCount": 16, "results": [{"tokenCount": 19, "completionReason": "FINISH"}]}, "FINISH"),
    ({"outputs": [{"text": "hi", "stop_reason": "stop"}]}, "stop"),
    ({"generations": [{"text": "hi", "finish_reason": "COMPLETE"}]}, "COMPLETE"),
    ({"completions": [{"data": {}, "finishReason": {"reason": "endoftext"}}]}, "endoftext"),
    ({"embedding": [0.5], "inputTextTokenCount": 16}, None),
    ({"type": "message", "content": [], "usage": {"input_tokens": 16, "output_tokens": 19}, "stop_reason": "e"}, "e"),
)


def invoked(body: Any, fields: dict[str, str]) -> DecodedResponse:
    """Read an answer of invoke that came with headers."""
    target = b"/model/some.model/invoke"
    facts = facts_for(target, b"application/json", field=lambda name: fields.get(name, ""))
    return read_as(json.dumps(body).encode(), facts)


class FamilyTests(SynchronousTestCase):
    """The answers of every maker's models."""

    def test_first_text(self) -> None:
        """The first text is the first content; counts, reasons and empty lists are none."""
        for silent, said in (
            ({"generation": "", "prompt_token_count": 16, "stop_reason": None}, {"generation": "hi"}),
            ({"outputText": "", "index": 0, "inputTextTokenCount": 5}, {"outputText": "hi", "index": 0}),
            ({"outputs": [{"text": "", "stop_reason": None}]}, {"outputs": [{"text": "hi", "stop_reason": "stop"}]}),
        ):
            facts = facts_for(b"/model/a/invoke-with-response-stream", b"application/vnd.amazon.eventstream")
            self.assertEqual(read_as([chunk(silent), chunk(silent), chunk(said)], facts).first_token_ms, 2.0, said)

    def test_counts_of_the_headers(self) -> None:
        """AWS tells the counts of every model; the reason is in the maker's own words."""
        for body, reason in FAMILIES:
            got = invoked(body, HEADERS)
            assert got.usage is not None
            self.assertEqual((got.usage.input_tokens, got.usage.output_tokens), (16, 19), body)
            self.assertEqual(
                (got.stop_reason, got.dialect, got.faults, got.missing), (reason, "bedrock", (), None), body
            )

    def test_counts_of_the_bodies(self) -> None:
        """Llama and Titan tell them there, too; the others have none then."""
        counts = [got.usage and (got.usage.input_tokens, got.usage.output_tokens)
                  for got in (invoked(body, {}) for body, _ in FAMILIES)]  # fmt: skip
        self.assertEqual(counts, [(16, 19), None, (16, 19), None, None, None, (16, None), (16, 19)])

    def test_streams_of_other_models(self) -> None:
        """Chat chunks are put together; events of other makers are listed, the last one tells the counts."""
        metrics = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 5, "outputTokenCount": 7}}
        chat = [{"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]} for text in "ab"]
        chat += [{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], **metrics}]
        got = read(b"".join(map(chunk, chat)), "bedrock")
        self.assertEqual(got.body["choices"][0]["message"]["content"], "ab")
        llama = [{"generation": "a", "stop_reason": None}, {"generation": "", "stop_reason": "stop", **metrics}]
        listed = read(b"".join(map(chunk, llama)), "bedrock")
        for each in (got, listed):
            assert each.usage is not None
            self.assertEqual((each.usage.input_tokens, each.usage.output_tokens, each.stop_reason), (5, 7, "stop"))


class InvokeTests(SynchronousTestCase):
    """invoke-with-response-stream, which wraps other formats."""

    def test_random_anthropic_streams(self) -> None:
        """The wrapped events amount to the same message, and the text of the stream holds them."""
        for seed in range(40):
            maker = Maker(seed)
            stream = anthropic_stream(maker)
            got = read(chunks(b"".join(map(chunk, stream.events)), maker), "bedrock")
            self.assertEqual(comparable(got.body), comparable(stream.intended), seed)
            self.assertEqual((got.stream_kind, got.complete, got.dialect), ("eventstream", True, "bedrock"))
            assert got.stream_text is not None
            self.assertEqual([json.loads(line) for line in got.stream_text.splitlines()[:1]], stream.events[:1])
            self.assertEqual(got.stream_text.count("\n"), got.frames)

    def test_metrics_stand_in_for_usage(self) -> None:
        """A stream without usage has the counts of its invocation metrics."""
        metrics = {"inputTokenCount": 4, "outputTokenCount": 2}
        end = {"type": "message_stop", "amazon-bedrock-invocationMetrics": metrics}
        got = read(chunk({"type": "message_start", "message": {"id": "m"}}) + chunk(end), "bedrock")
        self.assertEqual(got.usage, Usage(input_tokens=4, output_tokens=2, raw=metrics))

    def test_an_unknown_model(self) -> None:
        """The events of a model that is not known are listed."""
        events = [
            {"outputText": "a"},
            {"outputText": "b", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 1}},
        ]
        got = read(b"".join(map(chunk, events)), "bedrock")
        self.assertEqual((got.body, got.complete), ({"_events": events}, True))
        self.assertEqual(got.usage, Usage(input_tokens=1, raw={"inputTokenCount": 1}))

    def test_exceptions(self) -> None:
        """An exception within the stream is its error; the content so far stays."""
        start = chunk({"type": "message_start", "message": {"id": "m"}})
        broke = frame(b'{"message":"slow down"}', message_type="exception", exception_type="throttlingException")
        error = frame(b"", message_type="error", error_code="throttlingException", error_message="slow down")
        for ending in (broke, error):
            got = read(start + ending, "bedrock")
            self.assertEqual((got.error, got.complete), (Error("throttlingException", "slow down"), False))
            self.assertEqual((got.body["id"], got.frames), ("m", 1))
            assert got.stream_text is not None
            last = json.loads(got.stream_text.splitlines()[-1])
            self.assertEqual(last, {"exception": {"type": "throttlingException", "message": "slow down"}})

    def test_damage(self) -> None:
        """A frame whose checksum is wrong is left out and flagged."""
        bad = bytearray(chunk({"type": "ping"}))
        bad[-6] ^= 1
        got = read(chunk({"type": "message_start", "message": {"id": "m"}}) + bytes(bad), "bedrock")
        self.assertEqual((got.body["id"], got.faults), ("m", ("eventstream_damaged",)))

    def test_a_json_error(self) -> None:
        """Errors before the stream are JSON, whatever the content type says."""
        got = read_as(
            b'{"message":"no","__type":"ValidationException"}', facts_for(ROUTES["bedrock"][0], b"application/json")
        )
        self.assertEqual(got.error, Error("ValidationException", "no"))


class ConverseTests(SynchronousTestCase):
    """converse-stream."""

    def stream(self, *deltas: Any, stop: bool = True) -> DecodedResponse:
        usage = {"inputTokens": 3, "outputTokens": 2, "cacheReadInputTokens": 1}
        data = converse("messageStart", {"role": "assistant", "p": "ab"})
        data += b"".join(converse(name, event) for name, event in deltas)
        if stop:
            data += converse("messageStop", {"stopReason": "tool_use"}) + converse("metadata", {"usage": usage})
        return read_as([data[i : i + 5] for i in range(0, len(data), 5)], CONVERSE, whole=stop)

    def test_results_of_tools_that_bedrock_runs(self) -> None:
        """The deltas of a server tool's result are its content; neighbouring texts are one."""
        start = {"toolResult": {"toolUseId": "t", "type": "nova_grounding_result", "status": "success"}}
        events = [
            converse("messageStart", {"role": "assistant"}),
            converse("contentBlockStart", {"contentBlockIndex": 0, "start": start}),
            *(
                converse("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"toolResult": delta}})
                for delta in ([{"text": "a"}], [{"text": "b"}], [{"json": {"c": 1}}, {"text": "d"}])
            ),
            converse("contentBlockStop", {"contentBlockIndex": 0}),
            converse("messageStop", {"stopReason": "end_turn"}),
        ]
        got = read_as(b"".join(events), CONVERSE)
        content = [{"text": "ab"}, {"json": {"c": 1}}, {"text": "d"}]
        self.assertEqual(
            got.body["output"]["message"]["content"], [{"toolResult": {**start["toolResult"], "content": content}}]
        )
        self.assertEqual((got.faults, got.complete), ((), True))

    def test_a_stream_without_its_counts(self) -> None:
        """A stream that breaks off has a bound; tier and lives of what was cached are kept where they are told."""
        text = converse("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "three little words"}})
        self.assertEqual(read_as(text, CONVERSE).usage, Usage(output_tokens_at_least=3))
        usage = {"inputTokens": 1, "outputTokens": 2, "cacheDetails": [{"ttl": "5m", "inputTokens": 3}]}
        ended = converse("metadata", {"usage": usage, "serviceTier": {"type": "flex"}})
        got = read_as(text + converse("messageStop", {"stopReason": "end_turn"}) + ended, CONVERSE).usage
        assert got is not None
        self.assertEqual((got.output_tokens, got.cache_creation_5m, got.service_tier), (2, 3, "flex"))

    def test_blocks(self) -> None:
        """Texts, thoughts and calls amount to what ``converse`` answers."""
        call = {"toolUse": {"toolUseId": "t", "name": "f"}}
        got = self.stream(
            *(_delta(0, reasoningContent={"text": piece}) for piece in "hm"),
            _delta(0, reasoningContent={"signature": "s"}),
            *(_delta(1, text=piece) for piece in "ok"),
            ("contentBlockStart", {"contentBlockIndex": 2, "start": call}),
            *(_delta(2, toolUse={"input": piece}) for piece in ('{"a"', ": 1}")),
            ("contentBlockStop", {"contentBlockIndex": 2}),
        )
        content = [
            {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
            {"text": "ok"},
            {"toolUse": {"toolUseId": "t", "name": "f", "input": {"a": 1}}},
        ]
        self.assertEqual(got.body["output"], {"message": {"role": "assistant", "content": content}})
        self.assertEqual((got.stop_reason, got.complete, got.faults), ("tool_use", True, ()))
        assert got.usage is not None
        self.assertEqual((got.usage.input_tokens, got.usage.cache_read_input_tokens), (3, 1))
        assert got.stream_text is not None
        self.assertEqual(json.loads(got.stream_text.splitlines()[-2]), {"messageStop": {"stopReason": "tool_use"}})

    def test_citations(self) -> None:
        """Text with citations is one block."""
        got = self.stream(_delta(0, text="a"), _delta(0, citation={"title": "t"}))
        block = {"citationsContent": {"content": [{"text": "a"}], "citations": [{"title": "t"}]}}
        self.assertEqual(got.body["output"]["message"]["content"], [block])

    def test_a_cut(self) -> None:
        """What came of a tool input is kept as text."""
        got = self.stream(_delta(0, toolUse={"input": '{"a'}), stop=False)
        call = got.body["output"]["message"]["content"][0]["toolUse"]
        self.assertEqual((call["_raw_input"], got.complete), ('{"a', False))
        self.assertEqual(got.faults, ("partial_tool_json",))

    def test_unknown_deltas(self) -> None:
        """They are kept as they came."""
        got = self.stream(_delta(0, odd={"x": 1}))
        self.assertEqual(got.body["output"]["message"]["content"], [{"_unparsed_deltas": [{"odd": {"x": 1}}]}])

    def test_one_answer(self) -> None:
        """A whole answer gives its usage and its reason."""
        body = {"output": {"message": {"content": []}}, "stopReason": "end_turn", "usage": {"inputTokens": 1}}
        got = read_as(json.dumps(body).encode(), facts_for(b"/model/m/converse", b"application/json"))
        self.assertEqual((got.body, got.stop_reason), (body, "end_turn"))
        self.assertEqual(got.usage, Usage(input_tokens=1, raw={"inputTokens": 1}))


def _delta(index: int, **delta: Any) -> tuple[str, Any]:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": delta}
