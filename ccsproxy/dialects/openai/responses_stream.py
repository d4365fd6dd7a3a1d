"""Reassembles the events of an OpenAI Responses stream."""

from collections.abc import Callable
from functools import partial
from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.openai.responses_item import PLACES, ItemPlace, OutputItem, says_something
from ccsproxy.dialects.openai.responses_result import check_calls, failed_response, final_response, stop_reason
from ccsproxy.dialects.openai.usage import response_usage

_LIFECYCLE = frozenset({"response.created", "response.queued", "response.in_progress"})
_TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})
#: Events that are not part of the response: limits, metadata, steering, keep-alives.
_ASIDE = frozenset({"codex.rate_limits", "response.metadata", "codex.response.metadata", "keepalive", "ping"})
_FIELDS = frozenset(
    {
        *("type", "sequence_number", "output_index", "item_id", "content_index", "summary_index", "command_index"),
        *("annotation_index", "delta", "text", "refusal", "arguments", "input", "code", "command", "diff", "item"),
        *("part", "annotation", "logprobs", "obfuscation", "output", "partial_image_b64", "partial_image_index"),
        *("name", "status", "background", "output_format", "quality", "size"),
    }
)

_LIFECYCLE_FIELDS = frozenset({"type", "sequence_number", "response"})


class ResponsesReassembler:
    """Reassembles one stream. Items are known by ``output_index`` alone: some relays change ids between events."""

    def __init__(self) -> None:
        self.findings = Findings()
        self._error: dict[str, Any] | None = None
        self._sequence: int | None = None
        self._begin(None)

    def _begin(self, skeleton: dict[str, Any] | None) -> None:
        self._skeleton = skeleton
        self._terminal: dict[str, Any] | None = None
        self._items: dict[int, OutputItem] = {}

    def event(self, name: str, value: Any, at_ms: float) -> None:
        """Take the next event; the JSON ``type`` counts, else the name of the framing."""
        kind = value.get("type", name) if isinstance(value, dict) else None
        if not isinstance(kind, str):
            self.findings.unplaced(value)
            return
        self._follow_sequence(value.get("sequence_number"))
        if not self._dispatch(kind, value, at_ms):
            self.findings.unplaced(value)

    def ended(self) -> None:
        """Ignore ``[DONE]``, which some relays append."""

    def _follow_sequence(self, number: Any) -> None:
        if type(number) is not int:
            return
        # Events are numbered for this: so a piece that a relay dropped is known, though no text shows it.
        if self._sequence is not None and number != self._sequence + 1:
            self.findings.fault("sequence_gap")
        self._sequence = number

    def _dispatch(self, kind: str, event: dict[str, Any], at_ms: float) -> bool:
        stem, _, verb = kind.rpartition(".")
        place = PLACES.get(stem)
        if place is not None:
            return self._text(place, verb, event, at_ms)
        if kind in _LIFECYCLE or kind in _TERMINAL:
            return self._lifecycle(kind, event, at_ms)
        if kind == "error":
            return self._failure(event)
        if kind in _ASIDE or kind.startswith("response.steer."):
            self.findings.keep("_side_events", event)
            return True
        self.findings.extra_fields(event, _FIELDS)
        return self._structure(kind, event, at_ms)

    def _structure(self, kind: str, event: dict[str, Any], at_ms: float) -> bool:
        if kind == "response.output_item.added":
            return self._added(event, at_ms)
        if kind == "response.output_item.done":
            return self._done(event, at_ms)
        if kind in ("response.audio.delta", "response.audio.transcript.delta"):
            self.findings.content(at_ms)
            self.findings.keep(f"_{kind.split('.', 1)[1]}s", event.get("delta"))
            return True
        if kind in ("response.audio.done", "response.audio.transcript.done", "response.compaction.compacting"):
            return True
        if kind.endswith(".partial_image"):
            self.findings.content(at_ms)
        return self._within_item(kind, event)

    def _lifecycle(self, kind: str, event: dict[str, Any], at_ms: float) -> bool:
        response = event.get("response")
        if not isinstance(response, dict):
            return False
        self.findings.extra_fields(event, _LIFECYCLE_FIELDS)
        if self._is_another(kind, response):
            self._supersede()
        if kind in _TERMINAL:
            self._terminal = response
            output = response.get("output")
            if isinstance(output, list) and any(map(says_something, output)):
                self.findings.content(at_ms)
            return True
        self._skeleton = response
        output = response.get("output")
        for index, item in enumerate(output if isinstance(output, list) else []):
            if isinstance(item, dict):
                self._items.setdefault(index, OutputItem(item))
        return True

    def _is_another(self, kind: str, response: dict[str, Any]) -> bool:
        if self._terminal is not None:
            return True
        known = self._skeleton
        return kind == "response.created" and known is not None and known.get("id") != response.get("id")

    def _supersede(self) -> None:
        self.findings.fault("second_response")
        body = final_response(self._skeleton, self._terminal, self._items, self.findings)
        self.findings.keep("_superseded", body)
        self._begin(None)

    def _failure(self, event: dict[str, Any]) -> bool:
        """An error is flat, or nested under ``error`` (WebSocket form, relays)."""
        inner = event.get("error")
        detail = inner if isinstance(inner, dict) else event
        message = detail.get("message", inner)
        kind = detail.get("code") or (detail.get("type") if detail is not event else None)
        self.findings.fail(kind, message)
        self.findings.keep("_errors", event)
        self._error = {"code": detail.get("code") or kind, "message": message}
        return True

    def _item(self, event: dict[str, Any], kind: str = "") -> OutputItem | None:
        index = event.get("output_index")
        if type(index) is not int:
            return None
        item = self._items.get(index)
        if item is None:
            self.findings.fault("missing_item_start")
            shell = {"type": kind, "id": event.get("item_id"), "_missing_start": True}
            item = self._items[index] = OutputItem({k: v for k, v in shell.items() if v})
        return item

    def _text(self, place: ItemPlace, verb: str, event: dict[str, Any], at_ms: float) -> bool:
        item = self._item(event, place.item)
        if item is None or item.done:
            return False
        if verb == "delta":
            fits = item.grow(place, event)
        else:
            fits = verb in ("added", "done") and item.replace(place, event)
        if fits:
            if event.get("delta") or event.get(place.key):
                self.findings.content(at_ms)
            self.findings.extra_fields(event, _FIELDS)
        return fits

    def _added(self, event: dict[str, Any], at_ms: float) -> bool:
        index, item = event.get("output_index"), event.get("item")
        if type(index) is not int or not isinstance(item, dict):
            return False
        if index in self._items:
            self.findings.fault("repeated_item_start")
            self.findings.keep("_superseded_items", self._items[index].settle())
        self._items[index] = OutputItem(item)
        if says_something(item):
            self.findings.content(at_ms)
        return True

    def _done(self, event: dict[str, Any], at_ms: float) -> bool:
        index, item = event.get("output_index"), event.get("item")
        if type(index) is not int or not isinstance(item, dict):
            return False
        self._items[index] = OutputItem(item, done=True)
        if says_something(item):
            self.findings.content(at_ms)
        return True

    def _within_item(self, kind: str, event: dict[str, Any]) -> bool:
        stem, _, verb = kind.rpartition(".")
        apply = _PARTS.get(stem)
        is_state = stem.startswith("response.") and stem.endswith(("_call", "_list_tools"))
        if type(event.get("output_index")) is not int or not (apply or is_state):
            return False
        item = self._item(event, stem.removeprefix("response.") if is_state else "")
        if item is None or item.done:
            return is_state
        if apply is not None:
            return apply(item, event)
        if verb == "partial_image":
            item.value["_partial_image"] = event
        else:
            item.value["status"] = verb
        return True

    def settle(self, whole: bool) -> Settled:
        """Return the response as far as it arrived."""
        body = final_response(self._skeleton, self._terminal, self._items, self.findings)
        if self._error is not None and self._terminal is None:
            body = failed_response(body, self._error)
        response = body or {}
        check_calls(response.get("output"), self.findings, whole=self._terminal is not None)
        if response.get("status") == "failed":
            error = response.get("error")
            reported = error if isinstance(error, dict) else {"code": "failed", "message": "the response failed"}
            self.findings.fail(reported.get("code"), reported.get("message"))
        model = response.get("model")
        return Settled(
            body=self.findings.attach(body),
            usage=response_usage(response),
            response_model=model if isinstance(model, str) else None,
            stop_reason=stop_reason(response),
            complete=self._terminal is not None,
            counted=self._terminal is not None,
            answered=body is not None,
        )


_PARTS: dict[str, Callable[[OutputItem, dict[str, Any]], bool]] = {
    "response.content_part": partial(OutputItem.set_part, member="content", index="content_index"),
    "response.reasoning_part": partial(OutputItem.set_part, member="content", index="content_index"),
    "response.reasoning_summary_part": partial(OutputItem.set_part, member="summary", index="summary_index"),
    "response.output_text.annotation": OutputItem.annotate,
    "response.shell_call_output_content": OutputItem.shell_output,
}
