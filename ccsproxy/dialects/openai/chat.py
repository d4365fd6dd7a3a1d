"""OpenAI Chat Completions and legacy completions, also as served by DeepSeek, Mistral, Azure and many others."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.facts import NOTHING, Facts
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.json_body import member, note_error, text_member, word_member
from ccsproxy.dialects.openai.chat_stream import ENDED_BY_ERROR, ChatReassembler
from ccsproxy.dialects.openai.usage import chat_usage
from ccsproxy.dialects.protocol import Reassembler
from ccsproxy.dialects.route import Path, Routed
from ccsproxy.exchange.outcome import Category

_OBJECTS = frozenset({"chat.completion", "chat.completion.chunk", "text_completion"})


class OpenAIChat:
    """The Chat Completions API."""

    name = "openai_chat"
    family = frozenset({"codex"})
    line_stream = False
    streams_unasked = False
    array_stream = False

    def route(self, facts: Facts, path: Path) -> Routed | None:
        """Recognise ``/chat/completions`` and ``/completions``, under any prefix; Azure names a deployment."""
        if "completions" in path.segments[-3:-1] and "chat" in path.segments:
            return Routed(Category.OTHER)  # a stored one
        if not path.ends("completions"):
            return self._vertex(path)
        if path.method != "POST":
            return Routed(Category.OTHER)
        # Azure's path names the deployment, and its body no model ("Azure OpenAI REST API reference",
        # learn.microsoft.com).
        return Routed(Category.MODEL, path.after("deployments", 3) or path.after("deployments", 2))

    def _vertex(self, path: Path) -> Routed | None:
        name, _, verb = path.last.partition(":")
        if verb in ("streamRawPredict", "rawPredict") and path.segments[-4:-2] == ("publishers", "mistralai"):
            return Routed(Category.MODEL, name)
        return None

    def recognises(self, value: Any) -> bool:
        """Return whether a value identifies itself as a chunk or a completion."""
        choices, kind = member(value, "choices"), member(value, "object")
        if not isinstance(choices, list):
            return False
        first = choices[0] if choices else None
        # Relays leave `object` out; the shape of the first choice is as telling.
        shaped = isinstance(member(first, "delta"), dict) or isinstance(member(first, "message"), dict)
        return shaped or (isinstance(kind, str) and kind in _OBJECTS)

    def reassembler(self, facts: Facts) -> Reassembler:
        """Make the reassembler for a stream."""
        return ChatReassembler()

    def whole(self, value: Any, findings: Findings, facts: Facts = NOTHING) -> Settled:
        """Read a completion or an error."""
        note_error(value, findings)
        choices = member(value, "choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        note_error({"error": member(first, "error")}, findings)
        if member(first, "finish_reason") == ENDED_BY_ERROR:
            findings.fail(ENDED_BY_ERROR, "the model ended with an error")
        return Settled(
            body=value,
            usage=chat_usage(value),
            response_model=text_member(value, "model"),
            stop_reason=word_member(first, "finish_reason"),
            answered=first is not None,
        )
