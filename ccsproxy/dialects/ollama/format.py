"""Ollama's own API: chat and generate."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.facts import NOTHING, Facts
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.json_body import member, note_error, text_member
from ccsproxy.dialects.ollama.stream import OllamaReassembler
from ccsproxy.dialects.ollama.usage import ollama_usage
from ccsproxy.dialects.protocol import Reassembler
from ccsproxy.dialects.route import Path, Routed
from ccsproxy.exchange.outcome import Category

_MODELS = frozenset({"tags", "show", "ps"})
#: The members of answers, and the type of each: errors have some of them, too.
_ANSWERS = {"message": dict, "response": str, "embedding": list, "embeddings": list, "image": str}


class Ollama:
    """The ``/api`` of an Ollama server, whose streams are lines of JSON."""

    name = "ollama"
    family: frozenset[str] = frozenset()
    line_stream = True
    streams_unasked = True
    array_stream = False

    def route(self, facts: Facts, path: Path) -> Routed | None:
        """Recognise ``/api/chat``, ``/api/generate``, the embeddings and the lists of models."""
        if len(path.segments) < 2 or path.segments[-2] != "api":
            return None
        if path.last in ("chat", "generate", "embed", "embeddings") and path.method == "POST":
            return Routed(Category.MODEL)
        return Routed(Category.MODELS) if path.last in _MODELS else None

    def recognises(self, value: Any) -> bool:
        """Whether a value is a line or an answer: the only ones with a model and ``done``."""
        return isinstance(member(value, "done"), bool) and isinstance(member(value, "model"), str)

    def reassembler(self, facts: Facts) -> Reassembler:
        """Make the reassembler for a stream."""
        return OllamaReassembler()

    def whole(self, value: Any, findings: Findings, facts: Facts = NOTHING) -> Settled:
        """Read an answer or an error."""
        note_error(value, findings)
        return Settled(
            body=value,
            usage=ollama_usage(value),
            response_model=text_member(value, "model"),
            stop_reason=text_member(value, "done_reason"),
            answered=_is_answer(value),
        )


def _is_answer(value: Any) -> bool:
    found = ((member(value, key), kind) for key, kind in _ANSWERS.items())
    return any(isinstance(part, kind) and part != {} for part, kind in found)
