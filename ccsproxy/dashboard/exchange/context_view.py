"""What a request's context is made of, in characters: what fills the window, before anybody counts tokens."""

from collections.abc import Iterable, Sequence

import attr

from ccsproxy.dashboard.html.code import json_text
from ccsproxy.dialects.views.view import Block, RequestView


@attr.frozen
class ContextPart:
    """A part of the context."""

    name: str
    characters: int
    kind: str


_KINDS = {
    "text": ("Text", "fresh"),
    "thinking": ("Thinking", "stall"),
    "tool_call": ("Tool calls", "send"),
    "tool_result": ("Tool results", "output"),
}


def context_of(view: RequestView) -> Sequence[ContextPart]:
    """Measure a request, the largest part first."""
    sizes = {"System prompt": (sum(map(_length, view.system)), "wait")}
    tools = sum(len(tool.name) + len(tool.description) + len(json_text(tool.schema)) for tool in view.tools)
    sizes["Tools"] = (tools, "shade")
    for block in _blocks(view):
        name, kind = _KINDS.get(block.kind, ("Images and other", "other"))
        sizes[name] = (sizes.get(name, (0, kind))[0] + _length(block), kind)
    parts = [ContextPart(name, count, kind) for name, (count, kind) in sizes.items() if count]
    return sorted(parts, key=lambda part: -part.characters)


def _blocks(view: RequestView) -> Iterable[Block]:
    return (block for message in view.messages for block in message.blocks)


def _length(block: Block) -> int:
    inside = sum(map(_length, block.content))
    value = len(json_text(block.value)) if block.value is not None else 0
    return len(block.text) + value + inside + (block.size or 0)
