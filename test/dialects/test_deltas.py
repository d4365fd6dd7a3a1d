"""Tests of the words that events add to an answer."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dialects.views.deltas import delta_text
from test.effort import effort

EVENTS: tuple[tuple[Any, str], ...] = (
    ({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "a"}}, "a"),
    ({"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "a"}}, ""),
    ({"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": "a"}}, ""),
    ({"type": "response.output_text.delta", "delta": "a"}, "a"),
    ({"type": "response.reasoning_text.delta", "delta": "a"}, ""),
    ({"type": "response.function_call_arguments.delta", "delta": "a"}, ""),
    ({"choices": [{"delta": {"content": "a", "reasoning_content": "b"}}]}, "a"),
    ({"choices": [{"text": "a"}]}, "a"),
    ({"candidates": [{"content": {"parts": [{"text": "t", "thought": True}, {"text": "a"}]}}]}, "a"),
    ({"response": {"candidates": [{"content": {"parts": [{"text": "a"}]}}]}}, "a"),
    ({"contentBlockDelta": {"delta": {"text": "a"}}}, "a"),
    ({"message": {"content": "a"}, "done": False}, "a"),
    ({"response": "a", "done": False}, "a"),
    ({"type": "content-delta", "delta": {"message": {"content": {"text": "a"}}}}, "a"),
    ("a", ""),
    (None, ""),
)
_JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["delta", "choices", "candidates", "content", "parts", "text", "message", "response", "done"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


class DeltaTests(SynchronousTestCase):
    """Every dialect, and whatever else comes."""

    def test_dialects(self) -> None:
        for event, words in EVENTS:
            self.assertEqual(delta_text(event), words, event)

    @given(_JSON)
    @settings(max_examples=effort(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_anything(self, event: Any) -> None:
        self.assertIsInstance(delta_text(event), str)
