"""Requests and answers shown as conversations: system prompt, tools, messages."""

from collections.abc import Iterable, Sequence
from typing import Any

import attr

from ccsproxy.dashboard.html.blocks import Place, show_block
from ccsproxy.dashboard.html.code import code, json_text
from ccsproxy.dashboard.html.figures import clipped
from ccsproxy.dashboard.html.json_tree import tree
from ccsproxy.dashboard.html.markdown import markdown
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dialects.views.view import Block, Message, Tool

ROLES = {
    "user": "User",
    "assistant": "Assistant",
    "tool": "Tool",
    "system": "System",
    "developer": "Developer",
    "model": "Model",
}


def place_for(messages: Iterable[Message], place: Place) -> Place:
    """Return a place that knows which results answer which calls."""
    blocks = [block for message in messages for block in message.blocks]
    names = {block.id: block.name or "tool" for block in blocks if block.kind == "tool_call" and block.id}
    answered = frozenset(block.id for block in blocks if block.kind == "tool_result" and block.id)
    return attr.evolve(place, names=names, answered=answered)


#: Up to this many tools are unfolded; of more only the names are shown.
FEW = 8


def show_message(message: Message, place: Place, note: str = "", level: str = "h3") -> Any:
    """Show a message.

    :param note: text at the right of its header.
    """
    role = ROLES.get(message.role, message.role or "Message")
    heading = getattr(h, level)(h.span(role))
    blocks = [show_block(block, place) for block in message.blocks]
    return h.article(
        h.header(heading, h.span(note, class_="muted") if note else None),
        blocks or h.div(h.p("empty", class_="muted"), class_="block"),
        class_=f"message {'assistant' if message.role in ('assistant', 'model') else _tone(message.role)}",
        data_testid="message",
    )


def show_system(blocks: Sequence[Block], place: Place) -> Any:
    """Show the system prompt."""
    if not blocks:
        return None
    return h.section(
        h.h2("System prompt"),
        h.article([show_block(block, place) for block in blocks], class_="message system"),
        id="system",
        data_testid="system",
    )


def show_tools(tools: Sequence[Tool], place: Place) -> Any:
    """Show the tools that the model may call, each with its schema; the script filters them."""
    if not tools:
        return None
    shown = [
        h.p(
            h.label("Filter tools", for_="tool-filter", class_="hidden-label"),
            h.input(id="tool-filter", type="search", placeholder="Filter by name, description or schema"),
            class_="tool-filter",
            hidden=True,
        ),
        [_tool(tool, place) for tool in tools if place.budget.element()],
    ]
    few = len(tools) <= FEW
    return h.section(
        h.h2("Tools ", h.span(str(len(tools)), class_="muted")),
        h.div(shown, class_="panel") if few else h.details(h.summary(_names(tools)), shown, class_="panel all-tools"),
        id="tools",
        data_testid="tools",
    )


def _names(tools: Sequence[Tool]) -> str:
    """List the names of the first of many tools, which are folded because the messages are more important."""
    return f"{', '.join(tool.name or 'unnamed' for tool in tools[:FEW])} and {len(tools) - FEW} more"


def show_params(params: dict[str, Any], place: Place) -> Any:
    """Show all other members of a request."""
    if not params:
        return None
    return h.section(h.h2("Parameters"), h.div(tree(params, place.budget, 1), class_="panel"), id="parameters")


def _tool(tool: Tool, place: Place) -> Any:
    first = clipped(tool.description.strip().split("\n")[0], 140)
    schema = json_text(tool.schema) if tool.schema not in (None, {}) else ""
    return h.details(
        h.summary(h.span(tool.name or "unnamed", class_="data"), h.span(f"  {first}", class_="muted")),
        markdown(place.budget.take(tool.description)) if tool.description else None,
        code(place.budget.take(schema), "json") if schema else h.p("no schema", class_="muted"),
        class_="tool-entry",
        data_tool=tool.name,
    )


def _tone(role: str) -> str:
    return "system" if role in ("system", "developer") else "user"
