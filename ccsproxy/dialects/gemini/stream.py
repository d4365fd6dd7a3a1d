"""Reassembles the chunks of a Gemini stream."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.gemini.candidate import Candidate
from ccsproxy.dialects.gemini.usage import gemini_usage, merged_metadata


class GeminiReassembler:
    """Reassembles one stream of ``GenerateContentResponse``, bare or in Code Assist's ``response`` member."""

    def __init__(self, vertex: bool = False) -> None:
        """Start a stream.

        :param vertex: it is Vertex's, which numbers finish reasons otherwise.
        """
        self.findings = Findings()
        self._vertex = vertex
        self._fields: dict[str, Any] = {}
        self._wrapper: dict[str, Any] = {}
        self._wrapped = False
        self._candidates: dict[int, Candidate] = {}

    def event(self, name: str, value: Any, at_ms: float) -> None:
        """Process the next chunk, or each element of a list (an error may arrive as one)."""
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            for item in value:
                self._chunk(item, at_ms)
        elif isinstance(value, dict):
            self._chunk(value, at_ms)
        else:
            self.findings.unplaced(value)

    def ended(self) -> None:
        """Ignore ``[DONE]``, which some relays append."""

    def _chunk(self, chunk: dict[str, Any], at_ms: float) -> None:
        inner = chunk.get("response")
        if isinstance(inner, dict):
            self._wrapped = True
            self._wrapper.update({k: v for k, v in chunk.items() if k != "response" and v is not None})
            chunk = inner
        for key, value in chunk.items():
            if key == "candidates":
                self._add_candidates(value, at_ms)
            elif key == "error" and value:
                self.findings.fail(*error_of(value))
                self.findings.keep("_errors", value)
            elif key == "usageMetadata" and isinstance(value, dict) and isinstance(self._fields.get(key), dict):
                self._fields[key] = merged_metadata(self._fields[key], value)
            elif value is not None or key not in self._fields:
                self._fields[key] = value

    def _add_candidates(self, candidates: Any, at_ms: float) -> None:
        for candidate in candidates if isinstance(candidates, list) else []:
            index = candidate.get("index", 0) if isinstance(candidate, dict) else None
            if type(index) is not int:
                self.findings.unplaced({"candidates": [candidate]}, "invalid_event")
                continue
            known = self._candidates.get(index)
            if known is None:
                known = self._candidates[index] = Candidate(self.findings, self._vertex)
            known.add(candidate, at_ms)

    def settle(self, whole: bool) -> Settled:
        """Return the answer as far as it arrived."""
        order = sorted(self._candidates)
        body = dict(self._fields)
        if order:
            body["candidates"] = [self._candidates[index].settle() for index in order]
        stop = next((c.stop_reason for c in map(self._candidates.get, order) if c and c.stop_reason), None)
        blocked = body.get("promptFeedback")
        if stop is None and isinstance(blocked, dict) and isinstance(blocked.get("blockReason"), str):
            stop = blocked["blockReason"]
        # Each of several candidates has its own end.
        unfinished = any(self._candidates[index].stop_reason is None for index in order) and stop is not None
        model = body.get("modelVersion")
        usage = gemini_usage(body.get("usageMetadata"), body.get("candidates"))
        # Kept wrapped, because Code Assist's clients, and anyone who compares records, expect that form.
        if self._wrapped:
            body = {**self._wrapper, "response": body}
        return Settled(
            body=self.findings.attach(body or None),
            usage=usage,
            response_model=model if isinstance(model, str) else None,
            stop_reason=stop,
            complete=stop is not None and not unfinished and self.findings.error is None,
            counted=stop is not None and not unfinished,
            answered=bool(order) or stop is not None,
        )


def error_of(error: Any) -> tuple[Any, Any]:
    """Return kind and message of a Google error."""
    if not isinstance(error, dict):
        return None, error
    return error.get("status") or error.get("code"), error.get("message")
