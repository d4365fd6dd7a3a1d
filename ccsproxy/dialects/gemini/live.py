"""Gemini Live: the messages of one turn, as separated by `ccsproxy.dialects.websocket.gemini_live`."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.facts import Facts
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.gemini.stream import GeminiReassembler
from ccsproxy.dialects.protocol import Reassembler
from ccsproxy.dialects.socket_format import SocketFormat

#: The members that Live names differently from ``generateContent``.
_COUNTS = {
    "responseTokenCount": "candidatesTokenCount",
    "responseTokensDetails": "candidatesTokensDetails",
}


class GeminiLive(SocketFormat):
    """The Live API; it is met over WebSocket only."""

    name = "gemini_live"

    def reassembler(self, facts: Facts) -> Reassembler:
        """Make the reassembler for the messages of a turn."""
        return LiveReassembler()


class LiveReassembler:
    """Puts a turn together as the answer that ``generateContent`` would have given."""

    def __init__(self) -> None:
        self._inner = GeminiReassembler()
        self._complete = False
        self._transcripts: dict[str, list[str]] = {}

    @property
    def findings(self) -> Findings:
        """The findings so far."""
        return self._inner.findings

    def event(self, name: str, value: Any, at_ms: float) -> None:
        """Take the next message."""
        if not isinstance(value, dict):
            self.findings.unplaced(value)
            return
        for key, inner in value.items():
            if key == "serverContent" and isinstance(inner, dict):
                self._content(inner, at_ms)
            elif key == "toolCall" and isinstance(inner, dict):
                calls = inner.get("functionCalls")
                self._parts([{"functionCall": each} for each in calls] if isinstance(calls, list) else [], at_ms)
                # A tool call ends the turn: the model waits for its result, and sends no turnComplete.
                self._complete = True
            elif key == "usageMetadata" and isinstance(inner, dict):
                self._inner.event("", {key: {**inner, **_renamed(inner)}}, at_ms)
            else:
                self.findings.keep("_side_events", {key: inner})

    def ended(self) -> None:
        """Ignore ``[DONE]``, which does not occur."""

    def _content(self, content: dict[str, Any], at_ms: float) -> None:
        for key, inner in content.items():
            if key == "modelTurn" and isinstance(inner, dict):
                parts = inner.get("parts")
                self._parts(parts if isinstance(parts, list) else [], at_ms)
            elif key in ("inputTranscription", "outputTranscription") and isinstance(inner, dict):
                self._transcripts.setdefault(key, []).append(str(inner.get("text", "")))
                self.findings.content(at_ms)
            elif key == "turnComplete":
                self._complete |= bool(inner)
            else:
                self._inner.event("", {"candidates": [{key: inner}]}, at_ms)

    def _parts(self, parts: list[Any], at_ms: float) -> None:
        self._inner.event("", {"candidates": [{"content": {"role": "model", "parts": parts}}]}, at_ms)

    def settle(self, whole: bool) -> Settled:
        """Return the turn as far as it arrived."""
        # Live has no finish reason; a turn that ended by itself corresponds to STOP.
        if self._complete:
            self._inner.event("", {"candidates": [{"finishReason": "STOP"}]}, 0.0)
        settled = self._inner.settle(whole)
        body = settled.body
        if isinstance(body, dict):
            body.update({f"_{key}": "".join(texts) for key, texts in self._transcripts.items()})
        return Settled(
            body=body,
            usage=settled.usage,
            response_model=settled.response_model,
            stop_reason=settled.stop_reason,
            complete=self._complete,
        )


def _renamed(usage: dict[str, Any]) -> dict[str, Any]:
    return {new: usage[old] for old, new in _COUNTS.items() if old in usage and new not in usage}
