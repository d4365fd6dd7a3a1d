"""Reassembles the events of a Cohere version 2 chat stream (``message-start`` to ``message-end``)."""

from collections.abc import Callable
from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.cohere.usage import cohere_usage
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.growing import GrowingStrings, extend
from ccsproxy.dialects.json_body import member, text_member
from ccsproxy.dialects.tool_json import check_arguments

_TEXTS = ("text", "thinking")


class ChatV2Reassembler:
    """Reassembles one stream into the answer that ``/v2/chat`` would have given.

    Content parts, tool calls and citations are each identified by the ``index`` of their events.
    """

    def __init__(self) -> None:
        self.findings = Findings()
        self._strings = GrowingStrings()
        self._body: dict[str, Any] = {}
        self._message: dict[str, Any] = {}
        self._lists: dict[str, dict[int, dict[str, Any]]] = {"content": {}, "tool_calls": {}, "citations": {}}
        self._ended = False

    def event(self, name: str, value: Any, at_ms: float) -> None:
        """Take the next event; the JSON ``type`` counts, else the name of the framing."""
        kind = value.get("type", name) if isinstance(value, dict) else None
        handler = _HANDLERS.get(kind) if isinstance(kind, str) else None
        if handler is None:
            self.findings.unplaced(value)
        elif not handler(self, value, at_ms):
            self.findings.unplaced(value, "invalid_event")

    def ended(self) -> None:
        """Ignore ``[DONE]``, which some relays append."""

    def _start(self, event: dict[str, Any], at_ms: float) -> bool:
        message = member(event.get("delta"), "message")
        self._body.update({key: value for key, value in event.items() if key not in ("type", "delta")})
        for key, value in message.items() if isinstance(message, dict) else ():
            if value not in ([], "", None):
                self._message[key] = value
        return True

    def _open(self, event: dict[str, Any], at_ms: float, key: str) -> bool:
        """Start an entry of one of the message's lists, or add it completely."""
        part = member(member(event.get("delta"), "message"), key)
        index = event.get("index")
        if type(index) is not int or not isinstance(part, dict):
            return False
        self._lists[key][index] = part
        if key == "tool_calls" or any(part.get(text) for text in _TEXTS):
            self.findings.content(at_ms)
        return True

    def _content(self, event: dict[str, Any], at_ms: float) -> bool:
        part = member(member(event.get("delta"), "message"), "content")
        holder = self._entry(event, "content", {"type": "text"})
        if holder is None or not isinstance(part, dict):
            return False
        for key, value in part.items():
            if key in _TEXTS and isinstance(value, str):
                self._strings.append(holder, key, value)
                if value:
                    self.findings.content(at_ms)
            elif value is not None:
                holder[key] = value
        return True

    def _call(self, event: dict[str, Any], at_ms: float) -> bool:
        function = member(member(member(event.get("delta"), "message"), "tool_calls"), "function")
        holder = self._entry(event, "tool_calls", {"type": "function", "function": {}})
        piece = member(function, "arguments")
        known = None if holder is None else holder.setdefault("function", {})
        if not isinstance(piece, str) or not isinstance(known, dict):
            return False
        self._strings.append(known, "arguments", piece)
        self.findings.content(at_ms)
        return True

    def _plan(self, event: dict[str, Any], at_ms: float) -> bool:
        piece = member(member(event.get("delta"), "message"), "tool_plan")
        if not isinstance(piece, str):
            return False
        self._strings.append(self._message, "tool_plan", piece)
        if piece:
            self.findings.content(at_ms)
        return True

    def _close(self, event: dict[str, Any], at_ms: float) -> bool:
        return True

    def _end(self, event: dict[str, Any], at_ms: float) -> bool:
        self._ended = True
        delta = event.get("delta")
        for key, value in delta.items() if isinstance(delta, dict) else ():
            if key == "error" and value:
                detail = value if isinstance(value, dict) else {"message": value}
                self.findings.fail(detail.get("type"), detail.get("message"))
            if value is not None:
                self._body[key] = value
        if self._body.get("finish_reason") == "ERROR":
            self.findings.fail("ERROR", "the model ended with an error")
        return True

    def _debug(self, event: dict[str, Any], at_ms: float) -> bool:
        self.findings.keep("_side_events", event)
        return True

    def _entry(self, event: dict[str, Any], key: str, fresh: dict[str, Any]) -> dict[str, Any] | None:
        index = event.get("index", 0)
        if type(index) is not int:
            return None
        entry = self._lists[key].get(index)
        if entry is None:
            self.findings.fault("missing_block_start")
            entry = self._lists[key][index] = fresh
        return entry

    def settle(self, whole: bool) -> Settled:
        """Return the answer as far as it arrived."""
        self._strings.settle()
        for key, entries in self._lists.items():
            extend(self._message, key, [entries[index] for index in sorted(entries)] if entries else [])
            if not self._message[key]:
                del self._message[key]
        for call in self._lists["tool_calls"].values():
            check_arguments(member(call.get("function"), "arguments"), self.findings, whole=self._ended)
        body = {**self._body, "message": self._message} if self._body or self._message else None
        return Settled(
            body=self.findings.attach(body),
            usage=cohere_usage(self._body.get("usage")),
            stop_reason=text_member(self._body, "finish_reason"),
            complete=self._ended and self.findings.error is None,
            counted=self._ended,
            answered=body is not None,
        )


_Handler = Callable[[ChatV2Reassembler, dict[str, Any], float], bool]
_HANDLERS: dict[str, _Handler] = {
    "message-start": ChatV2Reassembler._start,
    "content-start": lambda it, event, at_ms: it._open(event, at_ms, "content"),
    "content-delta": ChatV2Reassembler._content,
    "content-end": ChatV2Reassembler._close,
    "tool-plan-delta": ChatV2Reassembler._plan,
    "tool-call-start": lambda it, event, at_ms: it._open(event, at_ms, "tool_calls"),
    "tool-call-delta": ChatV2Reassembler._call,
    "tool-call-end": ChatV2Reassembler._close,
    "citation-start": lambda it, event, at_ms: it._open(event, at_ms, "citations"),
    "citation-end": ChatV2Reassembler._close,
    "message-end": ChatV2Reassembler._end,
    "debug": ChatV2Reassembler._debug,
}
#: The types of the events, except for one that other dialects have as well.
EVENTS = frozenset(_HANDLERS) - {"debug"}
