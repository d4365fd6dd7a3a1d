"""The layout of a prompt: tools, system prompt and messages in the order in which providers use them.

Markers of the prompt cache are removed from the values, because they move from call to call without changing the
prompt. Order of the levels: "Prompt caching", platform.claude.com; OpenAI's guide lists the same causes of a miss.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attr
import msgspec

from ccsproxy.dialects.views.blocks import fields, items

#: The members of a block that mark it in other dialects, with their default lifetime in seconds.
_MARKERS = {"cache_control": 300, "prompt_cache_breakpoint": 1800}
_SPANS_S = {"5m": 300, "30m": 1800, "1h": 3600, "12h": 43200, "24h": 86400}
_SYSTEM_ROLES = ("system", "developer")


@attr.frozen
class MarkedItem:
    """A value of the prompt without its markers.

    :ivar value: decoded; a value that was seen before may be ``msgspec.Raw`` or its bytes.
    :ivar digest: of the value as JSON: equal values have equal digests.
    :ivar marks: index and lifetime in seconds of each marked block.
    """

    value: Any
    digest: int
    marks: tuple[tuple[int, int], ...] = ()


class DigestMemory:
    """Remembers the digests of values without markers by Python's hash of their JSON.

    Digests are stored in files and therefore have to be cryptographic hashes. These cost four times as much as
    Python's hash, which suffices to recognise a value within one process.
    """

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._digests: dict[int, int] = {}

    def marked(self, value: Any) -> MarkedItem:
        """Remove the markers from a tool, a block or a message; most have none, which their JSON shows."""
        data = value if isinstance(value, bytes) else encoded(value)
        name = hash(data)
        digest = self._digests.get(name)
        if digest is not None:
            return MarkedItem(value, digest)
        if isinstance(value, msgspec.Raw | bytes):
            value = msgspec.json.decode(data)
            data = encoded(value)
        item = _marked(value, data)
        if not item.marks and item.value is value:
            if len(self._digests) >= self._most:
                self._digests.clear()
            self._digests[name] = item.digest
        return item


def digest_of(data: bytes) -> int:
    """Return a 56-bit number that identifies contents."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=7).digest())


@attr.frozen
class Layout:
    """A prompt.

    :ivar shape: the family of dialects whose rules it follows.
    :ivar levels: ``tools``, ``system`` and ``messages``.
    :ivar rest: everything else in the body.
    """

    shape: str
    levels: Mapping[str, list[Any]]
    rest: Mapping[str, Any]

    def entries(self, known: DigestMemory | None = None) -> Iterator[tuple[str, MarkedItem]]:
        """Iterate over the prompt in its order.

        :param known: the digests of values seen before.
        """
        known = known or DigestMemory()
        for level in ("tools", "system", "messages"):
            for value in _joined(self.levels[level], known.marked):
                yield level, value


def seen_entries(laid: Layout, upstream: Any, known: DigestMemory | None = None) -> Iterator[tuple[str, MarkedItem]]:
    """Iterate over a prompt as the provider's cache sees it.

    Claude Code's first system block is for accounting; api.anthropic.com removes it before it consults the cache, and
    other upstreams do not ("LLM gateway protocol", code.claude.com).

    :param upstream: the name of the upstream.
    """
    for level, marked in laid.entries(known):
        text = fields(marked.value).get("text") if level == "system" and upstream == "anthropic" else None
        if not (isinstance(text, str) and text.startswith("x-anthropic-billing-header:")):
            yield level, marked


def layout(dialect: str | None, body: Any) -> Layout | None:
    """Parse a body into its levels; None if it is not a prompt of a known dialect.

    :param dialect: the dialect's name in the record.
    """
    if not isinstance(body, dict):
        return None
    shape = shape_of(dialect, body)
    reader = _READERS.get(shape)
    return None if reader is None else reader(body)


def shape_of(dialect: str | None, body: Mapping[str, Any]) -> str:
    """Return the family of dialects to which a body belongs."""
    if dialect == "bedrock":
        return "anthropic" if "anthropic_version" in body else "converse"
    return {"anthropic": "anthropic", "openai_responses": "responses", "gemini": "gemini"}.get(
        dialect or "", "chat" if dialect in ("openai_chat", "ollama") else ""
    )


def _anthropic(body: dict[str, Any]) -> Layout:
    levels = {name: items(body.get(name)) for name in ("tools", "system", "messages")}
    return Layout("anthropic", levels, _rest(body, levels))


def _converse(body: dict[str, Any]) -> Layout:
    config = fields(body.get("toolConfig"))
    levels = {"tools": items(config.get("tools")), "system": items(body.get("system")),
              "messages": items(body.get("messages"))}  # fmt: skip
    rest = {**_rest(body, ("toolConfig", "system", "messages")), "tool_choice": config.get("toolChoice")}
    return Layout("converse", levels, rest)


def _responses(body: dict[str, Any]) -> Layout:
    messages = body.get("input")
    entries = [{"role": "user", "content": messages}] if isinstance(messages, str) else items(messages)
    added = [tool for entry in entries for tool in items(_additional_tools(entry))]
    levels = {"tools": [*items(body.get("tools")), *added], "system": items(body.get("instructions")),
              "messages": [entry for entry in entries if _additional_tools(entry) is None]}  # fmt: skip
    return Layout("responses", levels, _rest(body, ("tools", "instructions", "input")))


def _additional_tools(entry: Any) -> Any:
    """Return the tools that Codex sends as an item of the input, None for every other item."""
    known = fields(entry)
    return items(known.get("tools")) if known.get("type") == "additional_tools" else None


def _chat(body: dict[str, Any]) -> Layout:
    messages = items(body.get("messages"))
    leading = next(
        (n for n, each in enumerate(messages) if fields(each).get("role") not in _SYSTEM_ROLES), len(messages)
    )
    typed = [body[key] for key in ("prompt",) if body.get(key) is not None]
    levels = {"tools": [*items(body.get("tools")), *items(body.get("functions"))],
              "system": [*items(body.get("system")), *messages[:leading]],
              "messages": [*messages[leading:], *({"role": "user", "content": each} for each in typed)]}  # fmt: skip
    return Layout("chat", levels, _rest(body, ("tools", "functions", "system", "messages", "prompt")))


def _gemini(body: dict[str, Any]) -> Layout:
    inner = body["request"] if isinstance(body.get("request"), dict) else body
    system = inner.get("systemInstruction", inner.get("system_instruction"))
    tools = [tool for group in items(inner.get("tools")) for tool in _declared(group)]
    levels = {"tools": tools, "system": items(fields(system).get("parts", system)),
              "messages": items(inner.get("contents"))}  # fmt: skip
    rest = _rest(inner, ("systemInstruction", "system_instruction", "tools", "contents"))
    return Layout("gemini", levels, {"model": body.get("model"), **rest})


def _declared(group: Any) -> list[Any]:
    known = fields(group)
    return [*items(known.get("functionDeclarations", known.get("function_declarations")))] or items(group)


_READERS = {
    "anthropic": _anthropic,
    "converse": _converse,
    "responses": _responses,
    "chat": _chat,
    "gemini": _gemini,
}


def _rest(body: Mapping[str, Any], known: Any) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in known}


def _joined(values: list[Any], marked: Callable[[Any], MarkedItem]) -> Iterator[MarkedItem]:
    """Yield the values of a level; in Bedrock, a cache point between values marks the previous one."""
    held: MarkedItem | None = None
    for value in values:
        point = _point(value)
        if point and held is not None:
            held = attr.evolve(held, marks=(*held.marks, (0, point)))
            continue
        if held is not None:
            yield held
        held = marked(value)
    if held is not None:
        yield held


def _marked(value: Any, data: bytes) -> MarkedItem:
    """Remove the markers from a value, given with its JSON text."""
    # Written out, because this runs for each of a thousand messages of each call.
    if b'"cache_control"' not in data and b'"cachePoint"' not in data and b'"prompt_cache_breakpoint"' not in data:
        return MarkedItem(value, digest_of(data))
    bare, marks = _unmarked(value)
    return MarkedItem(bare, digest_of(encoded(bare)), marks)


def encoded(value: Any) -> bytes:
    """Encode a value as JSON, or else as its ``repr``.

    :raises ValueError: if it is nested too deeply for either.
    """
    try:
        return msgspec.json.encode(value)
    except (ValueError, RecursionError, UnicodeError):
        pass  # some records contain lone surrogates or integers beyond 64 bits
    try:
        return repr(value).encode("utf-8", "replace")
    except RecursionError:
        raise ValueError("a value is nested too deep") from None


def _unmarked(value: Any) -> tuple[Any, tuple[tuple[int, int], ...]]:
    if not isinstance(value, dict):
        return value, ()
    bare, own = _without(value)
    marks = [(0, own)] if own else []
    content = bare.get("content")
    if isinstance(content, list):
        blocks, inner = _blocks(content)
        if inner:
            bare = {**bare, "content": blocks}
            marks += inner
    return bare, tuple(marks)


def _blocks(content: list[Any]) -> tuple[list[Any], list[tuple[int, int]]]:
    """Remove the markers from the blocks of a message, including those in tool results."""
    found: list[Any] = []
    marks: list[tuple[int, int]] = []
    for block in content:
        point = _point(block)
        if point and found:
            marks.append((len(found) - 1, point))
            continue
        bare, ttl = _without(block) if isinstance(block, dict) else (block, 0)
        nested = bare.get("content") if isinstance(bare, dict) else None
        if isinstance(nested, list) and any(isinstance(each, dict) and _ttl(each) for each in nested):
            ttl = ttl or max(_ttl(each) for each in nested if isinstance(each, dict))
            bare = {**bare, "content": [_without(each)[0] if isinstance(each, dict) else each for each in nested]}
        if ttl:
            marks.append((len(found), ttl))
        found.append(bare)
    return found, marks


def _without(block: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Return a block without its marker, and the lifetime that the marker requests."""
    ttl = _ttl(block)
    return (_rest(block, _MARKERS), ttl) if ttl or any(name in block for name in _MARKERS) else (block, 0)


def _ttl(block: Mapping[str, Any]) -> int:
    for name, otherwise in _MARKERS.items():
        if block.get(name):
            return span_s(fields(block[name]).get("ttl"), otherwise)
    return 0


def _point(value: Any) -> int:
    """Return the lifetime that a cache point of Bedrock Converse requests; 0 if the value is not one."""
    if not isinstance(value, dict) or not value.get("cachePoint"):
        return 0
    return span_s(fields(value["cachePoint"]).get("ttl"), 300)


def span_s(ttl: Any, otherwise: int) -> int:
    """Return a lifetime in seconds."""
    return _SPANS_S.get(ttl, otherwise) if isinstance(ttl, str) else otherwise
