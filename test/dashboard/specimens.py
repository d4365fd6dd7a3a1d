"""Records of every dialect, as agents and upstreams write them, small enough to read."""

import zlib
from typing import Any

from ccsproxy.exchange.ids import iso_time

SID = "specimen-session-1"
START = 1_795_190_400.0
CWD = "/home/dev/ledger"
SCHEMA = {
    "type": "object",
    "properties": {"file_path": {"type": "string", "description": "Absolute path."}, "limit": {"type": "integer"}},
    "required": ["file_path"],
}


def record(seq: int, dialect: str, body: Any, answer: Any, **more: Any) -> dict[str, Any]:
    """Return a record; further members replace what it would have."""
    begun = START + seq * 30 + more.pop("later", 0)
    duration = 4200.0 + seq * 310
    sid = more.get("session_id", SID)
    made: dict[str, Any] = {
        "id": f"{int(begun * 1000):012x}{seq:06x}{zlib.crc32(sid.encode()):08x}",
        "seq": seq,
        "session_id": sid,
        "request_id": f"req_{seq:04}",
        "started_at": iso_time(begun),
        "ended_at": iso_time(begun + duration / 1000),
        "duration_ms": duration,
        "ttft_ms": 870.0 + seq * 12,
        "upstream": "anthropic",
        "dialect": dialect,
        "category": "model",
        "model": "claude-sonnet-4-5",
        "response_model": "claude-sonnet-4-5-20250929",
        "outcome": "complete",
        "stop_reason": "end_turn",
        "error": None,
        "partial": False,
        "client": {"name": "claude-code", "version": "2.1.197", "cwd": CWD, "session": sid},
        "usage": {
            "input_tokens": 412 + seq,
            "output_tokens": 96 + seq * 7,
            "cache_creation_input_tokens": 1200 + seq * 40,
            "cache_read_input_tokens": 18_204 + seq * 1900,
            "reasoning_tokens": None,
        },
        "timing": {
            "connected": 24.0,
            "reused": False,
            "request_sent": 61.0,
            "headers": 640.0,
            "first_byte": 644.0,
            "first_token": 870.0 + seq * 12,
            "last_byte": duration,
            "max_gap": 2100.0,
            "overhead_us": 310,
        },
        "request": request(body),
        "response": response(answer),
        "capture": {"faults": [], "redactions": 2, "dropped_bytes": 0},
        "schema_version": 3,
    }
    return {**made, **more}


def request(body: Any) -> dict[str, Any]:
    """Return the request of a record."""
    pairs = [["Host", "127.0.0.1:8787"], ["X-Api-Key", "<redacted>"], ["Content-Type", "application/json"]]
    return {
        "method": "POST",
        "path": "/v1/messages?beta=true",
        "headers": {name.lower(): value for name, value in pairs},
        "headers_raw": pairs,
        "http_version": "1.1",
        "body": body,
        "body_bytes": 48_210,
        "body_sha256": None,
        "content_encoding": None,
    }


def response(answer: Any) -> dict[str, Any]:
    """Return the response of a record."""
    pairs = [["Content-Type", "text/event-stream"], ["Request-Id", "req_1"], ["Set-Cookie", "a=1"]]
    return {
        "status": 200,
        "reason": "OK",
        "http_version": "1.1",
        "headers": {name.lower(): value for name, value in pairs},
        "headers_raw": pairs,
        "body_reassembled": answer,
        "body_bytes": 9120,
        "body_sha256": None,
        "content_encoding": None,
        "raw_sse_frames_count": 14,
        "stream": {
            "text": 'event: message_start\ndata: {"type":"message_start"}\n\n',
            "chunks": [[644.0, 300], [900.0, 120], [3000.0, 120], [4100.0, 90]],
        },
    }


ANTHROPIC_ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [
        {"type": "thinking", "thinking": "The header value may hold colons.", "signature": "x"},
        {
            "type": "text",
            "text": (
                "The test fails because `parse_header` splits on **every** colon:\n\n"
                "```python\nname, _, value = line.partition(':')  # the first one only\n```\n\n"
                "- keep the name as it is\n- strip the value\n\nSee [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110)."
            ),
        },
        {
            "type": "tool_use",
            "id": "toolu_edit",
            "name": "Edit",
            "input": {
                "file_path": "/home/dev/ledger/headers.py",
                "old_string": "def parse(line):\n    name, value = line.split(':')\n    return name, value",
                "new_string": "def parse(line):\n    name, _, value = line.partition(':')\n    return name, value",
            },
        },
    ],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 412, "output_tokens": 96},
}


def anthropic_body(*messages: Any, cached: bool = True) -> dict[str, Any]:
    """Return a request for a message."""
    mark = {"cache_control": {"type": "ephemeral"}} if cached else {}
    return {
        "model": "claude-sonnet-4-5",
        "max_tokens": 32_000,
        "stream": True,
        "system": [{"type": "text", "text": f"You are a coding agent.\nPrimary working directory: {CWD}", **mark}],
        "tools": [
            {"name": "Read", "description": "Reads a file.\n\nUse absolute paths.", "input_schema": SCHEMA},
            {"name": "Edit", "description": "Replaces text in a file.", "input_schema": SCHEMA},
        ],
        "messages": list(messages),
    }


ASKED = {"role": "user", "content": [{"type": "text", "text": "Why does test_headers fail?"}]}
CALLED = {
    "role": "assistant",
    "content": [{"type": "tool_use", "id": "toolu_read", "name": "Read", "input": {"file_path": "headers.py"}}],
}
RESULT = {
    "role": "user",
    "content": [
        {"type": "tool_result", "tool_use_id": "toolu_read", "content": "1\tdef parse(line):\n2\t    pass"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
    ],
}


def anthropic(seq: int = 1, **more: Any) -> dict[str, Any]:
    """Return a turn of Claude Code."""
    return record(seq, "anthropic", anthropic_body(ASKED, CALLED, RESULT), ANTHROPIC_ANSWER, **more)


def responses(seq: int = 2, **more: Any) -> dict[str, Any]:
    """Return a turn of Codex."""
    body = {
        "model": "gpt-5.2-codex",
        "instructions": "You are Codex.",
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Fix test_headers."}]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Look at the file first."}]},
            {"type": "function_call", "call_id": "call_1", "name": "shell", "arguments": '{"command": "cat h.py"}'},
            {"type": "function_call_output", "call_id": "call_1", "output": "def parse(line): ..."},
        ],
        "tools": [{"type": "function", "name": "shell", "description": "Runs a command.", "parameters": SCHEMA}],
        "reasoning": {"effort": "medium"},
    }
    answer = {
        "id": "resp_1",
        "object": "response",
        "output": [
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Done with it."}]}
        ],
    }
    return record(seq, "openai_responses", body, answer, **{"upstream": "openai", "model": "gpt-5.2-codex", **more})


def chat(seq: int = 3, **more: Any) -> dict[str, Any]:
    """Return a call of the Chat Completions API."""
    call = {"id": "call_9", "type": "function", "function": {"name": "lookup", "arguments": '{"key": "colon"}'}}
    body = {
        "model": "gpt-4.1",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Look up the colon."},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_9", "content": "U+003A"},
        ],
        "tools": [{"type": "function", "function": {"name": "lookup", "parameters": SCHEMA}}],
    }
    answer = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "It is U+003A."}}]}
    return record(seq, "openai_chat", body, answer, **{"upstream": "openai", "model": "gpt-4.1", **more})


def gemini(seq: int = 4, **more: Any) -> dict[str, Any]:
    """Return a call of Gemini CLI."""
    body = {
        "systemInstruction": {"parts": [{"text": "You are Gemini CLI."}]},
        "contents": [{"role": "user", "parts": [{"text": "Count the colons."}]}],
        "tools": [{"functionDeclarations": [{"name": "grep", "description": "Finds text.", "parameters": SCHEMA}]}],
    }
    answer = {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [{"text": "There are three."}, {"functionCall": {"name": "grep", "args": {"p": ":"}}}],
                },
                "finishReason": "STOP",
            }
        ]
    }
    return record(seq, "gemini", body, answer, **{"upstream": "gemini", "model": "gemini-3-pro", **more})


def ollama(seq: int = 5, **more: Any) -> dict[str, Any]:
    """Return a call of Ollama."""
    body = {"model": "qwen3", "messages": [{"role": "user", "content": "Say colon."}], "stream": False}
    answer = {"model": "qwen3", "message": {"role": "assistant", "content": "Colon."}, "done": True}
    return record(seq, "ollama", body, answer, **{"upstream": "local", "model": "qwen3", **more})


def bedrock(seq: int = 6, **more: Any) -> dict[str, Any]:
    """Return a call of Bedrock's Converse API."""
    body = {
        "system": [{"text": "You are on Bedrock."}],
        "messages": [{"role": "user", "content": [{"text": "Name the colon."}]}],
    }
    answer = {
        "output": {"message": {"role": "assistant", "content": [{"text": "A colon."}]}},
        "stopReason": "end_turn",
    }
    return record(seq, "bedrock", body, answer, **{"upstream": "bedrock", "model": "anthropic.claude-v9", **more})


def unknown(seq: int = 7, **more: Any) -> dict[str, Any]:
    """Return a call that nobody knows the shape of."""
    body = {"query": {"deep": [1, {"er": "values"}]}, "flag": True, "nothing": None}
    return record(seq, "generic", body, {"rows": [[1, 2], [3, 4]]}, **{"model": None, "category": "other", **more})


DIALECTS = {
    "anthropic": (anthropic, "Why does test_headers fail?", "parse_header"),
    "openai_responses": (responses, "Fix test_headers.", "Done with it."),
    "openai_chat": (chat, "Look up the colon.", "It is U+003A."),
    "gemini": (gemini, "Count the colons.", "There are three."),
    "ollama": (ollama, "Say colon.", "Colon."),
    "bedrock": (bedrock, "Name the colon.", "A colon."),
    "generic": (unknown, "deep", "rows"),
}


def conversation(turns: int, sid: str = SID, branch_at: int = 3) -> list[dict[str, Any]]:
    """Return a session: each turn sends everything again; a sub-agent works beside one of them."""
    made: list[dict[str, Any]] = []
    messages: list[Any] = [{"role": "user", "content": "Why does test_headers fail? Please fix it."}]
    for turn in range(1, turns + 1):
        call = {
            "type": "tool_use",
            "id": f"toolu_{turn}",
            "name": "Read",
            "input": {"file_path": f"/src/part{turn}.py"},
        }
        content = [{"type": "text", "text": f"Step {turn}: I read the next part."}, call]
        answer = {**ANTHROPIC_ANSWER, "content": content}
        made.append(record(len(made) + 1, "anthropic", anthropic_body(*messages), answer, session_id=sid))
        messages = [*messages, {"role": "assistant", "content": content}]
        told = {"type": "tool_result", "tool_use_id": f"toolu_{turn}", "content": f"part {turn} " + "x = 1\n" * 12}
        messages.append({"role": "user", "content": [told]})
        if turn == branch_at:
            made += _branch(len(made) + 1, sid)
    return made


def _branch(first: int, sid: str) -> list[dict[str, Any]]:
    client = {"name": "claude-code", "version": "2.1.197", "cwd": CWD, "session": sid, "agent": "agent-explore"}
    asked = {"role": "user", "content": "Explore the repository and report."}
    told = {"role": "assistant", "content": [{"type": "text", "text": "I look around."}]}
    answer = {**ANTHROPIC_ANSWER, "content": told["content"]}
    done = {**ANTHROPIC_ANSWER, "content": [{"type": "text", "text": "There are twelve files."}]}
    more = {"role": "user", "content": "Go on."}
    made = [
        record(first, "anthropic", anthropic_body(asked), answer, session_id=sid),
        record(first + 1, "anthropic", anthropic_body(asked, told, more), done, session_id=sid),
    ]
    return [{**each, "client": client} for each in made]
