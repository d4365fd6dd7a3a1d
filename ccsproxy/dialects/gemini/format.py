"""Gemini: the public API, Vertex, Code Assist and Interactions."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.facts import Facts
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.gemini.interactions import InteractionsReassembler, interaction_usage
from ccsproxy.dialects.gemini.stream import GeminiReassembler
from ccsproxy.dialects.json_body import member, note_error, text_member
from ccsproxy.dialects.protocol import Reassembler
from ccsproxy.dialects.route import Path, Routed, split_target
from ccsproxy.dialects.usage import gemini_usage
from ccsproxy.exchange.outcome import Category

_VERBS = {
    "generateContent": Category.MODEL,
    "streamGenerateContent": Category.MODEL,
    "embedContent": Category.MODEL,
    "batchEmbedContents": Category.MODEL,
    "countTokens": Category.COUNT_TOKENS,
}
_CODE_ASSIST = "v1internal"


class Gemini:
    """The GenerateContent API and its relatives."""

    name = "gemini"
    family: frozenset[str] = frozenset()
    line_stream = False
    array_stream = True

    def route(self, facts: Facts, path: Path) -> Routed | None:
        """Recognise ``models/NAME:verb``, Code Assist's ``v1internal:verb`` and ``interactions``."""
        if path.ends("interactions") and path.method == "POST":
            return Routed(Category.MODEL)
        name, _, verb = path.last.partition(":")
        if name == _CODE_ASSIST and verb:
            return Routed(_VERBS.get(verb, Category.OTHER))
        if verb in _VERBS and len(path.segments) > 1:
            return Routed(_VERBS[verb], name)
        return None

    def recognises(self, value: Any) -> bool:
        """Whether a value is a chunk or an answer, bare or wrapped."""
        if isinstance(value, list):
            return bool(value) and self.recognises(value[0])
        inner = member(value, "response")
        answer = inner if isinstance(inner, dict) else value
        return isinstance(member(answer, "candidates"), list) or isinstance(member(answer, "usageMetadata"), dict)

    def reassembler(self, facts: Facts) -> Reassembler:
        """Make the reassembler for a stream."""
        if split_target(facts.method, facts.target).ends("interactions"):
            return InteractionsReassembler()
        return GeminiReassembler()

    def whole(self, value: Any, findings: Findings) -> Settled:
        """Read an answer, bare or wrapped, an interaction or an error."""
        note_error(value, findings)
        inner = member(value, "response")
        answer = inner if isinstance(inner, dict) else value
        candidates = member(answer, "candidates")
        first = candidates[0] if isinstance(candidates, list) and candidates else None
        usage = gemini_usage(member(answer, "usageMetadata")) or interaction_usage(member(answer, "usage"))
        return Settled(
            body=value,
            usage=usage,
            response_model=text_member(answer, "modelVersion") or text_member(answer, "model"),
            stop_reason=text_member(first, "finishReason"),
        )
