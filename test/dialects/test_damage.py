"""A stream that is cut, damaged or made of anything at all is read as far as it goes."""

import copy
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from test.dialects.anthropic_streams import anthropic_stream
from test.dialects.chat_streams import chat_stream
from test.dialects.exchanges import ROUTES, facts_for, lines, read, read_as, sse
from test.dialects.gemini_streams import gemini_stream
from test.dialects.ollama_streams import ollama_stream
from test.dialects.responses_streams import responses_stream
from test.dialects.streams import Maker, as_array, as_lines, as_sse, chunks
from test.effort import effort

MAKERS = {
    "anthropic": (anthropic_stream, as_sse),
    "openai_responses": (responses_stream, as_sse),
    "openai_chat": (chat_stream, as_sse),
    "gemini": (gemini_stream, as_array),
    "ollama": (ollama_stream, as_lines),
}


def agrees(part: Any, whole: Any) -> bool:
    """Whether a value of a prefix does not contradict the whole: texts grow, members are added, states change."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(k in _CHANGE or k.startswith("_") or (k in whole and agrees(v, whole[k])) for k, v in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) <= len(whole) and all(map(agrees, part, whole))
    if isinstance(part, str) and isinstance(whole, str):
        return whole.startswith(part)
    return part is None or part == whole or part == {}


#: Members whose value changes by the rules of their dialect while the stream goes on.
_CHANGE = frozenset(
    {"status", "usage", "usageMetadata", "stop_reason", "done", "id", "args", "action", "input", "signature"}
)


class PrefixTests(SynchronousTestCase):
    """A stream that is cut anywhere gives what came until then."""

    def test_truncation_at_every_event(self) -> None:
        """Cut after any event, a stream is incomplete, keeps its content and never contradicts the whole."""
        for dialect, (make, _) in MAKERS.items():
            for seed in range(effort(16)):
                stream = make(Maker(seed))
                write = lines if dialect == "ollama" else sse
                whole = read(write(stream.events), dialect).body
                for count in range(1, len(stream.events)):
                    answer = read(write(stream.events[:count]), dialect, whole=False)
                    self.assertTrue(agrees(answer.body, whole), (dialect, seed, count, answer.body, whole))
                    self.assertEqual(answer.frames, count)
                    if dialect != "openai_chat" and count < len(stream.events) - 1:
                        self.assertFalse(answer.complete, (dialect, seed, count))

    def test_truncation_at_any_byte(self) -> None:
        """Cut at any byte, a stream reads without an error of ours."""
        for dialect, (make, write) in MAKERS.items():
            maker = Maker(7)
            data = write(make(maker), maker)
            for at in range(0, len(data), 7):
                answer = read(data[:at], dialect, whole=False)
                self.assertNotIn("reassemble_failed", answer.faults)


#: Any JSON value in which the words of the dialects turn up in the wrong places.
WORDS = st.sampled_from(
    [
        *("type", "index", "delta", "content_block", "message", "usage", "content", "text", "text_delta", "error"),
        *("message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta"),
        *("input_json_delta", "partial_json", "citations_delta", "compaction_delta", "thinking", "fallback", "to"),
        *("response", "response.created", "response.completed", "response.output_item.added", "output_index", "item"),
        *(
            "response.output_text.delta",
            "response.content_part.added",
            "content_index",
            "part",
            "output",
            "sequence_number",
        ),
        *("response.shell_call_command.delta", "command_index", "response.web_search_call.searching", "action"),
        *("response.apply_patch_call_operation_diff.delta", "operation", "response.shell_call_output_content.delta"),
        *("object", "choices", "tool_calls", "function", "arguments", "function_call", "audio", "reasoning_details"),
        *(
            "logprobs",
            "finish_reason",
            "candidates",
            "parts",
            "functionCall",
            "partialArgs",
            "jsonPath",
            "stringValue",
        ),
        *("usageMetadata", "citationMetadata", "done", "model", "messageStart", "contentBlockDelta", "toolUse"),
        *("contentBlockIndex", "reasoningContent", "citation", "start", "metadata", "input", "$.a[0].b", "$", "id"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.floats() | WORDS | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=12,
)
FUZZ = settings(max_examples=effort(60), deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


class AnythingTests(SynchronousTestCase):
    """Nothing that an upstream can send makes reading fail."""

    @FUZZ
    @given(st.sampled_from(sorted(ROUTES)), st.lists(VALUES, max_size=6))
    def test_any_json_events(self, dialect: str, events: list[Any]) -> None:
        """Any JSON values as events are read without an error of ours, and without a loss of the count."""
        data = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
        target, _ = ROUTES[dialect]
        answer = read_as(data, facts_for(target, b"text/event-stream"))
        self.assertNotIn("reassemble_failed", answer.faults)
        self.assertEqual(answer.frames, len(events))

    @FUZZ
    @given(st.sampled_from(sorted(ROUTES)), st.lists(st.binary(max_size=40), max_size=5), st.booleans())
    def test_any_bytes(self, dialect: str, pieces: list[bytes], whole: bool) -> None:
        """Any bytes are read without an error of ours."""
        self.assertNotIn("reassemble_failed", read(pieces, dialect, whole=whole).faults)

    @FUZZ
    @given(st.sampled_from(sorted(ROUTES)), VALUES)
    def test_any_json_body(self, dialect: str, value: Any) -> None:
        """Any JSON value as a whole body is read."""
        target, _ = ROUTES[dialect]
        read_as(json.dumps(value).encode(), facts_for(target, b"application/json"))

    @FUZZ
    @given(st.sampled_from(sorted(MAKERS)), st.integers(0, 200), st.randoms(use_true_random=False), VALUES)
    def test_any_value_in_any_place(self, dialect: str, seed: int, random: Any, value: Any) -> None:
        """A real stream in which some values are of any other kind is read without an error of ours."""
        maker = Maker(seed)
        events = MAKERS[dialect][0](maker).events
        for _ in range(random.randrange(1, 4)):
            corrupt(events, value, random)
        data = lines(events) if dialect == "ollama" else sse(events)
        self.assertNotIn("reassemble_failed", read(chunks(data, maker), dialect).faults)

    @FUZZ
    @given(st.sampled_from(sorted(MAKERS)), st.integers(0, 200), st.randoms(use_true_random=False))
    def test_damaged_streams(self, dialect: str, seed: int, random: Any) -> None:
        """Events that are lost, doubled or swapped cost no more than themselves."""
        maker = Maker(seed)
        events = MAKERS[dialect][0](maker).events
        for _ in range(3):
            if events:
                at = random.randrange(len(events))
                random.choice((events.pop, lambda at: events.insert(at, events[at]), _swap(events)))(at)
        data = lines(events) if dialect == "ollama" else sse(events)
        answer = read(chunks(data, maker), dialect)
        self.assertNotIn("reassemble_failed", answer.faults)


def _swap(events: list[Any]) -> Any:
    def swap(at: int) -> None:
        events[0], events[at] = events[at], events[0]

    return swap


def corrupt(tree: Any, value: Any, random: Any) -> None:
    """Replace one value, somewhere in the depth of a tree."""
    while True:
        places = list(tree) if isinstance(tree, dict) else range(len(tree))
        if not places:
            return
        place = random.choice(places)
        if not isinstance(tree[place], (dict, list)) or not tree[place] or random.random() < 0.2:
            tree[place] = copy.deepcopy(value)
            return
        tree = tree[place]
