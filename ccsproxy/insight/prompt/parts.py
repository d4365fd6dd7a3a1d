"""Splits the blocks of a message into the parts that tokens are attributed to."""

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any

import attr

from ccsproxy.dialects.views.blocks import Block, Message, Tool, fields, string
from ccsproxy.insight.facts import QUOTE, TOOL_QUOTE, Part
from ccsproxy.insight.prompt import markers
from ccsproxy.insight.prompt.images import image_tokens
from ccsproxy.insight.prompt.layout import digest_of, encoded
from ccsproxy.insight.prompt.sizes import text_tokens

#: Tools that start a sub-agent, and the member of their input that holds its task.
SPAWNING = {"Agent": "prompt", "Task": "prompt", "task": "prompt", "spawn_agent": "message"}
#: Members of a tool's input that state its object, the most specific first.
_TARGETS = (
    *("file_path", "notebook_path", "filePath", "absolute_path", "path", "command", "cmd", "url", "query"),
    *("pattern", "description", "input"),
)
#: Kinds of parts with shorter quotes.
_SHORT = ("thinking", "context", "instructions")
#: Tokens of the frame around a tool and a message; the exact forms are not public.
TOOL_FRAME, MESSAGE_FRAME = 10, 4


@attr.frozen
class PartReading:
    """The context needed to classify the parts of a prompt.

    :ivar model: the requested model; determines the tokens of an image.
    :ivar calls: ``(tool, detail)`` by the id of each tool call seen so far.
    :ivar sizes: of the images of the current message, in order.
    """

    model: str
    calls: MutableMapping[str, tuple[str, str]]
    sizes: Iterator[tuple[int, int] | None]


def json_text(value: Any) -> str:
    """Encode a value as JSON text, or else as its ``repr``."""
    return encoded(value).decode("utf-8", "replace")


def server_of(tool: str) -> str:
    """Return the MCP server in a tool's name; empty if there is none."""
    for prefix in ("mcp__", "mcp_"):
        if tool.startswith(prefix):
            return tool.removeprefix(prefix).partition("__" if prefix == "mcp__" else "_")[0]
    return ""


def tool_part(tool: Tool) -> Part:
    """Make the part of a tool's definition."""
    schema = "" if tool.schema is None else json_text(tool.schema)
    text = f"{tool.name} {tool.description} {schema}"
    tokens = text_tokens(tool.description) + text_tokens(schema) + text_tokens(tool.name) + TOOL_FRAME
    return Part(kind="tool", name=tool.name, tokens=tokens, size=len(text.encode()))


def system_parts(blocks: Sequence[Block]) -> tuple[Part, ...]:
    """Make the parts of a block of the system prompt."""
    return tuple(part for block in blocks for part in _split("system", _text_of(block)))


def message_parts(message: Message, reading: PartReading) -> tuple[Part, ...]:
    """Make the parts of a message."""
    return tuple(part for block in message.blocks for part in _block_parts(message.role, block, reading))


def _block_parts(role: str, block: Block, reading: PartReading) -> Iterator[Part]:
    if block.kind == "tool_result":
        yield from _result_parts(block, reading)
    elif block.kind == "tool_call":
        yield _call_part(block, reading)
    elif block.kind in ("image", "document"):
        yield _media_part(block, reading)
    elif block.kind == "thinking":
        hidden = (block.size or 0) // 5
        yield _part("thinking", block.text, tokens=text_tokens(block.text) or hidden)
    elif role in ("assistant", "model"):
        yield _part("answer", _text_of(block))
    elif role in ("system", "developer"):
        yield from _split("context" if role == "system" else "system", _text_of(block))
    else:
        yield from _user_parts(_text_of(block))


def _user_parts(text: str) -> Iterator[Part]:
    """Separate what the user typed from what the client put around it."""
    own = markers.own_text(text)
    if not own:
        yield from _split("context", text)
        return
    begin = text.find(own[:40])
    around = text[: max(begin, 0)] + text[max(begin, 0) + len(own) :]
    if around.strip():
        yield from _split("context", around)
    yield _part("user", own, digest=digest_of(own.encode("utf-8", "replace")))


def _split(kind: str, text: str) -> Iterator[Part]:
    """Separate the instruction files in a client's text from the rest."""
    for path, piece in markers.instruction_files(text):
        if piece:
            yield _part("instructions" if path else kind, piece, name=path)


def _call_part(block: Block, reading: PartReading) -> Part:
    name, detail = block.name or "", target_of(block.value)
    if block.id:
        reading.calls[block.id] = (name, detail)
    text = block.value if isinstance(block.value, str) else json_text(block.value)
    task = string(fields(block.value).get(SPAWNING.get(name, ""))).strip()
    return Part(
        kind="tool_call",
        name=name,
        detail=detail,
        tokens=text_tokens(text) + text_tokens(name) + TOOL_FRAME,
        size=len(text.encode("utf-8", "replace")),
        id=block.id or "",
        quote=text[: QUOTE if task else TOOL_QUOTE],
        digest=digest_of(task.encode("utf-8", "replace")) if task else 0,
    )


def _result_parts(block: Block, reading: PartReading) -> Iterator[Part]:
    name, detail = reading.calls.get(block.id or "", (block.name or "", ""))
    texts = [_text_of(each) for each in block.content if each.kind not in ("image", "document")]
    text = "\n".join(texts)
    yield Part(
        kind="tool_result",
        name=name,
        detail=detail,
        tokens=sum(map(text_tokens, texts)) + TOOL_FRAME,
        size=len(text.encode("utf-8", "replace")),
        id=block.id or "",
        quote=text[:TOOL_QUOTE],
        failed=block.is_error,
        agent=markers.agent_in(text) if name in SPAWNING else "",
    )
    for each in block.content:
        if each.kind in ("image", "document"):
            yield _media_part(each, reading, name or "tool", block.id or "")


def _media_part(block: Block, reading: PartReading, tool: str = "", joined: str = "") -> Part:
    source = "tool_result" if tool else ""
    if block.kind == "image":
        size = next(reading.sizes, None)
        shown = f"{size[0]}x{size[1]}" if size else ""
        tokens = image_tokens(reading.model, size)
    else:
        # Three bytes of a PDF's file for a token would be a guess; a page is about 2,000 tokens and 60 KB.
        shown, tokens = block.text[:80], max(sum(text_tokens(_text_of(each)) for each in block.content), 0)
        tokens = tokens or (block.size or 0) // 30
    return Part(kind=block.kind, name=tool, detail=shown, tokens=tokens, size=block.size or 0, id=joined,
                source=source)  # fmt: skip


def _part(kind: str, text: str, *, name: str = "", tokens: int | None = None, digest: int = 0) -> Part:
    counted = text_tokens(text) if tokens is None else tokens
    size = len(text.encode("utf-8", "replace"))
    quote = text.strip()[: TOOL_QUOTE if kind in _SHORT else QUOTE]
    return Part(kind=kind, name=name, tokens=counted, size=size, quote=quote, digest=digest)


def _text_of(block: Block) -> str:
    if block.kind in ("text", "thinking"):
        return block.text
    if block.kind == "json":
        return block.value if isinstance(block.value, str) else json_text(block.value)
    return block.text


def target_of(value: Any) -> str:
    """Return what a tool call refers to: its file, command or address."""
    if isinstance(value, str):
        patched = [line for line in value.splitlines()[:20] if line.startswith("*** ") and "File:" in line]
        return patched[0].partition("File:")[2].strip()[:200] if patched else ""
    known: Mapping[str, Any] = fields(value)
    for name in _TARGETS:
        found = known.get(name)
        if isinstance(found, list):
            found = " ".join(str(each) for each in found)
        if isinstance(found, str) and found.strip():
            return found.strip().splitlines()[0][:200]
    return ""
