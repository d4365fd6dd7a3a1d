"""The preview line of a request in lists: what the call was about, in its own words.

Of a long conversation only the end is decoded, back to the model's last message.
"""

from typing import Any

import attr
import msgspec

from ccsproxy.clients.answered import answer_line, answered_title, is_about
from ccsproxy.clients.own_words import one_line
from ccsproxy.clients.prompt import NewTexts, is_models, new_texts
from ccsproxy.clients.purpose import Purpose, purpose_of
from ccsproxy.exchange.outcome import Category
from ccsproxy.store.index.texts.raw_body import Json, begins, decoded, is_empty, items_of, members_of
from ccsproxy.store.summary import Entry

_LISTS = ("messages", "input", "contents")
#: Members of a request that show its purpose; instructions only if there are no tools, because they are long.
_HEADS = ("max_tokens", "output_config", "output_format", "response_format", "text", "generationConfig", "format")
_INSTRUCTIONS = ("system", "instructions", "systemInstruction", "system_instruction", "preamble")
_PLAIN = ("prompt", "message")
#: No more items of a conversation's end are read.
_MOST_ITEMS = 200
_CLASS = b'"x-claude-code-request-class":'
#: How much of a tool result is shown before the answer to it.
_RESULT_LENGTH = 70

_headers = msgspec.json.Decoder(dict[str, Any])


@attr.frozen
class Preview:
    """What a call was about.

    :ivar purpose: its purpose (`ccsproxy.clients.purpose.Purpose`); None if there was no conversation.
    :ivar about: the origin of the line: ``prompt``, ``result``, ``answer``, ``calls``, ``title``; ``kind`` if it is
        our description of the kind of call; None for none.
    :ivar line: one line for people.
    """

    purpose: str | None = None
    about: str | None = None
    line: str | None = None


def preview_of(entry: Entry, answer: Any, tools: list[str]) -> Preview:
    """Return what a finished call was about.

    :param answer: the reassembled answer, as decoded JSON.
    :param tools: names of the tools that the answer calls.
    """
    try:
        body = _end_of(entry.request.body)
        purpose = purpose_of(body, _request_class(entry)) if body else None
        what = new_texts(_conversation(body))
        about, line = _choose(purpose, what, answer, tools)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return Preview()
    if not line:
        about, line = "kind", _kind(entry, purpose)
    return Preview(str(purpose) if purpose else None, about if line else None, line or None)


def _kind(entry: Entry, purpose: Purpose | None) -> str:
    """Describe the kind of call if it contains no text; empty if that is unknown as well."""
    if entry.request.method == "HEAD":
        return "checks that the API is there"
    return _KINDS.get(entry.category) or _KINDS.get(str(purpose), "")


_KINDS: dict[str, str] = {
    Category.COUNT_TOKENS: "counts tokens",
    Category.MODELS: "asks for the models",
    Category.AUTH: "signs in",
    Category.TELEMETRY: "reports on itself",
    Purpose.QUOTA: "asks for its limits",
    Purpose.TITLE: "asks for a title",
    Purpose.COMPACTION: "sums the conversation up",
}


def _choose(purpose: Purpose | None, what: NewTexts, answer: Any, tools: list[str]) -> tuple[str | None, str]:
    """Choose the text that describes a call best."""
    if purpose == Purpose.QUOTA:
        return None, ""
    if purpose == Purpose.TITLE and (title := answered_title(answer)) and is_about(title, what.prompt):
        return "title", title
    said = answer_line(answer)
    if purpose in (Purpose.COMPACTION, Purpose.SIDE) and said:
        return "answer", said
    if what.prompt:
        return "prompt", what.prompt
    if what.result and said and not tools:
        return "result", one_line(f"{one_line(what.result, _RESULT_LENGTH)} → {said}")
    if what.result or said:
        return ("result", what.result) if what.result else ("answer", said)
    return "calls", one_line(", ".join(tools))


def _end_of(data: Json) -> dict[str, Any]:
    """Decode the parts of a request that show its purpose and its new texts."""
    if begins(data) != b"{":
        return {}
    members = members_of(data)
    inner = members.get("request", b"")
    if begins(inner) == b"{" and any(name in (below := members_of(inner)) for name in _LISTS):
        members = below
    has_tools = "tools" in members and not is_empty(members["tools"])
    wanted = (*_HEADS, *_PLAIN, *(() if has_tools else _INSTRUCTIONS))
    body = {name: decoded(members[name]) for name in wanted if name in members}
    body["tools"] = [True] if has_tools else []
    for name in _LISTS:
        if name in members:
            body[name] = _last_items(members[name], has_tools)
    return body


def _last_items(data: Json, has_tools: bool) -> Any:
    """Decode the end of a conversation, back to the model's last message; a short one without tools completely."""
    if begins(data) != b"[":
        return decoded(data)
    raw = items_of(data)
    if len(raw) <= 3 and not has_tools:
        return [msgspec.json.decode(item) for item in raw]
    items: list[Any] = []
    for item in reversed(raw[-_MOST_ITEMS:]):
        items.append(msgspec.json.decode(item))
        if is_models(items[-1]):
            break
    # Placeholders for the skipped items keep a long conversation from looking like a short one.
    return [*([None] * min(len(raw) - len(items), 4)), *reversed(items)]


def _conversation(body: dict[str, Any]) -> Any:
    return next((body[name] for name in (*_LISTS, *_PLAIN) if name in body), None)


def _request_class(entry: Entry) -> str:
    """Return Claude Code's own class of a call; empty if it states none."""
    data = bytes(entry.request.headers)
    return str(_headers.decode(data)["x-claude-code-request-class"]) if _CLASS in data else ""
