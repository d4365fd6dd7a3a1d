"""Amazon Bedrock: Invoke, which wraps other vendors' formats, and Converse."""

from typing import Any

import msgspec

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.anthropic.format import Anthropic
from ccsproxy.dialects.anthropic.message import AnthropicReassembler
from ccsproxy.dialects.bedrock.converse_stream import EVENTS, ConverseReassembler, is_answer, is_event
from ccsproxy.dialects.bedrock.invoke import body_usage, invocation_reason
from ccsproxy.dialects.bedrock.usage import converse_usage, header_usage, invocation_usage
from ccsproxy.dialects.facts import NOTHING, Facts
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.json_body import member, note_error, text_member
from ccsproxy.dialects.no_answer import is_error, note_event_error, tells_error
from ccsproxy.dialects.openai.chat import OpenAIChat
from ccsproxy.dialects.openai.chat_stream import ChatReassembler
from ccsproxy.dialects.protocol import Reassembler
from ccsproxy.dialects.route import Path, Routed, split_target
from ccsproxy.exchange.outcome import Category
from ccsproxy.exchange.usage import Usage

_VERBS = {
    "invoke": Category.MODEL,
    "invoke-with-response-stream": Category.MODEL,
    "converse": Category.MODEL,
    "converse-stream": Category.MODEL,
    "count-tokens": Category.COUNT_TOKENS,
}
_CONVERSE = frozenset({"converse", "converse-stream"})
_METRICS = "amazon-bedrock-invocationMetrics"


class Bedrock:
    """The Bedrock runtime API, whose streams are AWS event streams."""

    name = "bedrock"
    family = frozenset({"claude"})
    line_stream = False
    streams_unasked = False
    array_stream = False

    def __init__(self) -> None:
        self._anthropic, self._chat = Anthropic(), OpenAIChat()
        self._inner = (self._anthropic, self._chat)

    def route(self, facts: Facts, path: Path) -> Routed | None:
        """Recognise ``/model/{id}/{verb}`` and the lists of models."""
        if path.last in ("inference-profiles", "foundation-models"):
            return Routed(Category.MODELS)
        if path.last in _VERBS and len(path.segments) >= 3 and path.segments[-3] == "model":
            return Routed(_VERBS[path.last], path.segments[-2])
        return None

    def recognises(self, value: Any) -> bool:
        """Whether a value is an event or an answer of Converse, or of the formats that an invocation wraps."""
        return is_event(value) or is_answer(value) or any(inner.recognises(value) for inner in self._inner)

    def reassembler(self, facts: Facts) -> Reassembler:
        """Create the reassembler for a stream; the first event determines the dialect."""
        return BedrockReassembler(facts)

    def whole(self, value: Any, findings: Findings, facts: Facts = NOTHING) -> Settled:
        """Read an answer of either API, or an error."""
        if is_answer(value):
            return Settled(
                body=value,
                usage=converse_usage(member(value, "usage"), member(value, "serviceTier")),
                stop_reason=text_member(value, "stopReason"),
            )
        inner = next((each for each in self._inner if each.recognises(value)), None)
        if inner is not None:
            settled = inner.whole(value, findings)
        else:
            note_error(value, findings)
            settled = Settled(body=value, usage=body_usage(value), answered=_is_answer_of_invoke(value, facts))
        return msgspec.structs.replace(
            settled,
            usage=_with_headers(settled.usage, facts),
            stop_reason=settled.stop_reason or invocation_reason(value),
        )


def _is_answer_of_invoke(value: Any, facts: Facts) -> bool:
    """Return whether a value may be the answer of a vendor's model, each of which has its own members."""
    if split_target(facts.method, facts.target).last in _CONVERSE or is_error(value):
        return False
    return isinstance(value, (dict, list)) and bool(value)


def _with_headers(usage: Usage | None, facts: Facts) -> Usage | None:
    """Return the counts in a body, or those in the headers if it has none."""
    if usage is not None and usage.input_tokens is not None and usage.output_tokens is not None:
        return usage
    return header_usage(facts.field) or usage


class BedrockReassembler:
    """Hands events to the reassembler of the format that the first one belongs to; unknown ones are listed."""

    def __init__(self, facts: Facts) -> None:
        self._inner: Reassembler = _EventList(facts)
        self._chosen = False

    @property
    def findings(self) -> Findings:
        """The findings of the chosen reassembler."""
        return self._inner.findings

    def event(self, name: str, value: Any, at_ms: float) -> None:
        """Take the next event."""
        if not self._chosen:
            self._chosen = True
            self._choose(name, value)
        self._inner.event(name, value, at_ms)

    def _choose(self, name: str, value: Any) -> None:
        chosen: ConverseReassembler | AnthropicReassembler | ChatReassembler
        if name in EVENTS or is_event(value):
            chosen = ConverseReassembler()
        elif isinstance(member(value, "choices"), list):
            chosen = ChatReassembler()
        elif isinstance(member(value, "type"), str):
            chosen = AnthropicReassembler()
        else:
            return
        chosen.findings = self._inner.findings
        self._inner = chosen

    def ended(self) -> None:
        """Pass the end of the stream on to the inner dialect."""
        self._inner.ended()

    def settle(self, whole: bool) -> Settled:
        """Return the message as far as it arrived."""
        settled = self._inner.settle(whole)
        metrics = invocation_usage(member(settled.body, _METRICS))
        return settled if settled.usage is not None else msgspec.structs.replace(settled, usage=metrics)


def _says_something(value: Any) -> bool:
    """Return whether an event of an unknown model contains any text: counts and reasons are no content."""
    if isinstance(value, dict):
        return any(_says_something(value[key]) for key in value if key not in _FORM)
    if isinstance(value, list):
        return any(map(_says_something, value))
    return isinstance(value, str) and bool(value)


#: Members of events that are not content.
_FORM = frozenset(
    {
        *(_METRICS, "stop_reason", "finish_reason", "finishReason", "completionReason", "stopReason"),
        *("id", "generation_id", "model", "object", "type", "event_type", "role", "index"),
    }
)


class _EventList:
    """Keeps the events of a model whose stream format is not known (Titan, Llama, ...), as a list."""

    def __init__(self, facts: Facts) -> None:
        self.findings = Findings()
        self._facts = facts
        self._events: list[Any] = []

    def event(self, name: str, value: Any, at_ms: float) -> None:
        if tells_error(value):
            note_event_error(value, self.findings)
        elif _says_something(value):
            self.findings.content(at_ms)
        self._events.append(value)

    def ended(self) -> None:
        pass

    def settle(self, whole: bool) -> Settled:
        last = self._events[-1] if self._events else None
        metrics = member(last, _METRICS)
        return Settled(
            body=self.findings.attach({"_events": self._events} if self._events else None),
            usage=_with_headers(invocation_usage(metrics) or body_usage(last), self._facts),
            stop_reason=invocation_reason(last),
            complete=whole and self.findings.error is None,
            counted=metrics is not None,
            answered=any(_is_answer_of_invoke(event, self._facts) for event in self._events),
        )
