"""Requests and answers of every dialect read the same way."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dialects.views.view import Block, Message, Tool, answer_view, request_view
from test.effort import effort

_SCHEMA = {"type": "object"}
_PNG = "iVBORw0KGgo="  # eight bytes
_CALL = Block(kind="tool_call", id="c1", name="shell", value={"cmd": "ls"})
_THOUGHT = Block(kind="thinking", text="hm")


def text(value: str, **more: Any) -> Block:
    return Block(kind="text", text=value, **more)


class AnthropicViewTests(SynchronousTestCase):
    """Anthropic bodies."""

    def test_request(self) -> None:
        """System, tools, messages, results, images and cache breakpoints are found."""
        view = request_view(
            "anthropic",
            {
                "model": "m",
                "system": [{"type": "text", "text": "be good", "cache_control": {"type": "ephemeral"}}],
                "tools": [{"name": "shell", "description": "run", "input_schema": _SCHEMA}],
                "messages": [
                    {"role": "user", "content": "hi"},
                    {
                        "role": "assistant",
                        "content": [{"type": "tool_use", "id": "c1", "name": "shell", "input": {}}],
                    },
                    {
                        "role": "user",
                        "content": [
                            {"type": "tool_result", "tool_use_id": "c1", "content": "no", "is_error": True},
                            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": _PNG}},
                            {"type": "document", "title": "t", "source": {"type": "text", "data": "words"}},
                        ],
                    },
                ],
            },
        )
        self.assertEqual(view.system, (text("be good", cache_breakpoint=True),))
        self.assertEqual(view.tools, (Tool("shell", "run", _SCHEMA),))
        self.assertEqual(view.messages[0], Message("user", (text("hi"),)))
        self.assertEqual(view.messages[1].blocks[0].kind, "tool_call")
        result, image, document = view.messages[2].blocks
        self.assertEqual(result, Block(kind="tool_result", id="c1", content=(text("no"),), is_error=True))
        self.assertEqual(image, Block(kind="image", media_type="image/png", size=8, data="iVBORw0KGgo="))
        self.assertEqual(document, Block(kind="document", text="t", content=(text("words"),)))
        self.assertEqual(view.params, {"model": "m"})

    def test_answer(self) -> None:
        """Thoughts, texts and calls are found, and a block of an unknown type is shown as JSON."""
        content = [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "ok"},
            {"type": "tool_use", "id": "c1", "name": "shell", "input": {"cmd": "ls"}},
            {"type": "future", "x": 1},
        ]
        view = answer_view("anthropic", {"role": "assistant", "content": content})
        self.assertEqual(
            view, Message("assistant", (_THOUGHT, text("ok"), _CALL, Block(kind="json", value=content[3])))
        )

    def test_damaged_tool_input(self) -> None:
        """A tool input that is no JSON is shown as it came."""
        body = {"content": [{"type": "tool_use", "id": "c1", "name": "x", "input": {}, "_raw_input": '{"a'}]}
        self.assertEqual(answer_view("anthropic", body).blocks[0].value, '{"a')

    def test_failed_server_tool(self) -> None:
        """A server tool that failed says so by the type of its content."""
        content = {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"}
        body = {"content": [{"type": "web_search_tool_result", "tool_use_id": "c1", "content": content}]}
        self.assertTrue(answer_view("anthropic", body).blocks[0].is_error)


class OpenAIViewTests(SynchronousTestCase):
    """Bodies of Responses and Chat."""

    def test_responses_request(self) -> None:
        """Instructions, tools, messages, calls and their outputs are found."""
        view = request_view(
            "openai_responses",
            {
                "instructions": "be good",
                "tools": [{"type": "function", "name": "shell", "description": "run", "parameters": _SCHEMA}],
                "input": [
                    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
                    {
                        "role": "user",
                        "content": [{"type": "input_image", "image_url": f"data:image/png;base64,{_PNG}"}],
                    },
                    {"type": "function_call", "call_id": "c1", "name": "shell", "arguments": '{"cmd":"ls"}'},
                    {"type": "function_call_output", "call_id": "c1", "output": "files"},
                ],
                "stream": True,
            },
        )
        self.assertEqual(view.system, (text("be good"),))
        self.assertEqual(view.tools, (Tool("shell", "run", _SCHEMA),))
        self.assertEqual(view.messages[0], Message("user", (text("hi"),)))
        self.assertEqual(
            view.messages[1].blocks, (Block(kind="image", media_type="image/png", size=8, data="iVBORw0KGgo="),)
        )
        self.assertEqual(view.messages[2], Message("assistant", (_CALL,)))
        self.assertEqual(view.messages[3].blocks, (Block(kind="tool_result", id="c1", content=(text("files"),)),))
        self.assertEqual(view.params, {"stream": True})

    def test_responses_answer(self) -> None:
        """Items become blocks of one message."""
        output = [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "ok"}]},
            {"type": "function_call", "call_id": "c1", "name": "shell", "arguments": '{"cmd":"ls"}'},
        ]
        view = answer_view("openai_responses", {"output": output})
        self.assertEqual(view, Message("assistant", (_THOUGHT, text("ok"), _CALL)))

    def test_chat_request(self) -> None:
        """Leading system messages are the system prompt."""
        view = request_view(
            "openai_chat",
            {
                "messages": [
                    {"role": "system", "content": "be good"},
                    {"role": "user", "content": [{"type": "text", "text": "hi"}]},
                    {"role": "tool", "tool_call_id": "c1", "content": "files"},
                ],
                "tools": [{"type": "function", "function": {"name": "shell", "parameters": _SCHEMA}}],
            },
        )
        self.assertEqual(view.system, (text("be good"),))
        self.assertEqual(view.tools, (Tool("shell", "", _SCHEMA),))
        self.assertEqual(view.messages[0], Message("user", (text("hi"),)))
        self.assertEqual(view.messages[1].blocks, (Block(kind="tool_result", id="c1", content=(text("files"),)),))

    def test_chat_answer(self) -> None:
        """Reasoning, content and calls are found."""
        call = {"id": "c1", "type": "function", "function": {"name": "shell", "arguments": '{"cmd":"ls"}'}}
        message = {"role": "assistant", "reasoning": "hm", "content": "ok", "tool_calls": [call]}
        view = answer_view("openai_chat", {"choices": [{"index": 0, "message": message}]})
        self.assertEqual(view, Message("assistant", (_THOUGHT, text("ok"), _CALL)))

    def test_legacy_completion(self) -> None:
        """A prompt is what the user says, a text what the model does."""
        self.assertEqual(request_view("openai_chat", {"prompt": "p"}).messages, (Message("user", (text("p"),)),))
        self.assertEqual(answer_view("openai_chat", {"choices": [{"text": "t"}]}).blocks, (text("t"),))


class OtherViewTests(SynchronousTestCase):
    """Bodies of Gemini, Ollama, Bedrock and of nobody known."""

    def test_gemini(self) -> None:
        """Bare and wrapped bodies read the same."""
        request = {
            "systemInstruction": {"parts": [{"text": "be good"}]},
            "tools": [{"functionDeclarations": [{"name": "shell", "parameters": _SCHEMA}]}],
            "contents": [
                {"role": "user", "parts": [{"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": _PNG}}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "shell", "response": {"output": "files"}}}]},
            ],
        }
        for body in (request, {"model": "m", "request": request}):
            view = request_view("gemini", body)
            self.assertEqual(view.system, (text("be good"),))
            self.assertEqual(view.tools, (Tool("shell", "", _SCHEMA),))
            image = Block(kind="image", media_type="image/png", size=8, data="iVBORw0KGgo=")
            self.assertEqual(view.messages[0], Message("user", (text("hi"), image)))
            self.assertEqual(view.messages[1].blocks[0].content, (text("files"),))
        call = {"functionCall": {"id": "c1", "name": "shell", "args": {"cmd": "ls"}}}
        parts = [{"text": "hm", "thought": True}, {"text": "ok"}, call]
        answer = {"candidates": [{"content": {"role": "model", "parts": parts}}]}
        for body in (answer, {"response": answer}):
            self.assertEqual(answer_view("gemini", body), Message("model", (_THOUGHT, text("ok"), _CALL)))

    def test_ollama(self) -> None:
        """Images stand beside the content, arguments are objects."""
        view = request_view("ollama", {"messages": [{"role": "user", "content": "hi", "images": [_PNG]}]})
        self.assertEqual(
            view.messages, (Message("user", (text("hi"), Block(kind="image", size=8, data="iVBORw0KGgo="))),)
        )
        calls = [{"id": "c1", "function": {"name": "shell", "arguments": {"cmd": "ls"}}}]
        message = {"role": "assistant", "content": "ok", "thinking": "hm", "tool_calls": calls}
        self.assertEqual(answer_view("ollama", {"message": message}).blocks, (_THOUGHT, text("ok"), _CALL))
        self.assertEqual(answer_view("ollama", {"response": "ok"}).blocks, (text("ok"),))

    def test_bedrock(self) -> None:
        """Converse bodies are known by their shape, Anthropic's too; a cache point marks what is before it."""
        request = {
            "system": [{"text": "be good"}, {"cachePoint": {"type": "default"}}],
            "toolConfig": {"tools": [{"toolSpec": {"name": "shell", "inputSchema": {"json": _SCHEMA}}}]},
            "messages": [
                {"role": "user", "content": [{"toolResult": {"toolUseId": "c1", "content": [{"text": "t"}]}}]}
            ],
        }
        view = request_view("bedrock", request)
        self.assertEqual(view.system, (text("be good", cache_breakpoint=True),))
        self.assertEqual(view.tools, (Tool("shell", "", _SCHEMA),))
        self.assertEqual(view.messages[0].blocks, (Block(kind="tool_result", id="c1", content=(text("t"),)),))
        content = [
            {"reasoningContent": {"reasoningText": {"text": "hm"}}},
            {"text": "ok"},
            {"toolUse": {"toolUseId": "c1", "name": "shell", "input": {"cmd": "ls"}}},
        ]
        body = {"output": {"message": {"role": "assistant", "content": content}}}
        self.assertEqual(answer_view("bedrock", body).blocks, (_THOUGHT, text("ok"), _CALL))
        self.assertEqual(answer_view("bedrock", {"content": [{"type": "text", "text": "t"}]}).blocks, (text("t"),))
        invoke = {"anthropic_version": "bedrock-2023-05-31", "messages": [{"role": "user", "content": "hi"}]}
        self.assertEqual(request_view("bedrock", invoke).messages[0].blocks, (text("hi"),))

    def test_what_nobody_knows(self) -> None:
        """Bodies without a dialect, errors and texts are shown as they are."""
        self.assertEqual(request_view(None, {"a": 1}).params, {"a": 1})
        self.assertEqual(request_view("generic", "raw").messages, (Message("user", (text("raw"),)),))
        self.assertEqual(request_view("anthropic", None).messages, ())
        error = {"error": {"message": "no"}}
        self.assertEqual(answer_view("openai_chat", error).blocks, (Block(kind="json", value=error),))
        self.assertEqual(answer_view("generic", "words").blocks, (text("words"),))
        self.assertEqual(answer_view("anthropic", None).blocks, ())


_NAMES = ("anthropic", "openai_responses", "openai_chat", "gemini", "ollama", "bedrock", "generic", None)
_WORDS = st.sampled_from(
    [
        *("type", "role", "content", "text", "messages", "system", "tools", "input", "output", "function", "parts"),
        *("image", "source", "data", "tool_use", "tool_result", "choices", "message", "tool_calls", "arguments"),
        *("candidates", "contents", "functionCall", "functionResponse", "response", "toolUse", "toolResult"),
        *("cachePoint", "thinking", "reasoning", "function_call", "image_url", "url", "anthropic_version", "request"),
    ]
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=5),
    max_leaves=15,
)


class ToleranceTests(SynchronousTestCase):
    """Views take any JSON."""

    @settings(max_examples=effort(100), deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(st.sampled_from(_NAMES), _VALUES)
    def test_any_value(self, dialect: str | None, body: Any) -> None:
        """Any JSON value has a view, and what is not nothing is not shown as nothing."""
        before = json.dumps(body)
        request_view(dialect, body)
        self.assertTrue(answer_view(dialect, body).blocks or body is None)
        self.assertEqual(json.dumps(body), before)


class CohereViewTests(SynchronousTestCase):
    """Both versions of Cohere's chat."""

    def test_the_second_version(self) -> None:
        """It is read as Chat Completions is; the plan stands before the calls."""
        call = {"id": "t", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
        body = {"message": {"role": "assistant", "tool_plan": "I will", "tool_calls": [call],
                            "content": [{"type": "text", "text": "Hi"}]}}  # fmt: skip
        view = answer_view("cohere", body)
        self.assertEqual([(b.kind, b.text, b.name) for b in view.blocks],
                         [("thinking", "I will", None), ("text", "Hi", None), ("tool_call", "", "f")])  # fmt: skip
        asked = request_view("cohere", {"model": "c", "messages": [{"role": "user", "content": "a"}]})
        self.assertEqual(asked.messages[0].blocks[0].text, "a")

    def test_the_first_version(self) -> None:
        """Preamble, history and message; text and calls."""
        history = [{"role": "USER", "message": "a"}, {"role": "CHATBOT", "message": "b"}]
        body = {"message": "c", "chat_history": history, "preamble": "s", "tools": [{"name": "f"}], "model": "m"}
        asked = request_view("cohere", body)
        self.assertEqual([(m.role, m.blocks[0].text) for m in asked.messages],
                         [("user", "a"), ("assistant", "b"), ("user", "c")])  # fmt: skip
        self.assertEqual((asked.system[0].text, asked.tools[0].name, asked.params), ("s", "f", {"model": "m"}))
        view = answer_view("cohere", {"text": "Hi", "tool_calls": [{"name": "f", "parameters": {"a": 1}}]})
        self.assertEqual([(b.kind, b.text, b.value) for b in view.blocks],
                         [("text", "Hi", None), ("tool_call", "", {"a": 1})])  # fmt: skip


class AssistantsViewTests(SynchronousTestCase):
    """Runs of a thread."""

    def test_a_run(self) -> None:
        """What was asked, what tools answered, what the assistant wrote."""
        body = {"assistant_id": "a", "instructions": "s", "additional_messages": [{"role": "user", "content": "q"}],
                "tool_outputs": [{"tool_call_id": "t", "output": "o"}]}  # fmt: skip
        asked = request_view("openai_assistants", body)
        self.assertEqual([(m.role, m.blocks[0].kind) for m in asked.messages],
                         [("user", "text"), ("tool", "tool_result")])  # fmt: skip
        written = {"role": "assistant", "content": [{"type": "text", "text": {"value": "Hi"}}]}
        view = answer_view("openai_assistants", {"object": "thread.run", "_messages": [written]})
        self.assertEqual([block.text for block in view.blocks], ["Hi"])
        alone = answer_view("openai_assistants", {"object": "thread.run"})
        self.assertEqual(alone.blocks[0].kind, "json")
