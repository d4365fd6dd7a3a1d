"""Reassembles the events of an Assistants stream, each of which carries a complete object or a delta of one."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.growing import GrowingStrings
from ccsproxy.dialects.json_body import member, text_member
from ccsproxy.dialects.openai.usage import openai_usage

_OVER = frozenset({"completed", "failed", "cancelled", "expired", "incomplete", "requires_action"})
_FAILED = frozenset({"failed", "expired"})


def note_failure(run: dict[str, Any], findings: Findings) -> None:
    """Give the error of a run that failed to ``findings``."""
    status = run.get("status")
    if status in _FAILED:
        error = run.get("last_error")
        findings.fail(member(error, "code") or status, member(error, "message") or f"the run has {status}")


class AssistantsReassembler:
    """Reassembles one stream into the run, together with the messages and steps that it created."""

    def __init__(self) -> None:
        self.findings = Findings()
        self._strings = GrowingStrings()
        self._run: dict[str, Any] = {}
        self._objects: dict[str, dict[str, dict[str, Any]]] = {"thread.message": {}, "thread.run.step": {}}
        self._done = False

    def event(self, name: str, value: Any, at_ms: float) -> None:
        """Process the next event; the object identifies itself, the event name only states what happened to it."""
        kind = text_member(value, "object") or ""
        if name == "error":
            error = member(value, "error")
            detail = error if isinstance(error, dict) else value
            self.findings.fail(member(detail, "code") or member(detail, "type"), member(detail, "message"))
            self.findings.keep("_errors", value)
        elif kind == "thread.run":
            # Merged, because a later event of the run may omit members of an earlier one.
            self._run = {**self._run, **value}
        elif kind == "thread":
            self.findings.keep("_thread", value)
        elif kind in self._objects:
            self._objects[kind][str(value.get("id"))] = value
        elif kind.endswith(".delta") and kind.removesuffix(".delta") in self._objects:
            self._delta(kind.removesuffix(".delta"), value, at_ms)
        else:
            self.findings.unplaced(value)

    def ended(self) -> None:
        """Note the ``[DONE]`` of the stream."""
        self._done = True

    def _delta(self, kind: str, event: dict[str, Any], at_ms: float) -> None:
        self.findings.content(at_ms)
        key = str(event.get("id"))
        known = self._objects[kind].setdefault(key, {"object": kind, "id": event.get("id"), "content": []})
        delta = event.get("delta")
        for name, value in delta.items() if isinstance(delta, dict) else ():
            if name == "content" and isinstance(value, list) and isinstance(known.get("content"), list):
                self._parts(known["content"], value)
            else:
                known[name] = value

    def _parts(self, known: list[Any], deltas: list[Any]) -> None:
        for delta in deltas:
            index = member(delta, "index")
            # An index one past the end starts a part; a larger one would skip parts that were never announced.
            if type(index) is not int or not 0 <= index <= len(known):
                self.findings.unplaced({"content": [delta]}, "invalid_event")
                continue
            if index == len(known):
                # Its text arrives as pieces, the first of which is in this same delta.
                known.append({key: value for key, value in delta.items() if key not in ("index", "text")})
            text, holder = member(delta, "text"), known[index]
            if isinstance(text, dict) and isinstance(holder, dict):
                self._text(holder.setdefault("text", {"value": "", "annotations": []}), text)

    def _text(self, holder: Any, text: dict[str, Any]) -> None:
        if not isinstance(holder, dict):
            return
        if isinstance(text.get("value"), str):
            self._strings.append(holder, "value", text["value"])
        annotations = text.get("annotations")
        if isinstance(annotations, list) and isinstance(holder.setdefault("annotations", []), list):
            holder["annotations"] += annotations

    def settle(self, whole: bool) -> Settled:
        """Return the run as far as it arrived."""
        self._strings.settle()
        body = dict(self._run)
        for kind, objects in self._objects.items():
            if objects:
                body[f"_{kind.rpartition('.')[2]}s"] = list(objects.values())
        note_failure(body, self.findings)
        over = self._run.get("status") in _OVER
        return Settled(
            body=self.findings.attach(body or None),
            usage=openai_usage(self._run.get("usage")),
            response_model=text_member(body, "model"),
            stop_reason=text_member(body, "status"),
            complete=(over or self._done) and self.findings.error is None,
            counted=over,
            answered=bool(body),
        )
