"""Puts the events of a Gemini Interactions stream together."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.gemini.stream import error_of
from ccsproxy.dialects.usage import count
from ccsproxy.exchange.usage import Usage


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
        elif kind == "error" or kind == "interaction.error":
            self.findings.fail(*error_of(value.get("error")))
            self.findings.keep("_errors", value)
        elif kind.startswith("interaction."):
            self._lifecycle(kind, value)
        elif kind.startswith(("step.", "content.")):
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
        self._completed = self._completed or kind in ("interaction.completed", "interaction.complete")

    def settle(self, whole: bool) -> Settled:
        """Return the interaction; with the events of its steps when the object did not arrive."""
        body = dict(self._interaction)
        if self._steps and not (self._completed and (body.get("steps") or body.get("outputs"))):
            body["_step_events"] = self._steps
        model, status = body.get("model"), body.get("status")
        return Settled(
            body=self.findings.attach(body or None),
            usage=interaction_usage(body.get("usage")),
            response_model=model if isinstance(model, str) else None,
            stop_reason=status if isinstance(status, str) and self._completed else None,
            complete=self._completed and self.findings.error is None,
        )


def interaction_usage(raw: Any) -> Usage | None:
    """Map the usage of an interaction: the input includes the cached part, the output excludes the thoughts."""
    if not isinstance(raw, dict):
        return None
    total, cached = count(raw.get("total_input_tokens")), count(raw.get("total_cached_tokens"))
    output, thoughts = count(raw.get("total_output_tokens")), count(raw.get("total_thought_tokens"))
    fresh = None if total is None else total - (cached or 0)
    return Usage(
        input_tokens=fresh if fresh is None or fresh >= 0 else None,
        output_tokens=None if output is None else output + (thoughts or 0),
        cache_read_input_tokens=cached,
        reasoning_tokens=thoughts,
        raw=raw,
    )
