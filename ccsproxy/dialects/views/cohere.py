"""Readable views of Cohere's chats: version 2 resembles Chat Completions, version 1 is a format of its own."""

from typing import Any

from ccsproxy.dialects.views import chat
from ccsproxy.dialects.views.blocks import (
    Block,
    Message,
    RequestView,
    Tool,
    fields,
    items,
    optional,
    rest_of,
    string,
    text_block,
)

_KNOWN = ("message", "chat_history", "preamble", "tools", "prompt", "texts", "query")
_ROLES = {"CHATBOT": "assistant", "USER": "user", "SYSTEM": "system", "TOOL": "tool"}


def request_view(body: dict[str, Any]) -> RequestView:
    """Return the view of a request of either version."""
    if "messages" in body:
        return chat.request_view(body)
    messages = [_turn(turn) for turn in items(body.get("chat_history"))]
    prompts = [text_block(text) for key in ("message", "prompt", "query") if (text := string(body.get(key)))]
    prompts += [text_block(text) for text in items(body.get("texts")) if isinstance(text, str)]
    return RequestView(
        system=tuple(text_block(text) for text in [string(body.get("preamble"))] if text),
        tools=tuple(_tool(fields(tool)) for tool in items(body.get("tools"))),
        messages=(*messages, *([Message("user", tuple(prompts))] if prompts else [])),
        params=rest_of(body, _KNOWN),
    )


def answer_view(body: dict[str, Any]) -> Message:
    """Return the view of an answer of either version."""
    message = body.get("message")
    if isinstance(message, dict):
        plan = string(message.get("tool_plan"))
        view = chat.answer_view(body)
        return Message(view.role, (*([Block(kind="thinking", text=plan)] if plan else []), *view.blocks))
    texts = [string(body.get("text")), *(string(fields(each).get("text")) for each in items(body.get("generations")))]
    calls = [_call(fields(call)) for call in items(body.get("tool_calls"))]
    return Message("assistant", (*(text_block(text) for text in texts if text), *calls))


def _turn(turn: Any) -> Message:
    known = fields(turn)
    text = string(known.get("message"))
    calls = [_call(fields(call)) for call in items(known.get("tool_calls"))]
    role = string(known.get("role"))
    return Message(_ROLES.get(role, role), (*([text_block(text)] if text else []), *calls))


def _tool(tool: dict[str, Any]) -> Tool:
    return Tool(string(tool.get("name")), string(tool.get("description")), tool.get("parameter_definitions"))


def _call(call: dict[str, Any]) -> Block:
    return Block(kind="tool_call", name=optional(call.get("name")), value=call.get("parameters"))
