"""Gemini: the public API, Vertex, Code Assist and Interactions."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.facts import NOTHING, Facts
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.gemini.finish import finish_word
from ccsproxy.dialects.gemini.interactions import InteractionsReassembler, whole_interaction
from ccsproxy.dialects.gemini.predict import prediction_usage
from ccsproxy.dialects.gemini.stream import GeminiReassembler
from ccsproxy.dialects.gemini.usage import gemini_usage
from ccsproxy.dialects.json_body import member, note_error, text_member
from ccsproxy.dialects.protocol import Reassembler
from ccsproxy.dialects.route import Path, Routed, split_target
from ccsproxy.exchange.outcome import Category

_VERBS = {
    "generateContent": Category.MODEL,
    "streamGenerateContent": Category.MODEL,
    "embedContent": Category.MODEL,
    "batchEmbedContents": Category.MODEL,
    "predict": Category.MODEL,
    "predictLongRunning": Category.MODEL,
    "countTokens": Category.COUNT_TOKENS,
    "batchGenerateContent": Category.OTHER,
    "asyncBatchEmbedContent": Category.OTHER,
}
_CODE_ASSIST = "v1internal"
#: The members that distinguish a candidate from elements of other lists.
_CANDIDATE = frozenset({"content", "finishReason", "safetyRatings", "finishMessage"})
#: The members of answers without candidates: a refusal, embeddings, images.
_ANSWERS = frozenset({"promptFeedback", "embedding", "embeddings", "predictions", "totalTokens", "generatedImages"})


class Gemini:
    """The GenerateContent API and its relatives."""

    name = "gemini"
    family: frozenset[str] = frozenset()
    line_stream = False
    streams_unasked = False
    array_stream = True

    def route(self, facts: Facts, path: Path) -> Routed | None:
        """Recognise ``models/NAME:verb``, Code Assist's ``v1internal:verb`` and ``interactions``."""
        if path.ends("interactions") and path.method == "POST":
            return Routed(Category.MODEL)
        if "interactions" in path.segments[-3:-1] or "cachedContents" in path.segments[-2:]:
            return Routed(Category.OTHER)  # stored ones
        name, _, verb = path.last.partition(":")
        if name == _CODE_ASSIST and verb:
            return Routed(_VERBS.get(verb, Category.OTHER))
        if verb in _VERBS and len(path.segments) > 1:
            return Routed(_VERBS[verb], name)
        return None

    def recognises(self, value: Any) -> bool:
        """Whether a value is a chunk or an answer, bare or wrapped."""
        if isinstance(value, list):
            # Without `alt=sse` a stream is one array of chunks, which may arrive at once.
            return bool(value) and self.recognises(value[0])
        inner = member(value, "response")
        answer = inner if isinstance(inner, dict) else value
        candidates, usage = member(answer, "candidates"), member(answer, "usageMetadata")
        first = candidates[0] if isinstance(candidates, list) and candidates else None
        counted = isinstance(usage, dict) and any(key.endswith("TokenCount") for key in usage)
        return counted or (isinstance(first, dict) and not _CANDIDATE.isdisjoint(first))

    def reassembler(self, facts: Facts) -> Reassembler:
        """Make the reassembler for a stream."""
        if "interactions" in split_target(facts.method, facts.target).segments[-3:]:
            return InteractionsReassembler()
        return GeminiReassembler(_is_vertex(facts))

    def whole(self, value: Any, findings: Findings, facts: Facts = NOTHING) -> Settled:
        """Read an answer, bare or wrapped, an interaction, a prediction or an error."""
        note_error(value, findings)
        if member(value, "object") == "interaction":
            return whole_interaction(value, findings)
        inner = member(value, "response")
        answer = inner if isinstance(inner, dict) else value
        candidates = member(answer, "candidates")
        first = candidates[0] if isinstance(candidates, list) and candidates else None
        # A prompt that was refused has no candidate, and so no finish reason to stop for.
        blocked = text_member(member(answer, "promptFeedback"), "blockReason")
        return Settled(
            body=value,
            usage=gemini_usage(member(answer, "usageMetadata"), candidates) or prediction_usage(value),
            response_model=text_member(answer, "modelVersion") or text_member(answer, "model"),
            stop_reason=finish_word(member(first, "finishReason"), _is_vertex(facts)) or blocked,
            answered=first is not None or _is_answer(answer),
        )


def _is_answer(value: Any) -> bool:
    """Return whether a value without candidates is an answer: a started job, for one, has a path as its name."""
    job = text_member(value, "name") or ""
    return isinstance(value, dict) and ("/" in job or not _ANSWERS.isdisjoint(value))


def _is_vertex(facts: Facts) -> bool:
    return facts.provider == "vertex" or "publishers" in split_target(facts.method, facts.target).segments
