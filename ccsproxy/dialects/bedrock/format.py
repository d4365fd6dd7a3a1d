"""Amazon Bedrock: invoke, which wraps other formats, and Converse."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.anthropic.format import Anthropic
from ccsproxy.dialects.anthropic.message import AnthropicReassembler
from ccsproxy.dialects.bedrock.converse_stream import EVENTS, ConverseReassembler
from ccsproxy.dialects.facts import Facts
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.json_body import member, note_error, text_member
from ccsproxy.dialects.protocol import Reassembler
from ccsproxy.dialects.route import Path, Routed
from ccsproxy.dialects.usage import converse_usage, invocation_usage
from ccsproxy.exchange.outcome import Category

_VERBS = {
    "invoke": Category.MODEL,
    "invoke-with-response-stream": Category.MODEL,
    "converse": Category.MODEL,
    "converse-stream": Category.MODEL,
    "count-tokens": Category.COUNT_TOKENS,
}
_METRICS = "amazon-bedrock-invocationMetrics"


class Bedrock:
    """The Bedrock runtime API, whose streams are AWS event streams."""

    name = "bedrock"
    family = frozenset({"claude"})
    line_stream = False
    array_stream = False

    def __init__(self) -> None:
        self._anthropic = Anthropic()

    def route(self, facts: Facts, path: Path) -> Routed | None:
        """Recognise ``/model/{id}/{verb}`` and the lists of models."""
        if path.last in ("inference-profiles", "foundation-models"):
            return Routed(Category.MODELS)
        if path.last in _VERBS and len(path.segments) >= 3 and path.segments[-3] == "model":
            return Routed(_VERBS[path.last], path.segments[-2])
        return None

    def recognises(self, value: Any) -> bool:
        """Whether a value is an event or an answer of Converse, or Anthropic's."""
        converse = isinstance(value, dict) and not EVENTS.isdisjoint(value)
        return converse or member(value, "stopReason") is not None or self._anthropic.recognises(value)

    def reassembler(self, facts: Facts) -> Reassembler:
        """Make the reassembler for a stream; the first event says which one."""
        return BedrockReassembler()

    def whole(self, value: Any, findings: Findings) -> Settled:
        """Read an answer of either API, or an error."""
        output = member(value, "output")
        if isinstance(member(output, "message"), dict):
            return Settled(
                body=value, usage=converse_usage(member(value, "usage")), stop_reason=text_member(value, "stopReason")
            )
        note_error(value, findings)
        return self._anthropic.whole(value, findings)


class BedrockReassembler:
    """Hands events to the reassembler of the format that the first one belongs to; unknown ones are listed."""

    def __init__(self) -> None:
        self._inner: Reassembler = _EventList()
        self._chosen = False

    @property
    def findings(self) -> Findings:
        """What the chosen reassembler noticed."""
        return self._inner.findings

    def event(self, name: str, value: Any, at_ms: float) -> None:
        """Take the next event."""
        if not self._chosen:
            self._chosen = True
            self._choose(name, value)
        self._inner.event(name, value, at_ms)

    def _choose(self, name: str, value: Any) -> None:
        chosen: ConverseReassembler | AnthropicReassembler
        if name in EVENTS or (isinstance(value, dict) and not EVENTS.isdisjoint(value)):
            chosen = ConverseReassembler()
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
        """Return the message as far as it came."""
        return self._inner.settle(whole)


class _EventList:
    """Keeps the events of a model whose stream format is not known (Titan, Llama, ...), as a list."""

    def __init__(self) -> None:
        self.findings = Findings()
        self._events: list[Any] = []

    def event(self, name: str, value: Any, at_ms: float) -> None:
        self.findings.content(at_ms)
        self._events.append(value)

    def ended(self) -> None:
        pass

    def settle(self, whole: bool) -> Settled:
        metrics = member(self._events[-1], _METRICS) if self._events else None
        return Settled(
            body=self.findings.attach({"_events": self._events} if self._events else None),
            usage=invocation_usage(metrics),
            complete=whole and self.findings.error is None,
        )
