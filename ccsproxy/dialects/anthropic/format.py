"""Anthropic Messages, also as served by Vertex and relays, and the older Text Completions."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.anthropic.complete import CompletionReassembler
from ccsproxy.dialects.anthropic.message import AnthropicReassembler
from ccsproxy.dialects.anthropic.usage import anthropic_usage
from ccsproxy.dialects.facts import NOTHING, Facts
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.json_body import member, note_error, text_member
from ccsproxy.dialects.protocol import Reassembler
from ccsproxy.dialects.route import Path, Routed, split_target
from ccsproxy.exchange.outcome import Category

#: The member that each type of event requires, and its type.
_EVENTS: dict[str, tuple[str, type]] = {
    "message_start": ("message", dict),
    "content_block_start": ("content_block", dict),
    "content_block_delta": ("delta", dict),
    "content_block_stop": ("index", int),
    "message_delta": ("delta", dict),
}


class Anthropic:
    """Anthropic's Messages API, streamed or not."""

    name = "anthropic"
    family = frozenset({"claude"})
    line_stream = False
    streams_unasked = False
    array_stream = False

    def route(self, facts: Facts, path: Path) -> Routed | None:
        """Recognise ``/v1/messages`` and its subpaths, and Vertex's ``publishers/anthropic``."""
        if "threads" in path.segments:  # OpenAI Assistants has messages too
            return None
        if path.ends("messages") and path.method in ("POST", "HEAD", "OPTIONS"):
            return Routed(Category.MODEL if path.method == "POST" else Category.OTHER)
        if path.ends("messages", "count_tokens"):
            return Routed(Category.COUNT_TOKENS)
        if "batches" in path.segments and "messages" in path.segments:
            return Routed(Category.OTHER)
        if path.ends("v1", "complete"):
            return Routed(Category.MODEL if path.method == "POST" else Category.OTHER)
        return self._vertex(path)

    def _vertex(self, path: Path) -> Routed | None:
        name, _, verb = path.last.partition(":")
        if verb not in ("streamRawPredict", "rawPredict") or path.segments[-4:-1] != _PUBLISHER:
            return None
        if name == "count-tokens":
            return Routed(Category.COUNT_TOKENS)
        return Routed(Category.MODEL, name)

    def recognises(self, value: Any) -> bool:
        """Whether a value is one of the stream's events or a message."""
        kind = member(value, "type")
        if kind == "message":
            return isinstance(value.get("content"), list) and "usage" in value
        needed = _EVENTS.get(kind) if isinstance(kind, str) else None
        return needed is not None and isinstance(value.get(needed[0]), needed[1])

    def reassembler(self, facts: Facts) -> Reassembler:
        """Make the reassembler for a stream."""
        legacy = split_target(facts.method, facts.target).ends("v1", "complete")
        return CompletionReassembler() if legacy else AnthropicReassembler()

    def whole(self, value: Any, findings: Findings, facts: Facts = NOTHING) -> Settled:
        """Read a message or an error."""
        note_error(value, findings)
        return Settled(
            body=value,
            usage=anthropic_usage(member(value, "usage")),
            response_model=text_member(value, "model"),
            stop_reason=text_member(value, "stop_reason"),
            answered=isinstance(member(value, "content"), list) or isinstance(member(value, "completion"), str),
        )


_PUBLISHER = ("publishers", "anthropic", "models")
