"""An exchange in brief: its result, the new part of its prompt, and the response."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ccsproxy.dialects.views.blocks import Block, Message
from ccsproxy.dialects.views.view import answer_view, request_view
from ccsproxy.insight import words
from ccsproxy.tools.columns import cells
from ccsproxy.tools.printing import Paint, local_time, printable

#: Maximum number of lines shown of a text, and of a tool's input or result.
_TEXT_LINES, _TOOL_LINES = 40, 8
_WIDTH = 160


def brief(record: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    """Yield the lines of an exchange in brief."""
    for line in _head(record, paint.width):
        yield paint(line, "bold")
    if record.get("error"):
        yield paint(printable(f"{record['error'].get('kind')}: {record['error'].get('message')}"), "red")
    body = (record.get("request") or {}).get("body")
    if body is not None:
        yield from _asked(record, body, paint)
    response = record.get("response") or {}
    if response.get("body_reassembled") is not None:
        yield ""
        yield paint(f"answer ({record.get('stop_reason') or response.get('status')})", "bold")
        yield from _blocks(answer_view(record.get("dialect"), response["body_reassembled"]).blocks, paint)


def _head(record: Mapping[str, Any], width: int) -> Iterator[str]:
    """Yield the summary in as few lines as fit the terminal, without breaking a number."""
    usage = record.get("usage") or {}
    counts = [usage.get(name) for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")]
    sent = None if counts[0] is None else sum(count or 0 for count in counts)
    duration = record.get("duration_ms")
    model = record.get("response_model") or record.get("model") or "-"
    counted = f"{words.tokens(sent)} sent, {words.tokens(usage.get('output_tokens'))} out"
    line = ""
    for fact in (
        local_time(record.get("started_at")), f"{record.get('session_id')}/{record.get('seq')}", model,
        record.get("outcome") or "running", counted, words.seconds(None if duration is None else duration / 1000),
    ):  # fmt: skip
        fact = printable(fact)
        if line and cells(line) + 2 + cells(fact) > width:
            yield line
            line = fact
        else:
            line = f"{line}  {fact}" if line else fact
    yield line


def _asked(record: Mapping[str, Any], body: Any, paint: Paint) -> Iterator[str]:
    """Yield what is new since the last response; earlier messages are only counted."""
    view = request_view(record.get("dialect"), body)
    new = _new(view.messages)
    parts = [(len(view.system), "system text"), (len(view.tools), "tool"), (len(view.messages) - len(new), "message")]
    fact = ", ".join(words.plural(count, noun) for count, noun in parts if count)
    if fact:
        yield paint(f"with {fact} before", "dim")
    blocks = [block for message in view.messages for block in message.blocks]
    called = {block.id: block.name for block in blocks if block.name and block.id}
    for message in new:
        yield ""
        # The results of tools are in user messages, but the user did not write them.
        results = message.blocks and all(block.kind == "tool_result" for block in message.blocks)
        yield paint("tool results" if results else printable(message.role or "message"), "bold")
        yield from _blocks(message.blocks, paint, called)


def _new(messages: Sequence[Message]) -> Sequence[Message]:
    """Return the messages after the model's last one."""
    spoken = [at for at, message in enumerate(messages) if message.role in ("assistant", "model")]
    return messages[spoken[-1] + 1 :] if spoken else messages


def _blocks(blocks: Sequence[Block], paint: Paint, called: Mapping[str, str] = {}) -> Iterator[str]:
    """Yield the lines of blocks.

    :param called: names of tools by the ids of their calls.
    """
    for block in blocks:
        if block.kind == "tool_call":
            given = block.value if isinstance(block.value, str) else json.dumps(block.value, ensure_ascii=False)
            yield paint(printable(f"→ {block.name}"), "green")
            yield from _clipped(given, _TOOL_LINES)
        elif block.kind == "tool_result":
            name = block.name or called.get(block.id or "") or ""
            yield paint(printable(f"← {name}{' failed' if block.is_error else ''}").rstrip(), "yellow")
            yield from _clipped("\n".join(each.text or str(each.value or "") for each in block.content), _TOOL_LINES)
        elif block.kind in ("image", "document"):
            yield paint(printable(f"[{block.kind} {block.media_type or ''} {words.size(block.size or 0)}]"), "dim")
        elif block.kind == "thinking":
            first = block.text.strip().partition("\n")[0]
            yield paint(printable(f"thought: {first[:_WIDTH]}"), "dim")
        else:
            text = block.text if block.kind == "text" else json.dumps(block.value, ensure_ascii=False)
            yield from _clipped(text, _TEXT_LINES)


def _clipped(text: str, most: int) -> Iterator[str]:
    """Yield the first lines of a text, and the number of further ones."""
    lines = text.splitlines()
    for line in lines[:most]:
        yield "  " + printable(line[:_WIDTH]) + ("…" if len(line) > _WIDTH else "")
    if len(lines) > most:
        yield f"  … {words.plural(len(lines) - most, 'more line')}; --full shows all"
