"""Extracts the facts of a call from its record, and analyses prompt items that calls share only once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from ccsproxy.dialects.views.blocks import fields
from ccsproxy.dialects.views.view import answer_view, request_view
from ccsproxy.insight.conversation.purpose import purpose_of
from ccsproxy.insight.cost.rates import Price, priced, tokens_of, usage_of
from ccsproxy.insight.facts import Breakpoint, Call, Item, Part
from ccsproxy.insight.prompt import markers
from ccsproxy.insight.prompt.images import images_in
from ccsproxy.insight.prompt.layout import (
    DigestMemory,
    Layout,
    MarkedItem,
    digest_of,
    encoded,
    layout,
    seen_entries,
    span_s,
)
from ccsproxy.insight.prompt.parts import (
    MESSAGE_FRAME,
    PartReading,
    message_parts,
    system_parts,
    tool_part,
)
from ccsproxy.insight.prompt.settings import settings_of
from ccsproxy.insight.wire_facts import header_facts, secret_facts, stream_facts
from ccsproxy.providers.price_book import list_price

#: How many items a collector remembers; after that its memory is cleared.
REMEMBERED = 20_000
#: What parsing a body may raise if it does not follow its dialect, or is nested very deeply.
_UNREADABLE = (RecursionError, ValueError, TypeError, KeyError, AttributeError, IndexError)


class Collector:
    """Builds the facts of the calls of one session, in their order.

    Invariant: an item stays in `_items` under its level, role and digest until the memory is cleared. Equal items of
    several calls are one object, so that a session's facts grow only with what is new in each call.
    """

    def __init__(self, price: Price = list_price) -> None:
        self._price = price
        self._items: dict[tuple[str, int], Item] = {}
        self._calls: dict[str, tuple[str, str]] = {}
        self._digests = DigestMemory(REMEMBERED)

    def know(self, item: Item) -> None:
        """Add an item of facts that were stored, so that it need not be analysed again."""
        self._items.setdefault((item.level, item.digest), item)
        for part in item.parts:
            if part.kind == "tool_call" and part.id:
                self._calls[part.id] = (part.name, part.detail)

    def collect(self, record: Mapping[str, Any]) -> Call:
        """Build the facts of a call.

        If the prompt cannot be read, for example because it is nested too deeply, the call has ``known`` false.

        :param record: as returned by the store, in the current schema version. Messages may be ``msgspec.Raw``:
            repeated ones are recognised by their bytes and not decoded.
        """
        # Only between calls, so that the items of one prompt are either all in the memory or all gone.
        if len(self._items) > REMEMBERED:
            self._items.clear()
        call = Call(
            **_head(record, self._price), **header_facts(record), **stream_facts(record), **secret_facts(record)
        )
        body = fields(record.get("request")).get("body")
        try:
            self._read_prompt(call, record, body)
            call.answer = self._answer(record)
            call.role = purpose_of(record, body, call.items)
            _find_prompt(call)
        except _UNREADABLE:
            # Of a prompt that failed half-way nothing is kept, as a part of it would look like a complete prompt.
            call.items, call.breakpoints, call.known = (), (), False
        return call

    def _read_prompt(self, call: Call, record: Mapping[str, Any], body: Any) -> None:
        laid = layout(record.get("dialect"), body) if record.get("category") == "model" else None
        entries = list(seen_entries(laid, record.get("upstream"), self._digests)) if laid else []
        call.items = tuple(self._item(record, level, marked) for level, marked in entries)
        # Bytes that capture dropped may have been anywhere in the prompt.
        call.known = bool(call.items) and not call.dropped_bytes
        if laid is not None:
            _describe(call, laid, record, [marked for _, marked in entries])

    def _item(self, record: Mapping[str, Any], level: str, marked: MarkedItem) -> Item:
        key = level, marked.digest
        known = self._items.get(key)
        if known is None:
            value = marked.value
            value = msgspec.json.decode(value) if isinstance(value, msgspec.Raw | bytes) else value
            known = self._items[key] = self._new_item(record, level, value, key[1])
        return known

    def _new_item(self, record: Mapping[str, Any], level: str, value: Any, digest: int) -> Item:
        content = fields(value).get("content", fields(value).get("parts"))
        # A single part represents the item itself; it is mostly a tool result, the longest text there is.
        several = content if isinstance(content, list) and len(content) > 1 else ()
        pieces = tuple(digest_of(encoded(each)) for each in several)
        role, parts = self._parts(record, level, value)
        tokens = sum(part.tokens for part in parts)
        return Item(level, role, digest, parts, pieces, tokens)

    def _parts(self, record: Mapping[str, Any], level: str, value: Any) -> tuple[str, tuple[Part, ...]]:
        dialect = record.get("dialect")
        if level == "tools":
            tools = request_view(dialect, _body_of_tool(dialect, record, value)).tools
            return "", tuple(map(tool_part, tools)) or (Part("tool", size=len(encoded(value))),)
        view = request_view(dialect, _body_of(dialect, record, level, value))
        blocks = [*view.system, *(block for message in view.messages for block in message.blocks)]
        if level == "system":
            return "", system_parts(blocks)
        reading = PartReading(record.get("model") or "", self._calls, images_in(value))
        parts = [part for message in view.messages for part in message_parts(message, reading)]
        parts += system_parts(view.system)
        role = view.messages[0].role if view.messages else "system"
        return role, _framed(parts)

    def _answer(self, record: Mapping[str, Any]) -> tuple[Part, ...]:
        body = fields(record.get("response")).get("body_reassembled")
        if (
            body is None
            or record.get("category") != "model"
            # The body of an error is not an answer of the model, whatever its format.
            or not (record.get("response") or {}).get("status", 0) < 400
        ):
            return ()
        message = answer_view(record.get("dialect"), body)
        reading = PartReading(record.get("model") or "", self._calls, images_in(body))
        return message_parts(msgspec.structs.replace(message, role="assistant"), reading)


def _framed(parts: list[Part]) -> tuple[Part, ...]:
    """Count the frame of the message with its first part."""
    if not parts:
        return ()
    first = msgspec.structs.replace(parts[0], tokens=parts[0].tokens + MESSAGE_FRAME)
    return (first, *parts[1:])


def _body_of_tool(dialect: Any, record: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """Build a body that offers one tool and nothing else, as input for the dialect's view."""
    if dialect == "gemini":
        declared = isinstance(value, dict) and "name" in value
        return {"contents": [], "tools": [{"functionDeclarations": [value]} if declared else value]}
    if dialect == "bedrock" and "toolSpec" in fields(value):
        return {"messages": [], "toolConfig": {"tools": [value]}}
    return {"anthropic_version": "", "tools": [value]} if dialect == "bedrock" else {"tools": [value]}


def _body_of(dialect: Any, record: Mapping[str, Any], level: str, value: Any) -> dict[str, Any]:
    """Build a body that holds one item, as input for the dialect's view."""
    if dialect == "gemini":
        return {"contents": [value]} if level == "messages" else {"systemInstruction": {"parts": [value]}}
    if dialect == "openai_responses":
        return {"input": [value]} if level == "messages" else {"instructions": value}
    if dialect in ("openai_chat", "ollama") and isinstance(value, dict):
        return {"messages": [value]}
    whole = fields(fields(record.get("request")).get("body"))
    version = {"anthropic_version": ""} if dialect == "bedrock" and "anthropic_version" in whole else {}
    return {**version, level: [value]}


def _head(record: Mapping[str, Any], price: Price) -> dict[str, Any]:
    """Return the members of the facts that the record states directly."""
    client, request, response = (fields(record.get(name)) for name in ("client", "request", "response"))
    timing, error = fields(record.get("timing")), fields(record.get("error"))
    usage = usage_of(record)
    cost, rates = priced(price, record, usage)
    names = ("version", "agent", "parent_agent", "thread", "cwd", "account")
    return {
        "session_id": record["session_id"], "seq": record["seq"], "id": _text(record.get("id")),
        "started_ms": milliseconds(record.get("started_at")), "duration_ms": record.get("duration_ms"),
        "ttft_ms": record.get("ttft_ms"), "answering_ms": timing.get("headers") or timing.get("first_byte"),
        "max_gap_ms": timing.get("max_gap"), "overhead_us": _whole(timing.get("overhead_us")),
        "upstream": _text(record.get("upstream")), "dialect": _text(record.get("dialect")),
        "category": _text(record.get("category")) or "other", "outcome": _text(record.get("outcome")) or "running",
        "status": response.get("status"), "stop_reason": _text(record.get("stop_reason")),
        "error": str(error.get("message") or error.get("kind") or "")[:200], "partial": bool(record.get("partial")),
        "model": _text(record.get("model")), "answered_by": _text(record.get("response_model")),
        "client": _text(client.get("name")), **{name: _text(client.get(name)) for name in names},
        "path": str(request.get("path") or "").partition("?")[0][:200],
        "request_bytes": request.get("body_bytes") or 0,
        "response_bytes": response.get("body_bytes") or 0, "body_sha256": _text(request.get("body_sha256")),
        "tokens": tokens_of(usage), "rates": rates, "at_least": cost.dollars is None and cost.at_least is not None,
        "cost": cost.at_least if cost.dollars is None else cost.dollars,
    }  # fmt: skip


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _describe(call: Call, laid: Layout, record: Mapping[str, Any], entries: list[MarkedItem]) -> None:
    """Add what the body states besides the prompt."""
    rest = laid.rest
    call.settings = settings_of(laid, fields(fields(record.get("request")).get("headers")))
    call.breakpoints = tuple(
        Breakpoint(number, piece, ttl) for number, entry in enumerate(entries) for piece, ttl in entry.marks
    ) + _automatic(rest, len(entries))
    thread = fields(rest.get("thread"))
    continued = rest.get("previous_response_id") or (thread.get("previous_message_id") if thread else None)
    call.continues = str(continued or "")[:100]
    if call.continues:
        # The provider has added the rest of the prompt from what it stores itself.
        call.known = False
    options = fields(rest.get("prompt_cache_options"))
    call.asked_diagnosis = "diagnostics" in rest or bool(options.get("comparison_response_id"))
    answer = fields(fields(record.get("response")).get("body_reassembled"))
    call.diagnosis = answer.get("diagnostics", answer.get("prompt_cache_diagnostics"))


def _automatic(rest: Mapping[str, Any], count: int) -> tuple[Breakpoint, ...]:
    """Return the breakpoint of a request that asks for one at the end of its prompt."""
    control = fields(rest.get("cache_control"))
    return (Breakpoint(count - 1, 0, span_s(control.get("ttl"), 300)),) if control and count else ()


def _find_prompt(call: Call) -> None:
    """Find the user's newest own message, if only tool results and reminders follow it."""
    users = [
        (number, part)
        for number, item in enumerate(call.items)
        if item.level == "messages"
        for part in item.parts
        if part.kind == "user"
    ]
    if users:
        call.opening_digest = users[0][1].digest
        at, part = users[-1]
        spoken = [item.role in ("assistant", "model") for item in call.items[at + 1 :]]
        if not any(spoken):
            call.prompt, call.prompt_digest, call.prompt_at = part.quote, part.digest, at
    first = next((item for item in call.items if item.level == "messages" and item.role == "user"), None)
    quoted = [part.quote for part in first.parts] if first else []
    call.compacted = call.compacted or any(map(markers.is_summary, quoted))


def milliseconds(when: Any) -> int:
    """Convert a record's time to milliseconds since the epoch; 0 if there is none."""
    try:
        return round(datetime.fromisoformat(str(when)).timestamp() * 1000)
    except ValueError:
        return 0


def _whole(value: Any) -> int | None:
    """Round a number to an integer; older records have fractions of a microsecond."""
    return round(value) if isinstance(value, int | float) and value == value else None
