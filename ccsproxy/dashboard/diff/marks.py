"""The cache breakpoints of a request."""

from collections.abc import Mapping, Sequence
from typing import Any

from ccsproxy.dialects.views.view import Block, RequestView


def cache_marks(view: RequestView, body: Any) -> list[str]:
    """Name every cache breakpoint, in the order of the prompt: tools, system prompt, messages.

    :param body: the request's body, because tools have no marks in the view.
    """
    # In the order in which Anthropic's cache reads a prompt: tools, system, messages (its documentation on caching).
    found = [f"tool {view.tools[at].name}" for at in tool_marks(body) if at < len(view.tools)]
    found += [f"system text {number}" for number, block in enumerate(view.system, 1) if marked(block)]
    found += [f"message {number}" for number, each in enumerate(view.messages, 1) if any(map(marked, each.blocks))]
    return found


def marked(block: Block) -> bool:
    """Whether a block, or one within it, has a mark."""
    return block.cache_breakpoint or any(map(marked, block.content))


def tool_marks(body: Any) -> Sequence[int]:
    """Return which tools have a mark, from 0."""
    tools = body.get("tools") if isinstance(body, Mapping) else None
    if not isinstance(tools, list):
        return ()
    return [at for at, tool in enumerate(tools) if isinstance(tool, Mapping) and tool.get("cache_control")]
