"""Tests of the text extraction: every dialect's shapes, told apart by what is said."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.index.texts.record_texts import may_call_tools, request_texts, response_texts, tool_names
from test.effort import effort

_names = st.sampled_from(("type", "role", "content", "messages", "tool_calls", "x"))
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner),
    max_leaves=12,
)


def request(body: Any) -> set[tuple[str, str]]:
    """Return the texts of a request body."""
    return set(request_texts(msgspec.json.encode(body)))


def response(body: Any) -> set[tuple[str, str]]:
    """Return the texts of an answer."""
    return set(response_texts(body))


class RequestTests(SynchronousTestCase):
    """What goes to the model."""

    def test_anthropic(self) -> None:
        """System blocks, prompts, calls, results and answers of the Messages API; no signatures, no image data."""
        blocks = [
            {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
            {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls -l"}},
        ]
        result = {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "a.py"}]}
        image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aWs="}}
        messages = [
            {"role": "user", "content": "look"},
            {"role": "assistant", "content": blocks},
            {"role": "user", "content": [result, image]},
        ]
        body = {"model": "m", "system": [{"type": "text", "text": "be good"}], "messages": messages}
        said = {("prompt", "be good"), ("prompt", "look"), ("answer", "hm"), ("result", "a.py")}
        self.assertEqual(request(body), said | {("tool", "Bash"), ("tool", "ls -l")})

    def test_openai_chat(self) -> None:
        """Messages, tool calls and tool results of Chat Completions."""
        call = {"id": "c", "type": "function", "function": {"name": "find", "arguments": '{"q":1}'}}
        messages = [
            {"role": "developer", "content": "rules"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": "found"},
        ]
        wanted = {("prompt", "rules"), ("tool", "find"), ("tool", '{"q":1}'), ("result", "found")}
        self.assertEqual(request({"messages": messages}), wanted)

    def test_openai_responses(self) -> None:
        """Instructions, items, calls and outputs of Responses; a bare string is a prompt."""
        items = [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "go"}]},
            {"type": "function_call", "call_id": "c", "name": "shell", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "done"},
            {"type": "reasoning", "encrypted_content": "zzz", "summary": []},
        ]
        wanted = {("prompt", "sys"), ("prompt", "go"), ("tool", "shell"), ("tool", "{}"), ("result", "done")}
        self.assertEqual(request({"instructions": "sys", "input": items}), wanted)
        self.assertEqual(request({"input": "hello"}), {("prompt", "hello")})

    def test_gemini(self) -> None:
        """Contents and parts of Gemini, bare and wrapped by Code Assist."""
        contents = [
            {"role": "user", "parts": [{"text": "hi"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": "b"}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "ok"}}}]},
        ]
        wanted = {("prompt", "hi"), ("tool", "f"), ("tool", "b"), ("result", "f"), ("result", "ok")}
        self.assertEqual(request({"contents": contents}), wanted)
        self.assertEqual(request({"model": "m", "request": {"contents": contents}}), wanted)

    def test_known_items_are_passed_over(self) -> None:
        """What is known already is not read again."""
        body = msgspec.json.encode({"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]})
        texts = list(request_texts(body, lambda item: b'"a"' in item))
        self.assertEqual(texts, [("prompt", "b")])

    @settings(max_examples=effort(80), deadline=None)
    @given(_json)
    def test_any_json_has_texts(self, body: Any) -> None:
        """No JSON, however odd, makes the extraction fail."""
        request(body)
        response(body)
        self.assertLessEqual(bool(tool_names(body)), may_call_tools(msgspec.json.encode(body)))


class ResponseTests(SynchronousTestCase):
    """What comes from the model."""

    def test_tools_that_are_called(self) -> None:
        """The names of called tools, each once and in order, in every dialect; arguments are not looked into."""
        nested = {"type": "tool_use", "name": "Task", "input": {"type": "tool_use", "name": "not me"}}
        for body, names in [
            ({"content": [nested, {"type": "tool_use", "name": "Bash", "input": {}}, nested]}, ["Task", "Bash"]),
            ({"choices": [{"message": {"tool_calls": [{"function": {"name": "a", "arguments": "{}"}}]}}]}, ["a"]),
            ({"output": [{"type": "function_call", "name": "b"}, {"type": "web_search_call"}]}, ["b", "web_search"]),
            ({"candidates": [{"content": {"parts": [{"functionCall": {"name": "c"}}]}}]}, ["c"]),
            ({"output": {"message": {"content": [{"toolUse": {"name": "d", "input": {}}}]}}}, ["d"]),
            ("text", []),
        ]:
            self.assertEqual(tool_names(body), names)
            self.assertEqual(may_call_tools(msgspec.json.encode(body)), names != [])

    def test_answers_and_errors(self) -> None:
        """Answers, refusals and error messages are found."""
        self.assertEqual(response({"content": [{"type": "text", "text": "hi"}]}), {("answer", "hi")})
        self.assertEqual(
            response({"choices": [{"message": {"role": "assistant", "content": "x"}}]}), {("answer", "x")}
        )
        self.assertEqual(response({"type": "error", "error": {"type": "e", "message": "busy"}}), {("answer", "busy")})
        self.assertEqual(response("plain"), {("answer", "plain")})

    def test_marks_are_no_texts(self) -> None:
        """What agents write about a message, such as how long to cache it, is not what it says."""
        body = {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "slow", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
                    ],
                }
            ],
            "system": [{"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.260.aaa; cch=bbb;"}],
        }
        self.assertEqual(set(request_texts(msgspec.json.encode(body))), {("prompt", "slow")})
        passed = {"turn_id": "t", "content_item_kinds": ["user.text"]}
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "fix"}]}
        item["internal_chat_message_metadata_passthrough"] = passed
        self.assertEqual(set(request_texts(msgspec.json.encode({"input": [item]}))), {("prompt", "fix")})
