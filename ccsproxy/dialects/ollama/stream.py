"""Reassembles the lines of an Ollama stream (chat and generate)."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.growing import GrowingStrings, extend
from ccsproxy.dialects.ollama.usage import ollama_usage

_TEXTS = frozenset({"response", "thinking"})
_MESSAGE_TEXTS = frozenset({"content", "thinking"})


class OllamaReassembler:
    """Reassembles one stream: texts concatenate, lists extend, everything else is the last line's."""

    def __init__(self) -> None:
        self.findings = Findings()
        self._strings = GrowingStrings()
        self._body: dict[str, Any] = {}
        self._message: dict[str, Any] | None = None
        self._done = False

    def event(self, name: str, value: Any, at_ms: float) -> None:
        """Take the next line."""
        if not isinstance(value, dict):
            self.findings.unplaced(value)
            return
        if self._done:
            self.findings.fault("event_after_end")
        for key, field in value.items():
            self._field(key, field, at_ms)
        self._done = self._done or value.get("done") is True

    def ended(self) -> None:
        """Ignore ``[DONE]``, which this dialect does not have."""

    def _field(self, key: str, value: Any, at_ms: float) -> None:
        if key == "message" and isinstance(value, dict):
            self._grow(value, at_ms)
        elif key in _TEXTS and isinstance(value, str):
            self._strings.append(self._body, key, value)
            if value:
                self.findings.content(at_ms)
        elif key == "error" and value:
            detail = value if isinstance(value, dict) else {"message": value}
            self.findings.fail(detail.get("type"), detail.get("message"))
            self._body["error"] = value
        elif key == "logprobs" and isinstance(value, list) and isinstance(self._body.get(key), list):
            self._body[key].extend(value)
        elif value is not None or key not in self._body:
            self._body[key] = value
            if key == "image" and value:
                self.findings.content(at_ms)

    def _grow(self, message: dict[str, Any], at_ms: float) -> None:
        if self._message is None:
            self._message = {}
        known = self._message
        for key, value in message.items():
            if key in _MESSAGE_TEXTS and isinstance(value, str):
                self._strings.append(known, key, value)
                if value:
                    self.findings.content(at_ms)
            elif isinstance(value, list) and extend(known, key, value):
                if value:
                    self.findings.content(at_ms)
            elif value is not None or key not in known:
                known[key] = known[key] if key == "role" and known.get(key) else value

    def settle(self, whole: bool) -> Settled:
        """Return the answer as far as it arrived."""
        self._strings.settle()
        body = self._body
        if self._message is not None:
            body["message"] = self._message
        model, reason = body.get("model"), body.get("done_reason")
        return Settled(
            body=self.findings.attach(body or None),
            usage=ollama_usage(body),
            response_model=model if isinstance(model, str) else None,
            stop_reason=reason if isinstance(reason, str) else None,
            complete=self._done and self.findings.error is None,
            counted=self._done,
            answered=bool(body),
        )
