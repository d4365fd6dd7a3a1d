"""Tests of the words of an answer as they come."""

import json
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.demo.answers import TEXT, anthropic_events, frame, openai_events
from ccsproxy.exports.replay.words import StreamWords
from test.effort import effort

STREAMS = [b"".join(map(frame, events("m"))) for events in (anthropic_events, openai_events)]


class WordTests(SynchronousTestCase):
    """However a stream is cut."""

    @given(st.sampled_from(STREAMS), st.lists(st.integers(0, 5000), max_size=30))
    @settings(max_examples=effort(50), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_events(self, stream: bytes, cuts: list[int]) -> None:
        places = [0, *sorted(cuts), len(stream)]
        words = StreamWords("text/event-stream")
        said = "".join(words.feed(stream[a:b]) for a, b in pairwise(places))
        self.assertEqual(said, TEXT)

    def test_lines(self) -> None:
        lines = [{"message": {"content": "a"}, "done": False}, {"message": {"content": "b"}, "done": True}]
        words = StreamWords("application/x-ndjson")
        self.assertEqual("".join(words.feed(json.dumps(line).encode() + b"\n") for line in lines), "ab")

    def test_an_array(self) -> None:
        """Gemini's, which comes as JSON; an object is no stream."""
        part = [{"candidates": [{"content": {"parts": [{"text": text}]}}]} for text in "ab"]
        words = StreamWords("application/json")
        said = "".join(words.feed(piece) for piece in (b" ", json.dumps(part).encode()))
        self.assertEqual(said, "ab")
        self.assertEqual(StreamWords("application/json").feed(b'{"choices": []}'), "")

    def test_damage(self) -> None:
        self.assertEqual(StreamWords("text/event-stream").feed(b"data: {no json\n\ndata: [DONE]\n\n"), "")
