"""A readable conversation: the dialects' views of request and response as sections of blocks."""

from collections.abc import Iterable, Iterator
from typing import Any

from ccsproxy.dialects.views import view
from ccsproxy.exports.payload import pretty
from ccsproxy.exports.sections import ReportBlock, Section


def request_sections(dialect: str | None, body: Any) -> Iterator[Section]:
    """Arrange a request's JSON body: system prompt, tools, messages, and all other members."""
    seen = view.request_view(dialect, body)
    if seen.system:
        yield Section("System prompt", blocks=tuple(_blocks("", seen.system)))
    if seen.tools:
        yield Section("Tools", blocks=tuple(_tool(tool) for tool in seen.tools))
    if seen.messages:
        yield Section("Messages", blocks=_messages(seen.messages))
    if seen.params:
        named = "Parameters" if seen.system or seen.tools or seen.messages else "Request"
        yield Section(named, blocks=(ReportBlock("", pretty(seen.params), "json"),))


def answer_section(dialect: str | None, body: Any) -> Section:
    """Arrange a response's JSON body."""
    return Section("Response", blocks=_messages((view.answer_view(dialect, body),)))


def _messages(messages: Iterable[view.Message]) -> tuple[ReportBlock, ...]:
    return tuple(block for message in messages for block in _blocks(message.role, message.blocks))


def _blocks(role: str, blocks: Iterable[view.Block]) -> Iterator[ReportBlock]:
    for block in blocks:
        yield _block(role, block)
        yield from _blocks(role, block.content)


def _block(role: str, block: view.Block) -> ReportBlock:
    label = ", ".join(part for part in (role, _kind(block)) if part)
    if block.kind in {"tool_call", "json"}:
        return ReportBlock(label, pretty(block.value), "json")
    if block.kind in {"image", "document"}:
        size = f"{block.size} bytes" if block.size is not None else ""
        described = ", ".join(part for part in (block.kind, block.media_type, size, block.text) if part)
        return ReportBlock(label, f"[{described}]")
    return ReportBlock(label, block.text)


def _kind(block: view.Block) -> str:
    if block.kind == "text":
        return ""
    named = " ".join(part for part in (block.kind.replace("_", " "), block.name, block.id) if part)
    return named + (" (failed)" if block.is_error else "")


def _tool(tool: view.Tool) -> ReportBlock:
    return ReportBlock(tool.name, "\n\n".join(part for part in (tool.description, pretty(tool.schema)) if part))
