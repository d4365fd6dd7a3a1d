"""Reassembles the events of Anthropic's legacy Text Completions (``/v1/complete``)."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.json_body import text_member


class CompletionReassembler:
    """Joins the ``completion`` texts of one stream; other members are those of the last event."""

    def __init__(self) -> None:
        self.findings = Findings()
        self._body: dict[str, Any] = {}
        self._texts: list[str] = []
        self._stopped = False

    def event(self, name: str, value: Any, at_ms: float) -> None:
        """Take the next event."""
        kind = value.get("type", name) if isinstance(value, dict) else None
        if kind == "completion":
            self._completion(value, at_ms)
        elif kind == "error":
            error = value.get("error")
            detail = error if isinstance(error, dict) else value
            self.findings.fail(detail.get("type"), detail.get("message"))
            self.findings.keep("_errors", {k: v for k, v in value.items() if k != "type"})
        elif kind != "ping":
            self.findings.unplaced(value)

    def _completion(self, event: dict[str, Any], at_ms: float) -> None:
        text = event.get("completion")
        if not isinstance(text, str):
            self.findings.unplaced(event, "invalid_event")
            return
        if self._stopped:
            self.findings.fault("event_after_end")
        if text:
            self.findings.content(at_ms)
        self._texts.append(text)
        self._body.update(event)
        self._stopped = self._stopped or event.get("stop_reason") is not None

    def ended(self) -> None:
        """Ignore ``[DONE]``, which some relays append."""

    def settle(self, whole: bool) -> Settled:
        """Return the completion as far as it arrived."""
        body = {**self._body, "completion": "".join(self._texts)} if self._texts else None
        return Settled(
            body=self.findings.attach(body),
            response_model=text_member(body, "model"),
            stop_reason=text_member(body, "stop_reason"),
            complete=self._stopped and self.findings.error is None,
            counted=self._stopped,
            answered=body is not None,
        )
