"""What an answer says, found out without the product: by the shapes that the makers document, event by event.

Simple on purpose: it keeps everything in memory, knows no damage, and gives up where it does not know a shape.
"""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

import attrs

from test.recorded.recordings import Recorded

Json = dict[str, Any]


@attrs.define
class Said:
    """What is compared.

    :ivar text: the answer's text, parts joined.
    :ivar calls: names and arguments of the tools that the client is to run.
    :ivar input: tokens of the whole prompt, what the cache gave and took included; None where that is not told.
    :ivar output: tokens of the whole answer.
    :ivar ended: the answer came to its end.
    """

    text: str = ""
    calls: list[tuple[str, Any]] = attrs.Factory(list)
    input: int | None = None
    output: int | None = None
    ended: bool = True


def events_of(body: bytes) -> Iterator[tuple[str, Any]]:
    """Yield name and JSON of server-sent events."""
    text = body.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    for block in text.split(b"\n\n"):
        fields = [line.partition(b":") for line in block.split(b"\n")]
        data = b"\n".join(value.removeprefix(b" ") for name, _, value in fields if name == b"data")
        name = b"".join(value.strip() for field, _, value in fields if field == b"event")
        if data.strip() and not data.startswith(b"[DONE]"):
            yield name.decode(), json.loads(data)


def arguments(text: Any) -> Any:
    """Return the value of JSON text, the text where it is none."""
    try:
        return json.loads(text) if isinstance(text, str) else text or ""
    except ValueError:
        return text


def anthropic(value: Json) -> Said:
    content = value.get("content") or []
    usage = value.get("usage") or {}
    keys = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return Said(
        "".join(part.get("text") or "" for part in content if part.get("type") == "text"),
        [(part["name"], part.get("input")) for part in content if part.get("type") == "tool_use"],
        sum(usage.get(key) or 0 for key in keys) if usage.get("input_tokens") is not None else None,
        usage.get("output_tokens"),
    )


def anthropic_stream(events: list[tuple[str, Json]]) -> Said:
    message: Json = {"content": [], "usage": {}}
    blocks: dict[int, Json] = {}
    ended = False
    for _, event in events:
        kind = event.get("type")
        if kind == "message_start":
            message["usage"] = dict(event["message"].get("usage") or {})
        elif kind == "content_block_start":
            blocks[event["index"]] = {**event["content_block"], "json": ""}
        elif kind == "content_block_delta":
            block, delta = blocks[event["index"]], event["delta"]
            block["json"] += delta.get("partial_json", "")
            if delta["type"] == "text_delta":
                block["text"] = block.get("text", "") + delta["text"]
        elif kind == "message_delta":
            message["usage"].update({k: v for k, v in (event.get("usage") or {}).items() if v is not None})
        ended = ended or kind == "message_stop"
    for block in blocks.values():
        block["input"] = arguments(block["json"]) if block["json"] else block.get("input")
    said = anthropic({**message, "content": [blocks[index] for index in sorted(blocks)]})
    said.ended = ended
    return said


def responses(value: Json) -> Said:
    usage, said = value.get("usage") or {}, Said()
    for item in value.get("output") or []:
        if item.get("type") == "message":
            said.text += "".join(part.get("text") or "" for part in item.get("content") or [])
        elif item.get("type") == "function_call":
            said.calls.append((item["name"], arguments(item.get("arguments"))))
    said.input, said.output = usage.get("input_tokens"), usage.get("output_tokens")
    return said


def responses_stream(events: list[tuple[str, Json]]) -> Said:
    last = [event["response"] for _, event in events if event.get("type") in _RESPONSE_ENDS]
    if not last:
        return Said(ended=False)
    value = dict(last[-1])
    done = {e["output_index"]: e["item"] for _, e in events if e.get("type") == "response.output_item.done"}
    value["output"] = value.get("output") or [done[index] for index in sorted(done)]
    return responses(value)


_RESPONSE_ENDS = ("response.completed", "response.incomplete", "response.failed")


def chat(value: Json) -> Said:
    said = Said()
    for choice in value.get("choices") or []:
        message = choice.get("message") or {}
        content = message.get("content", choice.get("text"))
        parts = content if isinstance(content, list) else [{"text": content or ""}]
        said.text += "".join(part.get("text") or "" for part in parts if isinstance(part, dict))
        for call in message.get("tool_calls") or []:
            function = call.get("function") or {}
            said.calls.append((function.get("name"), arguments(function.get("arguments"))))
    usage = value.get("usage") or (value.get("x_groq") or {}).get("usage")
    usage = usage or next((c["usage"] for c in value.get("choices") or [] if c.get("usage")), {})
    said.input, said.output = usage.get("prompt_tokens"), usage.get("completion_tokens")
    total = usage.get("total_tokens")
    if None not in (said.input, said.output, total) and total > said.input + said.output:
        heard = usage.get("prompt_audio_seconds") or (usage.get("prompt_tokens_details") or {}).get("audio_tokens")
        rest = total - said.input - said.output
        said.input, said.output = (said.input + rest, said.output) if heard else (said.input, said.output + rest)
    return said


def chat_stream(events: list[tuple[str, Json]]) -> Said:
    choices: dict[int, Json] = {}
    value: Json = {}
    for _, chunk in events:
        value.update({key: chunk[key] for key in ("usage", "x_groq") if chunk.get(key)})
        for choice in chunk.get("choices") or []:
            known = choices.setdefault(choice.get("index", 0), {"message": {"content": "", "calls": {}}, "text": ""})
            delta = choice.get("delta") or {}
            content = delta.get("content") or choice.get("text") or ""
            parts = content if isinstance(content, list) else [{"text": content}]
            known["message"]["content"] += "".join(part.get("text") or "" for part in parts)
            known["usage"] = choice.get("usage") or known.get("usage")
            known["finish"] = choice.get("finish_reason") or known.get("finish")
            for position, call in enumerate(delta.get("tool_calls") or []):
                key = (call.get("index", position), call.get("id") or known.get(call.get("index", position)))
                known[key[0]] = key[1]
                function = known["message"]["calls"].setdefault(key, {"name": "", "arguments": ""})
                function["name"] = (call.get("function") or {}).get("name") or function["name"]
                function["arguments"] += (call.get("function") or {}).get("arguments") or ""
    for choice in choices.values():
        calls = choice["message"].pop("calls")
        choice["message"]["tool_calls"] = [{"function": function} for function in calls.values()]
    said = chat({**value, "choices": [choices[index] for index in sorted(choices)]})
    said.ended = bool(choices)
    return said


def gemini(value: Any) -> Said:
    chunks = value if isinstance(value, list) else [value]
    said, usage = Said(), {}
    for chunk in (each.get("response", each) for each in chunks):
        usage.update({k: v for k, v in (chunk.get("usageMetadata") or {}).items() if v is not None})
        for candidate in chunk.get("candidates") or []:
            for part in (candidate.get("content") or {}).get("parts") or []:
                said.text += "" if part.get("thought") else part.get("text") or ""
                if part.get("functionCall", {}).keys() & {"partialArgs", "willContinue"}:
                    raise ValueError("arguments in pieces are not put together here")
                if part.get("functionCall", {}).get("name"):
                    said.calls.append((part["functionCall"]["name"], part["functionCall"].get("args") or {}))
    if "promptTokenCount" in usage:
        said.input = usage["promptTokenCount"] + usage.get("toolUsePromptTokenCount", 0)
        total = usage.get("totalTokenCount")
        known = "candidatesTokenCount" in usage or "thoughtsTokenCount" in usage
        told = usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0)
        said.output = total - said.input if total is not None and total > said.input else told if known else None
    return said


def converse(value: Json) -> Said:
    said, usage = Said(), value.get("usage") or {}
    for part in ((value.get("output") or {}).get("message") or {}).get("content") or []:
        said.text += part.get("text") or ""
        if "toolUse" in part and part["toolUse"].get("type") != "server_tool_use":
            said.calls.append((part["toolUse"]["name"], part["toolUse"].get("input")))
    keys = ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
    said.input = sum(usage.get(key) or 0 for key in keys) if "inputTokens" in usage else None
    said.output = usage.get("outputTokens")
    return said


def ollama(value: Any) -> Said:
    lines = value if isinstance(value, list) else [value]
    said = Said(ended=bool(lines) and lines[-1].get("done") is True)
    for line in lines:
        message = line.get("message") or {}
        said.text += message.get("content") or line.get("response") or ""
        said.calls += [
            (c["function"]["name"], c["function"].get("arguments")) for c in message.get("tool_calls") or []
        ]
        said.input = line.get("prompt_eval_count", said.input)
        said.output = line.get("eval_count", said.output)
    return said


def cohere(value: Json) -> Said:
    said = Said()
    message, usage = value.get("message"), value.get("usage") or value.get("meta") or {}
    if isinstance(message, dict):
        said.text = "".join(part.get("text") or "" for part in message.get("content") or [])
        for call in message.get("tool_calls") or []:
            said.calls.append((call["function"]["name"], arguments(call["function"].get("arguments"))))
    else:
        said.text = value.get("text") or ""
        said.calls = [(call["name"], call.get("parameters")) for call in value.get("tool_calls") or []]
    tokens = usage.get("tokens") or usage.get("billed_units") or {}
    said.input, said.output = tokens.get("input_tokens"), tokens.get("output_tokens")
    return said


def cohere_stream(events: list[tuple[str, Json]]) -> Said:
    said, calls = Said(ended=False), {}
    for name, event in events:
        kind = event.get("type") or event.get("event_type") or name
        message = (event.get("delta") or {}).get("message") or {}
        if kind == "content-delta":
            said.text += message["content"].get("text") or ""
        elif kind == "tool-call-start":
            calls[event["index"]] = [message["tool_calls"]["function"]["name"], ""]
        elif kind == "tool-call-delta":
            calls[event["index"]][1] += message["tool_calls"]["function"]["arguments"]
        elif kind == "message-end":
            tokens = (event["delta"].get("usage") or {}).get("tokens") or {}
            said.input, said.output, said.ended = tokens.get("input_tokens"), tokens.get("output_tokens"), True
        elif kind == "stream-end":
            said = cohere(event["response"])
    said.calls = said.calls or [(called, arguments(text)) for called, text in calls.values()]
    return said


#: By the product's name for a dialect: what reads a whole answer, and what reads the events of a stream.
DIALECTS: dict[str, tuple[Callable[[Any], Said], Callable[[list[tuple[str, Any]]], Said] | None]] = {
    "anthropic": (anthropic, anthropic_stream),
    "openai_responses": (responses, responses_stream),
    "openai_chat": (chat, chat_stream),
    "gemini": (gemini, lambda events: gemini([event for _, event in events])),
    "bedrock": (converse, None),
    "ollama": (ollama, None),
    "cohere": (cohere, cohere_stream),
}


def dialect_of(one: Recorded) -> str:
    """Return whose call of a model an exchange is by its route, empty for every other."""
    path = unquote(one.target.partition("?")[0])
    if one.method != "POST":
        return ""
    host = one.url.split("/")[2]
    for end, name in _ROUTES:
        if path.endswith(end) and (name != "cohere" or "cohere" in host):
            return name
    if ":generateContent" in path or ":streamGenerateContent" in path:
        return "gemini"
    if path.endswith(("/converse", "/converse-stream")):
        return "bedrock"
    return "anthropic" if "publishers/anthropic" in path and "RawPredict" in path.replace("rawP", "RawP") else ""


_ROUTES = (
    ("/v1/messages", "anthropic"),
    ("/responses", "openai_responses"),
    ("/chat/completions", "openai_chat"),
    ("/api/chat", "ollama"),
    ("/api/generate", "ollama"),
    ("/v1/chat", "cohere"),
    ("/v2/chat", "cohere"),
)


def said_of(dialect: str, one: Recorded) -> Said | None:
    """Return what an answer says, None where this accumulation does not know its shape."""
    whole, stream = DIALECTS[dialect]
    body = one.body.strip()
    if not body or one.status >= 400:
        return None
    if body[:1] in (b"{", b"[") and dialect != "ollama":
        try:
            return whole(json.loads(body))
        except ValueError:
            return None
    if dialect == "ollama":
        return ollama([json.loads(line) for line in body.splitlines() if line.strip()])
    if stream is None or b"data:" not in body:
        return None
    return stream(list(events_of(one.body)))


def encoded(body: bytes) -> str:
    """Return bytes as `test.recorded.generate` writes them."""
    return base64.b64encode(body).decode("ascii")
