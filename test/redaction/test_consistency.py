"""Tests that the redacted stream reads into the redacted body, with the readers of `ccsproxy.dialects`."""

import json
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dialects import Facts, detect
from ccsproxy.redaction import Redactor
from test.effort import effort

CANARY = "canary-5b1e9f7c3a2d"
SHAPED = "sk-ant-api03-A1b2C3d4E5f6G7h8"
TEXT = f'Use {SHAPED}\nor "{CANARY}", see https://u:{CANARY}@h/?key=q7Wx81LmZo02pTYu&x=1 '
TEXT += 'and {"api_key": "q9z81xyk", "n": [1]} end'
ARGUMENTS = json.dumps(
    {
        "command": f"curl -H 'x-api-key: {SHAPED}'",
        "api_key": 'a1b2c3"d\\e',
        "env": {"credentials": {"user": "me", "list": ["x", 5]}, "max_tokens": 7},
        "file": json.dumps({"password": "p7!w9x", "note": CANARY}),
    }
)


def cut(text: str, cuts: list[int]) -> list[str]:
    edges = [0, *sorted(min(place, len(text)) for place in cuts), len(text)]
    return [text[i:j] for i, j in pairwise(edges)]


def anthropic(text: list[str], arguments: list[str]) -> list[dict[str, Any]]:
    def block(index: int, start: dict[str, Any], deltas: list[dict[str, Any]]) -> list[dict[str, Any]]:
        kind = {"index": index}
        return [
            {"type": "content_block_start", **kind, "content_block": start},
            *({"type": "content_block_delta", **kind, "delta": delta} for delta in deltas),
            {"type": "content_block_stop", **kind},
        ]

    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "usage": {"output_tokens": 1},
    }
    tool = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {}}
    return [
        {"type": "message_start", "message": message},
        *block(0, {"type": "text", "text": ""}, [{"type": "text_delta", "text": part} for part in text]),
        *block(1, tool, [{"type": "input_json_delta", "partial_json": part} for part in arguments]),
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ]


def chat(text: list[str], arguments: list[str]) -> list[dict[str, Any]]:
    def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
        return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}

    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "Bash", "arguments": ""}}
    return [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"content": part}) for part in text),
        chunk({"tool_calls": [call]}),
        *(chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]}) for part in arguments),
        chunk({}, "tool_calls"),
    ]


def body_of(stream: str, target: bytes) -> Any:
    body, kind = {"model": "m", "stream": True}, "text/event-stream"
    facts = Facts(target=target, request_body=body, status=200, content_type=kind)
    reader = detect(facts).reader(facts)
    reader.feed(stream.encode(), 0.0)
    return reader.finish(True).body


def redactor() -> Redactor:
    made = Redactor()
    made.headers([("x-api-key", CANARY)])
    return made


class ConsistencyTests(SynchronousTestCase):
    """However a secret is cut into events, stream and body say the same, and neither says it."""

    @given(st.lists(st.integers(0, 200), max_size=20), st.lists(st.integers(0, 400), max_size=20))
    @settings(max_examples=effort(40), deadline=None)
    def test_stream_and_body_agree(self, text_cuts: list[int], argument_cuts: list[int]) -> None:
        """The redacted stream reads into the redacted body."""
        for make, target in ((anthropic, b"/v1/messages"), (chat, b"/v1/chat/completions")):
            events = make(cut(TEXT, text_cuts), cut(ARGUMENTS, argument_cuts))
            stream = "".join(
                f"event: {event.get('type', 'message')}\ndata: {json.dumps(event)}\n\n" for event in events
            )
            clean = redactor().stream(stream, "sse")
            body = redactor().tree(body_of(stream, target))
            self.assertEqual(body_of(clean, target), body)
            for secret in (CANARY, SHAPED, "p7!w9x"):
                self.assertNotIn(secret, json.dumps(body))
