"""OpenAI Chat Completions and legacy completions, also of DeepSeek, OpenRouter, Mistral, Azure and others."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.facts import Facts
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.json_body import member, note_error, text_member
from ccsproxy.dialects.openai.chat_stream import ChatReassembler
from ccsproxy.dialects.protocol import Reassembler
from ccsproxy.dialects.route import Path, Routed
from ccsproxy.dialects.usage import openai_usage
from ccsproxy.exchange.outcome import Category

_OBJECTS = frozenset({"chat.completion", "chat.completion.chunk", "text_completion"})


class OpenAIChat:
    """The Chat Completions API."""

    name = "openai_chat"
    family = frozenset({"codex"})
    line_stream = False
    array_stream = False

    def route(self, facts: Facts, path: Path) -> Routed | None:
        """Recognise ``/chat/completions`` and ``/completions``, under any prefix; Azure names a deployment."""
        if not path.ends("completions"):
            return self._vertex(path)
        if path.method != "POST":
            return Routed(Category.OTHER)
        return Routed(Category.MODEL, path.after("deployments", 3) or path.after("deployments", 2))

    def _vertex(self, path: Path) -> Routed | None:
        name, _, verb = path.last.partition(":")
        if verb in ("streamRawPredict", "rawPredict") and path.segments[-4:-2] == ("publishers", "mistralai"):
            return Routed(Category.MODEL, name)
        return None

    def recognises(self, value: Any) -> bool:
        """Whether a value says that it is a chunk or a completion."""
        kind = member(value, "object")
        return isinstance(kind, str) and kind in _OBJECTS

    def reassembler(self, facts: Facts) -> Reassembler:
        """Make the reassembler for a stream."""
        return ChatReassembler()

    def whole(self, value: Any, findings: Findings) -> Settled:
        """Read a completion or an error."""
        note_error(value, findings)
        choices = member(value, "choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        return Settled(
            body=value,
            usage=openai_usage(member(value, "usage")),
            response_model=text_member(value, "model"),
            stop_reason=text_member(first, "finish_reason"),
        )
