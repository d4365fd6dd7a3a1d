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
