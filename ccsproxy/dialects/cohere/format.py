"""Cohere: chat in versions 1 and 2, generate, embed, rerank, classify."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.cohere.chat_v1 import ChatV1Reassembler
from ccsproxy.dialects.cohere.chat_v2 import EVENTS, ChatV2Reassembler
from ccsproxy.dialects.cohere.usage import cohere_usage
from ccsproxy.dialects.facts import NOTHING, Facts
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.json_body import member, note_error, text_member
from ccsproxy.dialects.protocol import Reassembler
from ccsproxy.dialects.route import Path, Routed, split_target
from ccsproxy.exchange.outcome import Category

_VERSIONS = frozenset({"v1", "v2"})
#: Model calls whose names only Cohere uses, or of which the upstream must prove that they are Cohere's.
_MODEL = frozenset({"chat", "generate", "embed", "rerank", "classify", "summarize"})
_ITS_OWN = frozenset({"embed", "summarize"})
_COUNTING = frozenset({"tokenize", "detokenize"})
#: Members of which every answer has one.
_ANSWERS = ("message", "text", "generations", "embeddings", "results", "classifications", "summary")
_ERRORS = frozenset({"ERROR", "TIMEOUT", "NETWORK_ERROR"})


class Cohere:
    """The chat API in two versions, and the related calls."""

    name = "cohere"
    family: frozenset[str] = frozenset()
    line_stream = True
    streams_unasked = False
    array_stream = False

    def route(self, facts: Facts, path: Path) -> Routed | None:
        """Recognise ``/v1/chat``, ``/v2/chat`` and their neighbours; others have some of these names, too."""
        version = path.segments[-2] if len(path.segments) > 1 else ""
        if version not in _VERSIONS or (path.last not in _MODEL and path.last not in _COUNTING):
            return None
        if path.last not in _ITS_OWN and facts.provider != "cohere" and not _is_chat(facts, version, path.last):
            return None
        if path.method != "POST":
            return Routed(Category.OTHER)
        return Routed(Category.COUNT_TOKENS if path.last in _COUNTING else Category.MODEL)

    def recognises(self, value: Any) -> bool:
        """Whether a value is an event of either version, or an answer with Cohere's units."""
        kind = member(value, "type")
        if isinstance(kind, str) and kind in EVENTS:
            return kind.endswith("-end") or isinstance(member(value, "delta"), dict)
        if isinstance(member(value, "event_type"), str):
            return isinstance(member(value, "is_finished"), bool)
        units = any(isinstance(member(member(value, key), "billed_units"), dict) for key in ("usage", "meta"))
        return units and any(key in value for key in _ANSWERS)

    def reassembler(self, facts: Facts) -> Reassembler:
        """Make the reassembler for a stream."""
        return (
            ChatV2Reassembler() if "v2" in split_target(facts.method, facts.target).segments else ChatV1Reassembler()
        )

    def whole(self, value: Any, findings: Findings, facts: Facts = NOTHING) -> Settled:
        """Read an answer or an error, which is a mere message."""
        note_error(value, findings)
        answered = any(member(value, key) not in (None, {}) and not _is_error(value) for key in _ANSWERS)
        if not answered and text_member(value, "message"):
            findings.fail(None, value["message"])
        generations = member(value, "generations")
        first = generations[0] if isinstance(generations, list) and generations else None
        reason = text_member(value, "finish_reason") or text_member(first, "finish_reason")
        if reason in _ERRORS:
            findings.fail(reason, "the model ended with an error")
        return Settled(
            body=value,
            usage=cohere_usage(member(value, "usage")) or cohere_usage(member(value, "meta")),
            response_model=text_member(value, "model"),
            stop_reason=reason,
            answered=answered,
        )


def _is_chat(facts: Facts, version: str, last: str) -> bool:
    """Whether the body of a call on an upstream that is not known to be Cohere's is one of Cohere's chats."""
    if last != "chat":
        return False
    if version == "v2":
        return isinstance(facts.request_member("messages"), list)
    return isinstance(facts.request_member("message"), str) and facts.request_member("messages") is None


def _is_error(value: Any) -> bool:
    """Whether an object is an error: ``message`` is a sentence there, and an object in an answer."""
    return isinstance(member(value, "message"), str) and not any(key in value for key in _ANSWERS if key != "message")
