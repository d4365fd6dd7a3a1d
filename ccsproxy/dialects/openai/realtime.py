"""OpenAI Realtime: the events of one response, as separated by `ccsproxy.dialects.websocket.realtime`."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.facts import Facts
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.json_body import member
from ccsproxy.dialects.openai.usage import openai_usage
from ccsproxy.dialects.protocol import Reassembler
from ccsproxy.dialects.socket_format import SocketFormat

#: Where the pieces of a text belong, until the complete response arrives.
_TEXTS = {
    "response.output_text.delta": "text",
    "response.text.delta": "text",
    "response.output_audio_transcript.delta": "transcript",
    "response.audio_transcript.delta": "transcript",
    "response.function_call_arguments.delta": "arguments",
}


class OpenAIRealtime(SocketFormat):
    """The Realtime API; it is met over WebSocket only."""

    name = "openai_realtime"

    def reassembler(self, facts: Facts) -> Reassembler:
        """Make the reassembler for the events of a response."""
        return RealtimeReassembler()


class RealtimeReassembler:
    """Takes the response from ``response.done``, or else reassembles it from its pieces."""

    def __init__(self) -> None:
        self.findings = Findings()
        self._response: dict[str, Any] = {}
        self._done = False
        self._items: dict[int, dict[str, Any]] = {}
        self._texts: dict[tuple[int, str], list[str]] = {}

    def event(self, name: str, value: Any, at_ms: float) -> None:
        """Take the next event."""
        kind = member(value, "type")
        if not isinstance(value, dict) or not isinstance(kind, str):
            self.findings.unplaced(value)
        elif kind in ("response.created", "response.done"):
            self._lifecycle(kind, value.get("response"))
        elif kind == "error":
            error = value.get("error")
            self.findings.fail(member(error, "code") or member(error, "type"), member(error, "message"))
            self.findings.keep("_errors", value)
        else:
            self._piece(kind, value, at_ms)

    def ended(self) -> None:
        """Ignore ``[DONE]``, which does not occur."""

    def _lifecycle(self, kind: str, response: Any) -> None:
        if isinstance(response, dict):
            self._response = response
            self._done = kind == "response.done"

    def _piece(self, kind: str, event: dict[str, Any], at_ms: float) -> None:
        index, delta = event.get("output_index"), event.get("delta")
        place = index if type(index) is int else 0
        if kind == "response.output_item.done" and isinstance(event.get("item"), dict):
            self._items[place] = event["item"]
        elif kind in _TEXTS and isinstance(delta, str):
            self.findings.content(at_ms)
            self._texts.setdefault((place, _TEXTS[kind]), []).append(delta)
        elif kind.endswith("audio.delta"):
            self.findings.content(at_ms)

    def settle(self, whole: bool) -> Settled:
        """Return the response as far as it arrived."""
        body = dict(self._response)
        # The last event contains the complete response; pieces are used only if it never arrived.
        if not self._done:
            body["output"] = self._unfinished()
        self._note_failure(body)
        model = body.get("model")
        status = body.get("status")
        return Settled(
            body=self.findings.attach(body) if body else None,
            usage=openai_usage(_usage(body.get("usage"))),
            response_model=model if isinstance(model, str) else None,
            stop_reason=status if isinstance(status, str) and self._done else None,
            complete=self._done,
        )

    def _unfinished(self) -> list[Any]:
        items = dict(self._items)
        for (place, key), pieces in self._texts.items():
            # A complete item takes precedence over its pieces.
            if place not in self._items:
                items.setdefault(place, {"status": "incomplete"})[key] = "".join(pieces)
        return [items[place] for place in sorted(items)]

    def _note_failure(self, body: dict[str, Any]) -> None:
        if body.get("status") == "failed":
            error = member(body.get("status_details"), "error")
            self.findings.fail(member(error, "code") or member(error, "type"), member(error, "message"))


def _usage(raw: Any) -> Any:
    """Rename the members that Realtime names differently from Responses; the original ones are kept."""
    if not isinstance(raw, dict):
        return raw
    return {
        **raw,
        "input_tokens_details": raw.get("input_token_details"),
        "output_tokens_details": raw.get("output_token_details"),
    }
