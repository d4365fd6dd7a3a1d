"""Reassembles the events of Cohere's version 1 streams: chat and generate, as JSON lines or SSE."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.cohere.usage import cohere_usage
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.growing import GrowingStrings, extend
from ccsproxy.dialects.json_body import member, text_member

#: Events whose list is also a member of the answer.
_LISTS = {
    "citation-generation": "citations",
    "search-queries-generation": "search_queries",
    "search-results": "search_results",
}
_ERRORS = frozenset({"ERROR", "ERROR_TOXIC", "ERROR_LIMIT", "TIMEOUT"})


class ChatV1Reassembler:
    """Reassembles one stream: takes the answer from ``stream-end``, or else joins its pieces."""

    def __init__(self) -> None:
        self.findings = Findings()
        self._strings = GrowingStrings()
        self._body: dict[str, Any] = {}
        self._final: dict[str, Any] | None = None
        self._reason: str | None = None
        self._ended = False

    def event(self, name: str, value: Any, at_ms: float) -> None:
        """Process the next event, by its ``event_type`` or else the name in the framing; generate has neither."""
        if not isinstance(value, dict):
            self.findings.unplaced(value)
            return
        kind = value.get("event_type") or name
        if value.get("is_finished") is True or kind == "stream-end":
            self._finish(value)
        elif kind == "stream-start":
            self._body.update({k: v for k, v in value.items() if k not in ("event_type", "is_finished")})
        elif isinstance(value.get("text"), str) and kind in ("text-generation", "", "message"):
            self._text(value, at_ms)
        elif not self._take(kind, value, at_ms):
            self.findings.unplaced(value)

    def ended(self) -> None:
        """Ignore ``[DONE]``, which some relays append."""

    def _text(self, event: dict[str, Any], at_ms: float) -> None:
        self._strings.append(self._body, "text", event["text"])
        if event["text"]:
            self.findings.content(at_ms)

    def _take(self, kind: str, event: dict[str, Any], at_ms: float) -> bool:
        if kind in _LISTS:
            key = _LISTS[kind]
            values = event.get(key)
            documents = event.get("documents")
            if isinstance(documents, list):
                extend(self._body, "documents", documents)
            return isinstance(values, list) and extend(self._body, key, values)
        if kind == "tool-calls-chunk":
            return self._call(event, at_ms)
        if kind == "tool-calls-generation":
            self.findings.content(at_ms)
            self._body.update({k: v for k, v in event.items() if k in ("tool_calls", "text")})
            self._strings.assign(self._body, "text", self._body.get("text", ""))
            return True
        return kind == "debug"

    def _call(self, event: dict[str, Any], at_ms: float) -> bool:
        """Add a piece of the plan, or of a call's parameters, which arrive as text."""
        if isinstance(event.get("text"), str):
            self._text(event, at_ms)
            return True
        delta = event.get("tool_call_delta")
        calls = self._body.setdefault("tool_calls", [])
        if not isinstance(delta, dict) or not isinstance(calls, list):
            return False
        index = delta.get("index")
        if type(index) is not int or not 0 <= index <= len(calls):
            return False
        if index == len(calls):
            calls.append({})
        self.findings.content(at_ms)
        if isinstance(delta.get("name"), str):
            calls[index]["name"] = delta["name"]
        piece = delta.get("parameters")
        if isinstance(piece, str):
            self._strings.append(calls[index], "_raw_parameters", piece)
        return True

    def _finish(self, event: dict[str, Any]) -> None:
        self._ended = True
        response = event.get("response")
        self._final = response if isinstance(response, dict) else None
        self._reason = text_member(event, "finish_reason") or text_member(response, "finish_reason")
        if self._reason in _ERRORS:
            message = event.get("error") or member(response, "message") or "the model ended with an error"
            self.findings.fail(self._reason, message)

    def settle(self, whole: bool) -> Settled:
        """Return the answer as far as it arrived."""
        self._strings.settle()
        body = self._final if self._final is not None else self._body or None
        if body is not None and self._reason:
            body.setdefault("finish_reason", self._reason)
        return Settled(
            body=self.findings.attach(body),
            usage=cohere_usage(member(body, "meta")),
            stop_reason=self._reason,
            complete=self._ended and self.findings.error is None,
            counted=self._ended,
            answered=body is not None,
        )
