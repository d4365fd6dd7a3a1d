"""Texts and lists that grow stay linear, and whole."""

import time

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dialects.growing import GrowingStrings, extend, joined
from test.dialects.exchanges import read, sse


class JoinedTests(SynchronousTestCase):
    """Pieces of texts."""

    def test_halves_of_a_character(self) -> None:
        """A character that was cut between its surrogates is whole again; a half without its other stays."""
        self.assertEqual(joined(["a\ud83c", "\udf89b"]), "a🎉b")
        self.assertEqual(joined(["\ud83c", "x"]), "\ud83cx")

    def test_a_stream_that_cuts_characters(self) -> None:
        """The same within a stream, whose JSON carries each half by itself."""
        start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        data = sse([{"type": "message_start", "message": {}}, start])
        for half in (b"\\ud83c", b"\\udf89"):
            delta = b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%s"}}' % half
            data += b"data: " + delta + b"\n\n"
        self.assertEqual(read(data, "anthropic").body["content"][0]["text"], "🎉")


class GrowingTests(SynchronousTestCase):
    """Members of objects."""

    def test_append_and_assign(self) -> None:
        """Pieces follow what was there; an assignment replaces all of it."""
        strings, holder = GrowingStrings(), {"a": "x", "b": "y", "c": None}
        for key in "abc":
            strings.append(holder, key, "1")
            strings.append(holder, key, "2")
        strings.assign(holder, "b", "z")
        strings.settle()
        self.assertEqual(holder, {"a": "x12", "b": "z", "c": "12"})

    def test_lists(self) -> None:
        """Lists grow in place; something else is left alone."""
        holder = {"a": [1], "b": None, "c": "x"}
        self.assertEqual([extend(holder, key, [2]) for key in "abcd"], [True, True, False, True])
        self.assertEqual(holder, {"a": [1, 2], "b": [2], "c": "x", "d": [2]})


class CostTests(SynchronousTestCase):
    """Reading costs in proportion to the length."""

    def events(self, kind: str, count: int) -> bytes:
        citation = {"type": "citations_delta", "citation": {"n": 1}}
        delta = {
            "text": {"type": "text_delta", "text": "x" * 50},
            "json": {"type": "input_json_delta", "partial_json": "x"},
            "citations": citation,
        }[kind]
        start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        one = sse([{"type": "content_block_delta", "index": 0, "delta": delta}])
        return sse([{"type": "message_start", "message": {}}, start]) + one * count

    def cost(self, kind: str, count: int) -> float:
        data = self.events(kind, count)
        best = 9.0
        for _ in range(3):
            began = time.process_time()
            read(data, "anthropic")
            best = min(best, time.process_time() - began)
        return best

    def test_the_cost_is_not_quadratic(self) -> None:
        """Sixteen times the events cost far less than 256 times as much, which a quadratic cost would be."""
        for kind in ("text", "json", "citations"):
            self.assertLess(self.cost(kind, 12_800), 100 * max(self.cost(kind, 800), 0.001), kind)
