"""Reassembles the events of a Gemini Interactions stream."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.gemini.stream import error_of
from ccsproxy.dialects.gemini.usage import interaction_usage
from ccsproxy.dialects.json_body import text_member

_TERMINAL = frozenset(
    {"interaction.completed", "interaction.complete", "interaction.failed", "interaction.cancelled"}
)


class InteractionsReassembler:
    """Reassembles one stream: ``interaction.completed`` carries the object; until then steps are kept as sent."""

    def __init__(self) -> None:
        self.findings = Findings()
        self._interaction: dict[str, Any] = {}
        self._steps: list[Any] = []
        self._completed = False

    def event(self, name: str, value: Any, at_ms: float) -> None:
        """Take the next event; its ``event_type`` counts, else the name of the framing."""
        kind = value.get("event_type", name) if isinstance(value, dict) else None
        if not isinstance(kind, str):
            self.findings.unplaced(value)
        elif kind in ("error", "interaction.error") or (not kind and "error" in value):
            self.findings.fail(*error_of(value.get("error")))
            self.findings.keep("_errors", value)
        elif kind.startswith("interaction."):
            self._lifecycle(kind, value)
        elif kind.startswith(("step.", "content.")):
            if _says_something(value):
                self.findings.content(at_ms)
            self._steps.append(value)
        else:
            self.findings.unplaced(value)

    def ended(self) -> None:
        """Ignore ``[DONE]``, which this dialect does not have."""

    def _lifecycle(self, kind: str, event: dict[str, Any]) -> None:
        interaction = event.get("interaction")
        if isinstance(interaction, dict):
            self._interaction.update({k: v for k, v in interaction.items() if v is not None})
        elif "status" in event:
            self._interaction["status"] = event["status"]
        self._completed = self._completed or kind in _TERMINAL
        if kind == "interaction.failed" or self._interaction.get("status") == "failed":
            self.findings.fail(
                *error_of(event.get("error") or self._interaction.get("error") or "the interaction failed")
            )

    def settle(self, whole: bool) -> Settled:
        """Return the interaction; with the events of its steps when the object did not arrive."""
        body = dict(self._interaction)
        # The object contains everything; steps are used only if it never arrived.
        if self._steps and not (self._completed and (body.get("steps") or body.get("outputs"))):
            body["_step_events"] = self._steps
        model, status = body.get("model"), body.get("status")
        return Settled(
            body=self.findings.attach(body or None),
            usage=interaction_usage(body.get("usage")),
            response_model=model if isinstance(model, str) else None,
            stop_reason=status if isinstance(status, str) and self._completed else None,
            complete=self._completed and self.findings.error is None,
            counted=self._completed,
            answered=bool(body),
        )


def whole_interaction(value: dict[str, Any], findings: Findings) -> Settled:
    """Read an interaction that was no stream; errors go to ``findings``."""
    status = text_member(value, "status")
    if status == "failed":
        findings.fail("failed", "the interaction failed")
    return Settled(
        body=value,
        usage=interaction_usage(value.get("usage")),
        response_model=text_member(value, "model"),
        stop_reason=status,
    )


def _says_something(event: dict[str, Any]) -> bool:
    """Return whether an event carries a piece of the answer, or starts a part that is content by itself."""
    parts = [event.get(key) for key in ("delta", "step", "content")]
    return any(
        bool(value) for part in parts if isinstance(part, dict) for key, value in part.items() if key not in _FORM
    )


#: Members that describe the form of a part and not its content.
_FORM = frozenset({"type", "id", "index", "status", "role", "signature", "mime_type", "object"})
