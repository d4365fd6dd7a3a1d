"""Ollama's lines of JSON."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange.record import Error
from ccsproxy.exchange.usage import Usage
from test.dialects.exchanges import ROUTES, facts_for, lines, read, read_as

END = {"model": "l", "done": True, "done_reason": "stop", "prompt_eval_count": 5, "eval_count": 3}


def chat(**message: Any) -> dict[str, Any]:
    return {"model": "l", "message": {"role": "assistant", "content": "", **message}, "done": False}


class OllamaStreamTests(SynchronousTestCase):
    """The rules for merging lines."""

    def test_chat(self) -> None:
        """Texts concatenate, calls extend, the rest is the last line's."""
        calls = [{"function": {"name": name, "arguments": {}}} for name in "fg"]
        events = [chat(thinking="h"), chat(thinking="m"), chat(content="a"), *(chat(tool_calls=[c]) for c in calls)]
        got = read(lines([*events, END]), "ollama")
        message = {"role": "assistant", "content": "a", "thinking": "hm", "tool_calls": calls}
        self.assertEqual(got.body, {**END, "message": message})
        self.assertEqual((got.complete, got.stop_reason, got.frames), (True, "stop", 6))
        raw = {"prompt_eval_count": 5, "eval_count": 3}
        self.assertEqual(got.usage, Usage(input_tokens=5, output_tokens=3, raw=raw))

    def test_generate(self) -> None:
        """The response concatenates, the context is the last line's."""
        events = [{"model": "l", "response": piece, "done": False} for piece in "ab"]
        facts = facts_for(b"/api/generate", b"application/x-ndjson")
        got = read_as(lines([*events, {**END, "response": "", "context": [1, 2]}]), facts)
        self.assertEqual((got.body["response"], got.body["context"]), ("ab", [1, 2]))

    def test_an_error_line(self) -> None:
        """An error ends the stream with what came before."""
        got = read(lines([chat(content="a"), {"error": "out of memory"}]), "ollama")
        self.assertEqual((got.error, got.complete), (Error("error", "out of memory"), False))
        self.assertEqual(got.body["message"]["content"], "a")

    def test_a_cut_line(self) -> None:
        """A last line that is cut is no event, and stays in the text of the stream; the stream is not complete."""
        got = read(lines([chat(content="a")]) + b'{"model": "l", "mess', "ollama", whole=False)
        self.assertEqual((got.body["message"]["content"], got.complete, got.faults), ("a", False, ()))

    def test_one_answer(self) -> None:
        """With ``"stream": false`` the answer is one JSON object."""
        whole = {**END, "message": {"role": "assistant", "content": "a"}}
        facts = facts_for(b"/api/chat", b"application/json; charset=utf-8", request_body={"stream": False})
        got = read_as(json.dumps(whole).encode(), facts)
        self.assertEqual((got.body, got.stream_kind, got.stop_reason), (whole, None, "stop"))

    def test_lines_under_the_name_of_json(self) -> None:
        """A gateway may call lines of JSON one JSON value; cut off they are so to the last whole line."""
        body = lines([chat(content="a"), chat(content="b"), END])
        facts = facts_for(b"/api/chat", b"application/json")
        got = read_as(body, facts)
        assert got.usage is not None
        self.assertEqual((got.body["message"]["content"], got.usage.input_tokens, got.complete), ("ab", 5, True))
        cut = read_as(lines([chat(content="a"), chat(content="b")]), facts)
        self.assertEqual((cut.is_stream, cut.complete, cut.body["message"]["content"]), (True, False, "ab"))

    def test_lines_without_a_content_type(self) -> None:
        """Lines are expected unless the request says otherwise: streaming is Ollama's default."""
        target, _ = ROUTES["ollama"]
        data = lines([chat(content="a"), END])
        self.assertEqual(read_as(data, facts_for(target, None)).stream_kind, "ndjson")
        refused = facts_for(target, None, request_body={"stream": False})
        self.assertIsNone(read_as(lines([END]), refused).stream_kind)
