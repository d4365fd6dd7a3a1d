"""Tests for `ccsproxy.dialects.anthropic.complete`."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dialects import DecodedResponse
from test.dialects.exchanges import facts_for, read_as, sse


def answer(*events: Any) -> DecodedResponse:
    """Read a stream of Text Completions, each event a millisecond after the other."""
    return read_as([sse([event]) for event in events], facts_for(b"/v1/complete", b"text/event-stream"))


def completion(text: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "completion",
        "id": "compl_1",
        "completion": text,
        "stop_reason": None,
        "model": "claude-2",
        **more,
    }


class CompletionTests(SynchronousTestCase):
    """A stream amounts to the one completion that the API would have answered."""

    def test_texts_are_joined(self) -> None:
        """The texts follow one another; the last event says why the model stopped."""
        got = answer(completion(""), {"type": "ping"}, completion(" Hel"), completion("lo"),
                     completion("", stop_reason="stop_sequence", stop="\n\nHuman:"))  # fmt: skip
        self.assertEqual(got.body, completion(" Hello", stop_reason="stop_sequence", stop="\n\nHuman:"))
        self.assertEqual((got.stop_reason, got.response_model, got.complete), ("stop_sequence", "claude-2", True))
        self.assertEqual((got.dialect, got.first_token_ms, got.usage, got.faults), ("anthropic", 2.0, None, ()))

    def test_cut(self) -> None:
        """Without a reason to stop it is not complete, and what came is kept."""
        got = answer(completion(" Hel"), completion("lo"))
        assert got.body is not None
        self.assertEqual((got.body["completion"], got.complete, got.stop_reason), (" Hello", False, None))
        self.assertIsNone(answer({"type": "ping"}).body)

    def test_errors_and_strangers(self) -> None:
        """An error within the stream, unknown events and damaged ones are kept and named."""
        error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        got = answer(completion("a"), {"type": "new"}, completion("b") | {"completion": 5}, error)
        assert got.body is not None and got.error is not None
        self.assertEqual((got.error.kind, got.error.message, got.complete), ("overloaded_error", "Overloaded", False))
        self.assertEqual(got.body["completion"], "a")
        self.assertEqual(len(got.body["_unparsed_events"]), 2)
        self.assertEqual(got.faults, ("unknown_event", "invalid_event"))
        late = answer(completion("a", stop_reason="max_tokens"), completion("b"))
        self.assertEqual((late.faults, late.complete), (("event_after_end",), True))
