"""The dialect of everything that is not a known model call: stored unchanged, with a category."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.conversations import ConversationReassembler, is_conversation
from ccsproxy.dialects.facts import NOTHING, Facts
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.json_body import member, note_error, text_member
from ccsproxy.dialects.no_answer import is_error, note_event_error, tells_error
from ccsproxy.dialects.openai.usage import embedding_usage, openai_usage
from ccsproxy.dialects.protocol import Reassembler
from ccsproxy.dialects.route import Path, Routed, split_target
from ccsproxy.exchange.outcome import Category
from ccsproxy.exchange.usage import Usage

_AUTH = frozenset(
    {"oauth", "oauth2", "auth", "token", "tokens", "login", "logout", "authorize", "device", "revoke", "userinfo"}
)
_TELEMETRY = frozenset(
    {
        "analytics-events",
        "event_logging",
        "telemetry",
        "metrics",
        "traces",
        "logs",
        "statsig",
        "rgstr",
        "sentry",
        "envelope",
        "log_event",
    }
)
#: Model calls whose body may not be JSON or has no prompt: images, speech, embeddings, rankings.
_MODEL_CALLS = frozenset(
    {
        *(("images", "generations"), ("images", "edits"), ("images", "variations"), ("audio", "speech")),
        *(("audio", "transcriptions"), ("audio", "translations"), ("v1", "embeddings"), ("v1", "rerank")),
        *(
            ("v1", "moderations"),
            ("v1", "ocr"),
            ("v1", "multimodalembeddings"),
            ("v1", "videos"),
            ("v1", "reranking"),
        ),
    }
)
#: Those of them whose answers are JSON.
_JSON_CALLS = frozenset(
    {
        *(("images", "generations"), ("images", "edits"), ("images", "variations"), ("v1", "embeddings")),
        *(("v1", "rerank"), ("v1", "reranking"), ("v1", "moderations"), ("v1", "ocr")),
    }
)
_COUNTS = frozenset({"prompt_tokens", "input_tokens", "total_tokens", "completion_tokens", "output_tokens"})
_PROMPTS = ("messages", "input", "inputs", "prompt", "contents")
#: Lists of results other than text: all tokens of such calls are input.
_RESULTS = ("data", "results", "embeddings")
#: Events that only keep a connection alive.
_SILENT = frozenset({"ping", "keepalive", "keep-alive", "heartbeat"})


class Generic:
    """The dialect of last resort: JSON stays JSON, text stays text, streams are counted and not reassembled."""

    name = "generic"
    family: frozenset[str] = frozenset()
    line_stream = False
    streams_unasked = False
    array_stream = False

    def route(self, facts: Facts, path: Path) -> Routed:
        """Name the category of any other call; a body with a model and a prompt is a model call."""
        segments = [segment.lower() for segment in path.segments]
        if path.method == "POST" and (
            tuple(segments[-2:]) in _MODEL_CALLS or _asks_a_model(facts) or is_conversation(facts)
        ):
            return Routed(Category.MODEL)
        if path.method in ("GET", "HEAD") and "models" in segments[-2:]:
            return Routed(Category.MODELS)
        if not _TELEMETRY.isdisjoint(segments):
            return Routed(Category.TELEMETRY)
        if not _AUTH.isdisjoint(segments):
            return Routed(Category.AUTH)
        return Routed(Category.OTHER)

    def recognises(self, value: Any) -> bool:
        """Return False: recognised values belong to another dialect."""
        return False

    def reassembler(self, facts: Facts) -> Reassembler:
        """Make the reassembler, which keeps nothing but counts, except of Mistral's conversations."""
        if is_conversation(facts):
            return ConversationReassembler()
        return _Uncollected(self.route(facts, split_target(facts.method, facts.target)).category is Category.MODEL)

    def whole(self, value: Any, findings: Findings, facts: Facts = NOTHING) -> Settled:
        """Keep any JSON value; embeddings and rerankings count tokens under OpenAI's names."""
        note_error(value, findings)
        usage = _usage(value)
        # An unknown model's answer may be of any form, but it is no number, and not merely an error.
        answered = isinstance(value, (dict, list, str)) and bool(value) and not is_error(value)
        if usage is None:
            return Settled(body=value, answered=answered)
        return Settled(body=value, usage=usage, response_model=text_member(value, "model"), answered=answered)


def answers_in_json(facts: Facts) -> bool:
    """Return whether a call is one that is never answered with text or bytes: embeddings, rankings, images."""
    return tuple(split_target(facts.method, facts.target).segments[-2:]) in _JSON_CALLS


def _asks_a_model(facts: Facts) -> bool:
    named = any(isinstance(facts.request_member(key), str) for key in ("model", "agent_id"))
    return named and any(facts.request_member(key) is not None for key in _PROMPTS)


def _usage(value: Any) -> Usage | None:
    usage = member(value, "usage")
    if not isinstance(usage, dict) or _COUNTS.isdisjoint(usage):
        return None
    without_output = any(isinstance(value.get(key), list) for key in _RESULTS)
    return embedding_usage(usage) if without_output else openai_usage(usage, value.get("service_tier"))


class _Uncollected:
    """Ignores the events of an unknown stream, which is kept as text instead of being guessed at.

    Only the last usage with OpenAI's member names is kept: streams of images, transcripts and agents end with one.
    """

    def __init__(self, model_call: bool) -> None:
        self.findings = Findings()
        self._model_call = model_call
        self._usage: Usage | None = None
        self._model: str | None = None
        self._any = False

    def event(self, name: str, value: Any, at_ms: float) -> None:
        kind = text_member(value, "type") or name
        if kind in _SILENT or value in ({}, [], None, ""):
            return
        self._any = True
        # Only of a model's stream is it known that an error in it is the call's own.
        if name == "error" or kind == "error" or (self._model_call and tells_error(value)):
            note_event_error(value, self.findings)
            return
        self.findings.content(at_ms)
        self._usage = _usage(value) or self._usage
        self._model = text_member(value, "model") or self._model

    def ended(self) -> None:
        pass

    def settle(self, whole: bool) -> Settled:
        return Settled(usage=self._usage, response_model=self._model, complete=whole, answered=self._any)
