"""The searchable texts of a record: prompts, tool calls, results and answers of every dialect.

Nothing here knows a dialect by name. All of them represent a conversation as a list of items (messages, contents,
input, output, choices, candidates) whose leaves are strings, and a string's position shows what it is. Items of
unknown kinds are searched like any other.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ccsproxy.store.index.texts.raw_body import Json, begins, items_of, members_of

#: The four kinds of text, which are the columns of the full text index.
KINDS = ("prompt", "tool", "result", "answer")
#: How many characters of a text are indexed; the rest cannot be found.
TEXT_LIMIT = 1_000_000

Text = tuple[str, str]

_SILENT_NAMES = """
type role id call_id tool_call_id tool_use_id toolUseId item_id response_id signature thoughtSignature
encrypted_content
cache_control data media_type mime_type mimeType object model status image_url file_data bytes format finish_reason
finishReason stop_reason logprobs citations annotations usage usageMetadata usage_metadata metadata responseId
modelVersion created created_at
"""
_SILENT = frozenset(_SILENT_NAMES.split())
#: Members that describe a message and are never part of its text.
_NEVER_NAMES = """
cache_control cachePoint usage usageMetadata usage_metadata metadata client_metadata providerOptions provider_options
internal_chat_message_metadata_passthrough content_item_metadata content_item_kinds safetyRatings logprobs
logprobsResult groundingMetadata
"""
_NEVER = frozenset(_NEVER_NAMES.split())
_CALLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
_CALL_KEYS = frozenset({"tool_calls", "function_call", "functionCall", "toolUse", "executableCode"})
#: One of these occurs in the JSON of every answer in which `tool_names` finds something.
_CALL_MARKS = (b"_call", b"tool_use", b"functionCall", b"toolUse", b"executableCode")
_RESULT_KEYS = frozenset({"functionResponse", "toolResult", "codeExecutionResult"})
_REQUEST_LISTS = ("messages", "input", "contents")
_REQUEST_HEADS = ("system", "instructions", "systemInstruction", "system_instruction", "prompt", "suffix")
_ANSWERS = ("content", "output", "choices", "candidates", "message", "response", "error", "outputs", "completion")
#: Beginnings of agents' own accounting texts, which are new in every call: Claude Code's billing line.
_BOOKKEEPING = ("data:", "x-anthropic-billing-header:")


def request_texts(body: Json, known: Callable[[bytes], bool] = lambda item: False) -> Iterator[Text]:
    """Yield the texts of a request body in order, each with its kind.

    :param body: JSON.
    :param known: called with the bytes of each item of the conversation; true for items that were indexed before.
    """
    if begins(body) != b"{":
        yield from _loose(body, "prompt", known)
        return
    members = members_of(body)
    if body_of := _wrapped(members, "request", _REQUEST_LISTS):
        members = body_of
    for name in _REQUEST_HEADS:
        if name in members:
            yield from _loose(members[name], "prompt", known)
    for name in _REQUEST_LISTS:
        if name in members:
            yield from _loose(members[name], "prompt", known)


def response_texts(value: Any) -> Iterator[Text]:
    """Yield the texts of a reassembled answer in order, each with its kind.

    :param value: the answer, as decoded JSON.
    """
    if not isinstance(value, dict):
        yield from leaves(value, "answer")
        return
    for name in _ANSWERS:
        if name in value:
            yield from leaves(value[name], "answer")


def leaves(value: Any, kind: str) -> Iterator[Text]:
    """Yield every non-empty string below a JSON value, with its kind.

    :param kind: the kind of strings for which no nearer member implies another.
    """
    if isinstance(value, str):
        if value and not value.startswith(_BOOKKEEPING):
            yield kind, value[:TEXT_LIMIT]
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, kind)
    elif isinstance(value, dict):
        kind = _kind(value, kind)
        for name, member in value.items():
            if name not in _NEVER and (name not in _SILENT or isinstance(member, dict)):
                yield from leaves(member, _kind_below(name, kind))


def may_call_tools(text: bytes) -> bool:
    """Return whether an answer may contain tool calls; most do not.

    :param text: the reassembled answer, as JSON.
    """
    return any(mark in text for mark in _CALL_MARKS)


def tool_names(texts_of: Any) -> list[str]:
    """Return the names of the tools that an answer calls, each once, in order.

    :param texts_of: the reassembled answer, as decoded JSON.
    """
    return list(dict.fromkeys(_calls(texts_of)))


def _loose(raw: Json, kind: str, known: Callable[[bytes], bool]) -> Iterator[Text]:
    """Decode a value item by item if it is a list, and skip the known items."""
    items: Sequence[Any] = items_of(raw) if begins(raw) == b"[" else [raw]
    for item in items:
        data = bytes(item)  # the object itself if it is bytes, whose hash is cached
        if not known(data):
            yield from leaves(msgspec.json.decode(data), kind)


def _wrapped(members: Mapping[str, Json], name: str, lists: tuple[str, ...]) -> Mapping[str, Json] | None:
    """Return the members of an inner request (Code Assist wraps Gemini's); null if there is none."""
    inner = members.get(name, b"")
    if begins(inner) != b"{":
        return None
    below = members_of(inner)
    return below if any(key in below for key in lists) else None


def _kind(item: dict[str, Any], kind: str) -> str:
    """Determine an item's kind from its own ``type`` and ``role``."""
    what, role = item.get("type"), item.get("role")
    if isinstance(what, str):
        if what in _CALLS or what.endswith("_call"):
            return "tool"
        if what.endswith(("_result", "_call_output")):
            return "result"
    if isinstance(role, str):
        return {"assistant": "answer", "model": "answer", "tool": "result", "function": "result"}.get(role, "prompt")
    return kind


def _kind_below(name: str, kind: str) -> str:
    """Determine the kind of the strings below a member from its name."""
    if name in _CALL_KEYS:
        return "tool"
    return "result" if name in _RESULT_KEYS else kind


def _calls(value: Any) -> Iterator[str]:
    """Yield the name of every tool call below a value, not looking into arguments."""
    if isinstance(value, list):
        for item in value:
            yield from _calls(item)
    if not isinstance(value, dict):
        return
    what = value.get("type")
    if isinstance(what, str) and (what in _CALLS or what.endswith("_call")):
        yield from _named(value, what.removesuffix("_call"))
        return
    for name, member in value.items():
        if name in _CALL_KEYS:
            for call in member if isinstance(member, list) else [member]:
                yield from _named(call, None)
        else:
            yield from _calls(member)


def _named(call: Any, otherwise: str | None) -> Iterator[str]:
    """Yield the name of one call, wherever its dialect writes it."""
    if not isinstance(call, dict):
        return
    function = call.get("function")
    name = call.get("name") or (function.get("name") if isinstance(function, dict) else None) or otherwise
    if isinstance(name, str):
        yield name
