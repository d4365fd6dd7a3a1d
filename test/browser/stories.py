"""Calls as coding agents make them: one conversation for each dialect, and endings that are not good ones."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from test.browser import wires
from test.browser.hostile import Payload
from test.browser.mock_upstream import Reply, json_reply
from test.browser.scene import Call

SYSTEM = (
    "You are Claude Code, an agent that helps with software engineering.\n\n"
    "# Tone\n- Answer briefly.\n- Never guess; **read the file**.\n\n"
    "Primary working directory: /home/mira/headerkit\n"
)
TOOLS = [
    {
        "name": name,
        "description": description,
        "input_schema": {
            "type": "object",
            "properties": {key: {"type": "string", "description": f"The {key}."} for key in keys},
            "required": list(keys),
        },
    }
    for name, description, keys in (
        ("Read", "Read a file from the local file system.", ("file_path",)),
        ("Edit", "Replace a string in a file.", ("file_path", "old_string", "new_string")),
        ("Bash", "Run a command in a shell.", ("command",)),
        ("Grep", "Search the contents of files.", ("pattern", "path")),
        ("Task", "Start a sub-agent for a task of its own.", ("description", "prompt")),
    )
]
CODE = (
    'def parse(line: str) -> tuple[str, str]:\n    name, _, value = line.partition(":")\n'
    "    return name.lower(), value.strip()\n"
)
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def claude(body: Any, reply: Reply, session: str = "5f1d8a52-claude", agent: str = "") -> Call:
    """Make a call of Claude Code."""
    headers = {
        "user-agent": "claude-cli/2.1.197 (external, cli)",
        "x-api-key": "sk-ant-api03-0000000000000000000000000000000000000000",
        "anthropic-version": "2023-06-01",
        "x-claude-code-session-id": session,
    }
    if agent:
        headers |= {"x-claude-code-agent-id": agent, "x-claude-code-parent-agent-id": "main"}
    return Call("/v1/messages?beta=true", body, reply, headers)


def message(number: int, content: list[Any], stop: str = "tool_use", cached: int = 18_000, new: int = 400) -> Any:
    """Make a message of Anthropic's."""
    usage = {
        "input_tokens": 12 + number,
        "cache_creation_input_tokens": new,
        "cache_creation": {"ephemeral_5m_input_tokens": new, "ephemeral_1h_input_tokens": 0},
        "cache_read_input_tokens": cached,
        "output_tokens": 90 + 61 * number % 400,
    }
    head = {"id": f"msg_01Hk{number:04d}", "type": "message", "role": "assistant", "model": "claude-sonnet-5"}
    return {**head, "content": content, "stop_reason": stop, "stop_sequence": None, "usage": usage}


def use(number: int, name: str, **arguments: str) -> dict[str, Any]:
    """Make a tool call."""
    return {"type": "tool_use", "id": f"toolu_{number:04d}", "name": name, "input": arguments}


def result(number: int, content: Any, **more: Any) -> dict[str, Any]:
    """Make the message with a tool's result."""
    block = {"type": "tool_result", "tool_use_id": f"toolu_{number:04d}", "content": content, **more}
    return {"role": "user", "content": [block]}


FIRST = "The header parser loses everything after the second colon. Find out why, fix it and add a test."
TURNS: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
    (
        {"role": "user", "content": [{"type": "text", "text": FIRST}]},
        [
            {
                "type": "thinking",
                "thinking": "I should look at the parser first, then at its tests.",
                "signature": "",
            },
            {"type": "text", "text": "I'll look at the parser first."},
            use(1, "Grep", pattern="def parse", path="src/"),
        ],
    ),
    (
        result(1, "src/headerkit/parser.py:14:def parse(line):\nsrc/headerkit/fold.py:3:def parse_folded(lines):"),
        [use(2, "Read", file_path="/home/mira/headerkit/src/headerkit/parser.py")],
    ),
    (
        result(2, [{"type": "text", "text": f"    14\tdef parse(line):\n{CODE}"}]),
        [
            {
                "type": "text",
                "text": "`split(':')` cuts at **every** colon, so a value such as a URL is lost:\n\n"
                f"```python\n{CODE}```\n\n| input | before | after |\n|---|---|---|\n| `a: b:c` | `b` | `b:c` |\n",
            },
            use(3, "Edit", file_path="src/headerkit/parser.py", old_string="split(':')", new_string="partition(':')"),
        ],
    ),
    (
        result(3, "The file was updated."),
        [use(4, "Bash", command="python -m pytest -q tests/test_parser.py")],
    ),
    (
        result(4, "FAILED tests/test_parser.py::test_empty - ValueError: not enough values to unpack", is_error=True),
        [
            {"type": "text", "text": "One old test expected the exception. I'll hand the search for others on."},
            use(5, "Task", description="Find callers", prompt="Which callers rely on ValueError?"),
        ],
    ),
    (
        result(5, "Only tests/test_parser.py::test_empty relies on it."),
        [
            {
                "type": "text",
                "text": "Done:\n\n1. `parse` splits at the first colon.\n2. `test_empty` now expects `('', '')`.\n"
                "3. A new test covers values with colons.\n\nAll 48 tests pass.",
            }
        ],
    ),
]


def claude_session(session: str = "5f1d8a52-claude") -> list[Call]:
    """A whole conversation with tools, thinking, cache breakpoints and a sub-agent."""
    calls, messages = [], []
    cached = {"cache_control": {"type": "ephemeral"}}
    system = [{"type": "text", "text": SYSTEM, **cached}]
    for number, (asked, answer) in enumerate(TURNS, 1):
        messages.append(asked)
        marked = [*messages[:-1], {**asked, "content": [{**asked["content"][-1], **cached}]}]
        body = {"model": "claude-sonnet-5", "max_tokens": 32000, "stream": True, "system": system}
        body |= {"tools": TOOLS, "messages": marked}
        stop = "end_turn" if number == len(TURNS) else "tool_use"
        told = message(number, answer, stop, cached=16_000 + 2_400 * number)
        calls.append(claude(body, wires.anthropic(told), session))
        messages.append({"role": "assistant", "content": answer})
    calls.insert(5, _sub_agent(session))
    return calls


def _sub_agent(session: str) -> Call:
    asked = {"role": "user", "content": "Which callers rely on ValueError?"}
    body = {"model": "claude-haiku-4-5", "max_tokens": 8000, "stream": True, "system": SYSTEM, "messages": [asked]}
    told = {"type": "text", "text": "Only `tests/test_parser.py::test_empty` relies on it."}
    return claude(body, wires.anthropic(message(40, [told], "end_turn", cached=0)), session, agent="agent-callers")


def image_call() -> Call:
    """A question with a picture, answered whole and not as a stream."""
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    asked = {"role": "user", "content": [picture, {"type": "text", "text": "What is wrong in this screenshot?"}]}
    told = message(60, [{"type": "text", "text": "The tooltip covers the button."}], "end_turn", cached=0)
    body = {"model": "claude-opus-4-5", "max_tokens": 1024, "messages": [asked]}
    headers = {"user-agent": "Anthropic/Python 2.11.0", "x-session-id": "sdk-notebook"}
    return Call("/v1/messages", body, json_reply(told, request_id="req_image"), headers)


def refused_call(session: str = "5f1d8a52-claude") -> Call:
    """A call that the API refuses."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded: try again in a minute"}}
    body = {"model": "claude-sonnet-5", "max_tokens": 10, "messages": [{"role": "user", "content": "Still there?"}]}
    return claude(body, json_reply(error, 529, request_id="req_refused"), session)


def codex_calls() -> list[Call]:
    """Two turns of Codex in the Responses format."""
    user = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Why is CI red on main?"}]}
    ran = {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "name": "shell",
        "arguments": json.dumps({"command": ["bash", "-lc", "gh run view --log-failed | tail -20"]}),
        "status": "completed",
    }
    output = {"type": "function_call_output", "call_id": "call_1", "output": "E  assert 3 == 4\n1 failed, 211 passed"}
    said = {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [
            {
                "type": "output_text",
                "text": "`test_retry` counts **four** attempts; the limit is three.",
                "annotations": [],
            }
        ],
    }
    tools = [
        {
            "type": "function",
            "name": "shell",
            "description": "Runs a shell command.",
            "parameters": {"type": "object", "properties": {"command": {"type": "array"}}},
        }
    ]
    headers = {
        "user-agent": "codex_cli_rs/0.169.0",
        "session-id": "019c-codex",
        "authorization": "Bearer sk-proj-000",
    }
    calls = []
    for number, (items, made) in enumerate((([user], ran), ([user, ran, output], said)), 1):
        body = {"model": "gpt-5.2-codex", "stream": True, "instructions": "You are Codex.", "input": items}
        usage = {"input_tokens": 9_000 * number, "output_tokens": 120, "total_tokens": 9_000 * number + 120}
        usage |= {"input_tokens_details": {"cached_tokens": 7_000}, "output_tokens_details": {"reasoning_tokens": 64}}
        told = {"id": f"resp_{number}", "object": "response", "created_at": 1790000000, "status": "completed"}
        told |= {"model": "gpt-5.2-codex", "output": [made], "usage": usage, "error": None}
        reply = wires.responses(told)
        calls.append(Call("/openai/v1/responses", {**body, "tools": tools}, reply, headers))
    return calls


def chat_call() -> Call:
    """A chat completion with a tool call."""
    body = {
        "model": "deepseek-chat",
        "stream": True,
        "messages": [
            {"role": "system", "content": "You write SQL."},
            {"role": "user", "content": "Revenue by month, please."},
        ],
        "tools": [{"type": "function", "function": {"name": "run_sql", "parameters": {"type": "object"}}}],
    }
    arguments = json.dumps({"sql": "SELECT date_trunc('month', at), sum(amount) FROM orders GROUP BY 1"})
    call = {"id": "call_9", "type": "function", "function": {"name": "run_sql", "arguments": arguments}}
    told = {"role": "assistant", "content": "I'll ask the database.", "tool_calls": [call]}
    completion = {
        "id": "chatcmpl-77",
        "created": 1790000000,
        "model": "deepseek-chat",
        "choices": [{"index": 0, "message": told, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 512, "completion_tokens": 48, "total_tokens": 560},
    }
    headers = {"user-agent": "OpenAI/Python 3.52.0", "x-session-id": "reports"}
    return Call("/deepseek/v1/chat/completions", body, wires.chat(completion), headers)


def gemini_call() -> Call:
    """A question of Gemini CLI."""
    directory = "I'm currently working in the directory: /home/mira/site\n"
    body = {
        "systemInstruction": {"parts": [{"text": "You are Gemini CLI."}]},
        "contents": [{"role": "user", "parts": [{"text": directory}, {"text": "Make the footer stick."}]}],
        "tools": [{"functionDeclarations": [{"name": "replace", "description": "Replaces text in a file."}]}],
    }
    arguments = {"file_path": "site.css", "old_string": "footer {", "new_string": "footer { position: sticky;"}
    parts = [{"text": "I'll pin it with CSS. "}, {"functionCall": {"name": "replace", "args": arguments}}]
    answer = {
        "modelVersion": "gemini-3-pro",
        "responseId": "r_1",
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}],
        "usageMetadata": {
            "promptTokenCount": 4_200,
            "candidatesTokenCount": 80,
            "thoughtsTokenCount": 33,
            "totalTokenCount": 4_313,
        },
    }
    path = "/google/v1beta/models/gemini-3-pro:streamGenerateContent?alt=sse"
    headers = {
        "user-agent": "GeminiCLI/0.31.0 (linux; x64)",
        "x-goog-api-key": "AIza00000000000000000000000000000000000",
    }
    return Call(path, body, wires.gemini(answer), headers)


def ollama_call() -> Call:
    """A question to a local model."""
    body = {"model": "qwen3:8b", "messages": [{"role": "user", "content": "Name three sorting algorithms."}]}
    answer = {
        "model": "qwen3:8b",
        "created_at": "2026-01-02T03:04:05Z",
        "message": {"role": "assistant", "content": "Merge sort, quicksort and heapsort."},
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 31,
        "eval_count": 12,
    }
    return Call("/ollama/api/chat", body, wires.ollama(answer), {"user-agent": "ollama-python/0.6.1 (x86_64 linux)"})


def bedrock_call() -> Call:
    """A question to Bedrock's Converse."""
    body = {
        "system": [{"text": "You are terse."}],
        "messages": [{"role": "user", "content": [{"text": "Is the bucket public?"}]}],
    }
    reply = wires.bedrock("No: public access is blocked.", {"inputTokens": 24, "outputTokens": 9, "totalTokens": 33})
    headers = {"user-agent": "aws-cli/2.31.0", "authorization": "AWS4-HMAC-SHA256 Credential=AKIA0/x, Signature=0"}
    return Call("/bedrock/model/amazon.nova-pro-v1%3A0/converse-stream", body, reply, headers)


def generic_call() -> Call:
    """A call of an API that nobody knows."""
    reply = json_reply({"widgets": [{"id": 1, "tags": ["a", "b"], "nested": {"deep": [1, 2, {"x": None}]}}]})
    return Call(
        "/v9/widgets?page=1", {"filter": {"kind": "round", "limits": [1, 2]}}, reply, {"user-agent": "curl/8.5"}
    )


def every_dialect() -> list[Call]:
    """Return calls of every dialect and of every kind of ending that a mock can give."""
    others = [chat_call(), gemini_call(), ollama_call(), bedrock_call(), generic_call()]
    return [*others, image_call(), *codex_calls(), *claude_session(), refused_call()]


def hostile_call(group: Sequence[Payload], session: str) -> Call:
    """Put texts into every place of a call that a client or an upstream can fill.

    :param group: all of them are in prompt, tools, parameters, headers and answer; the first is where one can be.
    """
    payload = group[0]
    text, plain = payload.text, payload.plain
    body = {
        "model": text,
        "stream": True,
        "system": [{"type": "text", "text": f"Primary working directory: {plain}\n{each.text}"} for each in group],
        "tools": [_hostile_tool(each.text) for each in group],
        "messages": [message for each in group for message in _hostile_messages(each)],
        **{each.text: {each.text: each.text} for each in group},
    }
    told = [block for each in group for block in _hostile_answer(each)]
    answer = wires.anthropic({**message(payload.number, told, text), "model": text})
    fields = {each.token: each.plain for each in group}
    answer = Reply(answer.pieces, headers={"request-id": plain, **fields})
    headers = {
        "user-agent": f"claude-cli/{plain}",
        "x-claude-code-session-id": session,
        "x-claude-code-agent-id": plain,
        **fields,
    }
    return Call(f"/v1/messages?x={quote(text)}&y='\"-alert(1)-", body, answer, headers)


def _hostile_tool(text: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {text: {"title": text}}}
    return {"name": text, "description": text, "input_schema": schema}


def _hostile_messages(payload: Payload) -> list[dict[str, Any]]:
    text = payload.text
    said = {
        "role": "assistant",
        "content": [{"type": "text", "text": text}, use(payload.number, text, **{text: text})],
    }
    answered = result(payload.number, [{"type": "text", "text": text}, {"type": text, text: text}], is_error=True)
    asked = {"role": "user", "content": [{"type": "text", "text": text}]}
    return [asked, said, answered, {"role": text, "content": text}, {"role": "user", "content": f"0 {text}"}]


def _hostile_answer(payload: Payload) -> list[dict[str, Any]]:
    text = payload.text
    return [
        {"type": "thinking", "thinking": text, "signature": text},
        {"type": "text", "text": f"{text}\n\n{text}"},
        use(1000 + payload.number, text, **{text: text}),
    ]


def hostile_error(payload: Payload) -> Call:
    """Put a text into an error, a session's name and a raw target."""
    error = {"type": "error", "error": {"type": payload.text, "message": payload.text}}
    headers = {"user-agent": payload.plain, "x-session-id": payload.plain, "content-type": payload.plain or "x"}
    body = {"model": payload.text, "input": payload.text}
    path = "/openai/v1/" + quote(payload.text, safe="<>()='\"`{}$;:,") + "/responses"
    return Call(path, body, json_reply(error, 400), headers)
