"""Reassembles the events of an Anthropic Messages stream."""

from collections.abc import Callable
from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.anthropic.block import StreamedBlock, has_content, missing_block
from ccsproxy.dialects.anthropic.usage import anthropic_usage
from ccsproxy.dialects.bedrock.usage import invocation_usage
from ccsproxy.dialects.counts import count
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.growing import GrowingStrings

_START = frozenset({"type", "message"})
_BLOCK_START = frozenset({"type", "index", "content_block"})
_DELTA = frozenset({"type", "index", "delta"})
_STOP = frozenset({"type", "index"})
_METRICS = "amazon-bedrock-invocationMetrics"


class AnthropicReassembler:
    """Reassembles one stream; a message that a second ``message_start`` interrupts is kept in ``_superseded``."""

    def __init__(self) -> None:
        self.findings = Findings()
        self._begin(None)

    def _begin(self, message: dict[str, Any] | None) -> None:
        self._message = message
        self._blocks: dict[int, StreamedBlock] = {}
        self._strings = GrowingStrings()
        self._stopped = False
        # The output count in message_start is a placeholder, unless the message arrived with its end.
        self._counted = message is not None and message.get("stop_reason") is not None

    def event(self, name: str, value: Any, at_ms: float) -> None:
        """Take the next event; the JSON ``type`` counts, else the name of the framing."""
        kind = value.get("type", name) if isinstance(value, dict) else None
        handler = _HANDLERS.get(kind) if isinstance(kind, str) else None
        if handler is None:
            self.findings.unplaced(value)
            return
        # Events after the end are kept like others and noted as a fault, because a message has one end.
        if self._stopped and kind not in ("ping", "message_start", "error"):
            self.findings.fault("event_after_end")
        handler(self, value, at_ms)

    def joins(self, event: dict[str, Any], holder: Any, key: Any) -> bool:
        """Return whether events that differ in one text are equivalent to one event with the joined text."""
        index, delta = event.get("index"), event.get("delta")
        block = self._blocks.get(index) if type(index) is int else None
        return block is not None and holder is delta and event.keys() == _DELTA and block.joins(delta, key)

    def ended(self) -> None:
        """Ignore ``[DONE]``, which some relays append."""

    def _ping(self, event: dict[str, Any], at_ms: float) -> None:
        """Ignore a ping."""

    def _message_start(self, event: dict[str, Any], at_ms: float) -> None:
        message = event.get("message")
        if not isinstance(message, dict):
            self.findings.unplaced(event, "invalid_event")
            return
        self.findings.extra_fields(event, _START)
        if self._message is not None or self._blocks:
            # The same message once more, before any content of it: nothing is lost by taking the two for one.
            if self._repeats(message):
                self.findings.fault("repeated_message_start")
                return
            self._supersede()
        self._begin(message)
        content = message.get("content")
        for index, block in enumerate(content if isinstance(content, list) else []):
            if isinstance(block, dict):
                self._open(index, block, at_ms)
            else:
                self.findings.fault("invalid_event")
                self.findings.keep("_unparsed_blocks", block)

    def _repeats(self, message: dict[str, Any]) -> bool:
        known = self._message
        return known is not None and not self._blocks and not self._stopped and known.get("id") == message.get("id")

    def _supersede(self) -> None:
        self.findings.fault("second_message_start")
        self.findings.keep("_superseded", self._body())

    def _open(self, index: int, value: dict[str, Any], at_ms: float) -> None:
        self._blocks[index] = StreamedBlock(value, self._strings, self.findings)
        if has_content(value):
            self.findings.content(at_ms)

    def _block_start(self, event: dict[str, Any], at_ms: float) -> None:
        index, value = _index(event), event.get("content_block")
        if index is None or not isinstance(value, dict):
            self.findings.unplaced(event, "invalid_event")
            return
        self.findings.extra_fields(event, _BLOCK_START)
        if index in self._blocks:
            self.findings.fault("repeated_block_start")
            self._strings.settle()
            self._blocks[index].settle()
            self.findings.keep("_superseded_blocks", self._blocks[index].value)
        self._open(index, value, at_ms)
        if value.get("type") == "fallback":
            self._fall_back(value)

    def _fall_back(self, block: dict[str, Any]) -> None:
        """Another model takes over: the finished message bears its name."""
        to = block.get("to")
        if isinstance(to, dict) and isinstance(to.get("model"), str):
            self._envelope()["model"] = to["model"]

    def _block_delta(self, event: dict[str, Any], at_ms: float) -> None:
        index, delta = event.get("index"), event.get("delta")
        if type(index) is not int or not isinstance(delta, dict):
            self.findings.unplaced(event, "invalid_event")
            return
        block = self._blocks.get(index)
        if block is None:
            self.findings.fault("missing_block_start")
            block = self._blocks[index] = StreamedBlock(missing_block(delta), self._strings, self.findings)
        block.delta(delta, at_ms)
        if len(event) > 3:
            self.findings.extra_fields(event, _DELTA)

    def _block_stop(self, event: dict[str, Any], at_ms: float) -> None:
        index = _index(event)
        block = None if index is None else self._blocks.get(index)
        if block is None:
            self.findings.unplaced(event, "missing_block_start")
            return
        block.stopped = True
        self.findings.extra_fields(event, _STOP)

    def _envelope(self) -> dict[str, Any]:
        if self._message is None:
            self.findings.fault("missing_message_start")
            self._message = {"type": "message", "role": "assistant"}
        return self._message

    def _message_delta(self, event: dict[str, Any], at_ms: float) -> None:
        message = self._envelope()
        for key, value in event.items():
            if key == "usage":
                self._usage(message, value)
            elif key == "delta" and isinstance(value, dict):
                message.update({k: v for k, v in value.items() if v is not None or k in _NULLABLE})
            elif key != "type" and value is not None:
                message[key] = value

    def _usage(self, message: dict[str, Any], update: Any) -> None:
        """Update cumulative counts; absent and null ones keep the value of ``message_start``."""
        known = message.get("usage")
        self._counted = self._counted or (isinstance(update, dict) and count(update.get("output_tokens")) is not None)
        if isinstance(known, dict) and isinstance(update, dict):
            known.update({k: v for k, v in update.items() if v is not None})
        elif update is not None:
            message["usage"] = update

    def _message_stop(self, event: dict[str, Any], at_ms: float) -> None:
        self._stopped = True
        if len(event) > 1:
            self._envelope().update({k: v for k, v in event.items() if k != "type" and v is not None})

    def _error(self, event: dict[str, Any], at_ms: float) -> None:
        error = event.get("error")
        detail = error if isinstance(error, dict) else event
        self.findings.fail(detail.get("type"), detail.get("message", error))
        self.findings.keep("_errors", {k: v for k, v in event.items() if k != "type"})

    def _body(self) -> dict[str, Any] | None:
        if self._message is None and not self._blocks:
            return None
        self._strings.settle()
        for block in self._blocks.values():
            block.settle()
        order = sorted(self._blocks)
        if order != list(range(len(order))):
            self.findings.fault("index_gap")
        message = self._envelope()
        if order or not isinstance(message.get("content"), list):
            message["content"] = [self._blocks[index].value for index in order]
        return message

    def settle(self, whole: bool) -> Settled:
        """Return the message as far as it arrived."""
        body = self._body()
        message = body or {}
        usage = anthropic_usage(message.get("usage"))
        metrics = invocation_usage(message.get(_METRICS))
        if usage is None or not self._counted:
            usage = metrics or usage
        return Settled(
            body=self.findings.attach(body),
            usage=usage,
            response_model=_string(message.get("model")),
            stop_reason=_string(message.get("stop_reason")),
            complete=self._stopped and self.findings.error is None,
            counted=self._counted or metrics is not None,
            answered=body is not None,
        )


#: Handlers by kind of event; functions, because bound methods would put each reassembler into a reference cycle.
_HANDLERS: dict[str, Callable[[AnthropicReassembler, dict[str, Any], float], None]] = {
    "content_block_delta": AnthropicReassembler._block_delta,
    "content_block_start": AnthropicReassembler._block_start,
    "content_block_stop": AnthropicReassembler._block_stop,
    "message_start": AnthropicReassembler._message_start,
    "message_delta": AnthropicReassembler._message_delta,
    "message_stop": AnthropicReassembler._message_stop,
    "error": AnthropicReassembler._error,
    "ping": AnthropicReassembler._ping,
}
#: Members of a ``message_delta`` that are assigned also when they are null.
_NULLABLE = frozenset({"stop_reason", "stop_sequence", "stop_details"})


def _index(event: dict[str, Any]) -> int | None:
    index = event.get("index")
    return index if type(index) is int else None


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None
