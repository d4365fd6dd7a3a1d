"""Events that come together are read as those that come one by one, though many of them are taken at once."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dialects import Facts, detect
from ccsproxy.dialects.anthropic.message import AnthropicReassembler
from test.dialects.exchanges import ROUTES, facts_for, sse
from test.dialects.test_reading import CHAT, TEXT
from test.effort import effort

PIECES = st.sampled_from(
    ("", "a", "two words", '{"x":', '"y"}', "é", "\U0001f600", "\ud83d", "\ude00", "\n", '"', "\\")
)
DELTA = "content_block_delta"
BLOCKS = (
    {"type": "text", "text": ""},
    {"type": "text", "text": 5},
    {"type": "thinking", "thinking": ""},
    {"type": "tool_use", "id": "t", "name": "n", "input": {}},
    {"type": "future"},
)
DELTAS = (
    ("text_delta", "text", {}),
    ("thinking_delta", "thinking", {}),
    ("thinking_delta", "thinking", {"estimated_tokens": 5}),
    ("input_json_delta", "partial_json", {}),
    ("signature_delta", "signature", {}),
    ("text_delta", "text", {"new": "field"}),
    ("future_delta", "text", {}),
    ("text_delta", "thinking", {}),
)
ANTHROPIC = st.one_of(
    st.sampled_from(TEXT).map(lambda event: [event]),
    st.builds(
        lambda index, block: [{"type": "content_block_start", "index": index, "content_block": block}],
        st.integers(0, 1),
        st.sampled_from(BLOCKS),
    ),
    st.builds(
        lambda index, delta, pieces, more: [
            {"type": DELTA, "index": index, "delta": {"type": delta[0], delta[1]: piece, **delta[2]}, **more}
            for piece in pieces
        ],
        st.sampled_from((0, 0, 1, None)),
        st.sampled_from(DELTAS),
        st.lists(PIECES, min_size=1, max_size=7),
        st.sampled_from(({}, {}, {"more": 1})),
    ),
)  # fmt: skip
CHUNKS = (
    lambda piece: {"choices": [{"index": 0, "delta": {"content": piece}}]},
    lambda piece: {"id": "c", "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]},
    lambda piece: {"choices": [{"delta": {"reasoning": piece, "content": None}, "logprobs": None}]},
    lambda piece: {"choices": [{"index": 0, "delta": {"content": piece}, "logprobs": {"content": [1]}}]},
    lambda piece: {"choices": [{"index": 1, "delta": {"content": [piece]}}]},
    lambda piece: {"choices": [{"index": 0, "delta": {"content": piece}}], "error": {"message": "m"}},
    lambda piece: {"choices": [{"index": 0, "delta": {"role": piece, "content": "x"}}]},
    lambda piece: {"choices": [{"index": 0, "delta": {"content": "x"}, "text": piece}]},
    lambda piece: {
        "choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}}]
    },
    lambda piece: {"choices": [{"index": 0, "delta": {"content": piece}}, {"index": 1, "delta": {"content": "x"}}]},
    lambda piece: {"choices": [], "system_fingerprint": piece},
)
CHAT_EVENTS = st.one_of(
    st.sampled_from(CHAT).map(lambda event: [event]),
    st.builds(
        lambda make, pieces: [make(piece) for piece in pieces],
        st.sampled_from(CHUNKS),
        st.lists(PIECES, min_size=1, max_size=7),
    ),
)


def answer(pieces: list[bytes], facts: Facts) -> Any:
    """Return all that is read of a body whose pieces came at one time."""
    reader = detect(facts).reader(facts)
    for piece in pieces:
        reader.feed(piece, 3.0)
    read = reader.finish(True, 4.0)
    return {name: getattr(read, name) for name in read.__struct_fields__}


class JoiningTests(SynchronousTestCase):
    """The two ways to read come to the same."""

    def check(self, groups: list[list[Any]], route: str) -> None:
        events = [event for group in groups for event in group]
        facts = facts_for(*ROUTES[route])
        together = answer([sse(events[:1]), sse(events[1:])], facts)
        self.assertEqual(together, answer([sse([event]) for event in events], facts))

    @given(st.lists(ANTHROPIC, max_size=7))
    @settings(max_examples=effort(100), deadline=None)
    def test_anthropic_events(self, groups: list[list[Any]]) -> None:
        """Ordinary and odd deltas, known and missing blocks, halves of characters."""
        self.check([TEXT[:1], *groups], "anthropic")

    @given(st.lists(CHAT_EVENTS, max_size=7))
    @settings(max_examples=effort(100), deadline=None)
    def test_chat_chunks(self, groups: list[list[Any]]) -> None:
        """Contents, reasons, lists of parts, log probabilities, errors, tool calls."""
        self.check([CHAT[:1], *groups], "openai_chat")

    def test_ordinary_deltas_are_joined(self) -> None:
        """The quick way is taken: a hundred deltas are one event for the reassembler."""
        seen: list[Any] = []
        event = AnthropicReassembler.event

        def seeing(reassembler: Any, name: str, value: Any, at_ms: float) -> None:
            seen.append(value)
            event(reassembler, name, value, at_ms)

        self.patch(AnthropicReassembler, "event", seeing)
        deltas = [
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": f"{n}\n"}}
            for n in range(100)
        ]
        read = answer([sse(TEXT[:3]), sse(deltas)], facts_for(*ROUTES["anthropic"]))
        self.assertEqual(len(seen), 4)
        self.assertEqual(seen[3]["delta"]["text"], "".join(json.dumps(n) + "\n" for n in range(100)))
        self.assertEqual(read["frames"], 103)
