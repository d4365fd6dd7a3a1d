"""Readable views of Gemini requests and answers, plain or wrapped by Code Assist."""

from typing import Any

from ccsproxy.dialects.views.blocks import (
    Block,
    Message,
    RequestView,
    Tool,
    base64_size,
    fields,
    items,
    json_block,
    optional,
    rest_of,
    string,
    text_block,
)


def request_view(body: dict[str, Any]) -> RequestView:
    """Return the view of a request."""
    inner = body["request"] if isinstance(body.get("request"), dict) else body
    outer = rest_of(body, ("request",)) if inner is not body else {}
    known = ("contents", "systemInstruction", "system_instruction", "tools")
    system = inner.get("systemInstruction", inner.get("system_instruction"))
    return RequestView(
        system=_parts(fields(system).get("parts", system)),
        tools=tuple(tool for group in items(inner.get("tools")) for tool in _tools(group)),
        messages=tuple(_content(content) for content in items(inner.get("contents"))),
        params={**outer, **rest_of(inner, known)},
    )


def answer_view(body: dict[str, Any]) -> Message:
    """Return the view of an answer; the candidates follow each other."""
    inner = body["response"] if isinstance(body.get("response"), dict) else body
    messages = [_content(fields(candidate).get("content")) for candidate in items(inner.get("candidates"))]
    return Message("model", tuple(block for message in messages for block in message.blocks))


def _tools(group: Any) -> list[Tool]:
    known = fields(group)
    declared = known.get("functionDeclarations", known.get("function_declarations"))
    tools = [_declared(fields(one)) for one in items(declared)]
    others = rest_of(known, ("functionDeclarations", "function_declarations"))
    return tools + [Tool(name, "", value) for name, value in others.items()]


def _declared(tool: dict[str, Any]) -> Tool:
    schema = tool.get("parametersJsonSchema", tool.get("parameters"))
    return Tool(string(tool.get("name")), string(tool.get("description")), schema)


def _content(content: Any) -> Message:
    known = fields(content)
    if not known:
        return Message("user", () if content is None else (json_block(content),))
    return Message(string(known.get("role")) or "user", _parts(known.get("parts")))


def _parts(parts: Any) -> tuple[Block, ...]:
    return tuple(_part(part) for part in items(parts))


def _part(part: Any) -> Block:
    known = fields(part)
    if isinstance(known.get("text"), str):
        return Block(kind="thinking" if known.get("thought") else "text", text=known["text"])
    call, result = fields(known.get("functionCall")), fields(known.get("functionResponse"))
    if call:
        name = optional(call.get("name"))
        return Block(kind="tool_call", id=optional(call.get("id")) or name, name=name, value=call.get("args"))
    if result:
        return _result(result)
    inline, file = fields(known.get("inlineData")), fields(known.get("fileData"))
    if inline or file:
        media_type = optional((inline or file).get("mimeType"))
        kind = "image" if (media_type or "").startswith("image/") else "document"
        size, data = base64_size(inline.get("data")), string(inline.get("data")) if kind == "image" else ""
        return Block(kind=kind, media_type=media_type, size=size, text=string(file.get("fileUri")), data=data)
    code = fields(known.get("executableCode"))
    if code:
        return Block(kind="tool_call", name="code_execution", value=code)
    output = fields(known.get("codeExecutionResult"))
    if output:
        content = (text_block(string(output.get("output"))),)
        return Block(kind="tool_result", content=content, is_error=output.get("outcome") not in (None, "OUTCOME_OK"))
    return json_block(part)


def _result(result: dict[str, Any]) -> Block:
    response = result.get("response")
    name = optional(result.get("name"))
    content = fields(response).get("output", response) if len(fields(response)) == 1 else response
    return Block(
        kind="tool_result",
        id=optional(result.get("id")) or name,
        name=name,
        content=tuple(json_block(item) for item in items(content)),
        is_error="error" in fields(response),
    )
