"""Reassembles the chunks of an OpenAI Chat Completions stream, and of the many compatible APIs."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.json_body import note_error
from ccsproxy.dialects.openai.chat_choice import StreamedChoice
from ccsproxy.dialects.openai.usage import chat_usage

_FIRST = frozenset({"id", "created", "model", "service_tier", "system_fingerprint"})
_LEGACY = "text_completion"
#: The finish reason of an answer that failed half-way (OpenRouter, Mistral), with or without an error object.
ENDED_BY_ERROR = "error"


class ChatReassembler:
    """Reassembles one stream of chunks (or of legacy completions)."""

    def __init__(self) -> None:
        self.findings = Findings()
        self._fields: dict[str, Any] = {}
        self._choices: dict[int, StreamedChoice] = {}
        self._object = "chat.completion"
        self._any = False
        self._done = False

    def event(self, name: str, value: Any, at_ms: float) -> None:
        """Take the next chunk."""
        if not isinstance(value, dict):
            self.findings.unplaced(value)
            return
        # Nothing is expected after [DONE]; it is kept unchanged and noted as a fault.
        if self._done:
            self.findings.fault("event_after_end")
        if not _is_chunk(value):
            self.findings.unplaced(value)
            return
        self._any = True
        for key, field in value.items():
            if key == "choices":
                self._add_choices(field, value, at_ms)
            else:
                self._field(key, field)

    def joins(self, chunk: dict[str, Any], holder: Any, key: Any) -> bool:
        """Return whether chunks that differ in one text are equivalent to one chunk with the joined text."""
        choices = chunk.get("choices")
        if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choices[0], dict) or "error" in chunk:
            return False
        index = choices[0].get("index", 0)
        known = self._choices.get(index) if type(index) is int else None
        return known is not None and holder is choices[0].get("delta") and known.joins(choices[0], key)

    def ended(self) -> None:
        """Note ``[DONE]``, which ends a complete stream."""
        self._done = True

    def _field(self, key: str, value: Any) -> None:
        if key == "object":
            self._object = _LEGACY if value == _LEGACY else self._object
        elif key == "error" and value:
            self._error(value)
        elif key == "x_groq" and isinstance(value, dict) and value.get("error"):
            self._error(value["error"])  # Groq ends streams this way when it is over capacity
        # Some servers send the usage in several chunks, the last of which may lack earlier members.
        elif key == "usage" and isinstance(value, dict) and isinstance(self._fields.get("usage"), dict):
            self._fields["usage"] = {**self._fields["usage"], **{k: v for k, v in value.items() if v is not None}}
        elif key in _FIRST:
            # Relays send empty ids and models in their first chunk, and the true ones later.
            if not self._fields.get(key):
                self._fields[key] = value
        elif key != "obfuscation" and (value is not None or key not in self._fields):
            self._fields[key] = value

    def _error(self, error: Any) -> None:
        note_error({"error": error}, self.findings)
        self.findings.keep("_errors", error)

    def _add_choices(self, choices: Any, chunk: dict[str, Any], at_ms: float) -> None:
        for position, choice in enumerate(choices if isinstance(choices, list) else []):
            if not isinstance(choice, dict):
                self.findings.unplaced({"choices": [choice]}, "invalid_event")
                continue
            index = choice.get("index", position)
            if type(index) is not int:
                self.findings.unplaced({"choices": [choice]}, "invalid_event")
                continue
            known = self._choices.get(index)
            if known is None:
                known = self._choices[index] = StreamedChoice(self.findings, chunk.get("object") == _LEGACY)
            known.add(choice, at_ms)

    def settle(self, whole: bool) -> Settled:
        """Return the completion as far as it arrived."""
        order = sorted(self._choices)
        finished = bool(order) and all(self._choices[index].finished for index in order)
        if any(self._choices[index].stop_reason == ENDED_BY_ERROR for index in order):
            self.findings.fail(ENDED_BY_ERROR, "the model ended with an error")
        choices = [self._choices[i].settle(i, whole=self._choices[i].stop_reason not in _CUT) for i in order]
        body: dict[str, Any] | None = None
        if self._any:
            body = {**self._fields, "object": self._object, "choices": choices}
        model = self._fields.get("model")
        return Settled(
            body=self.findings.attach(body),
            usage=chat_usage(body),
            response_model=model if isinstance(model, str) and model else None,
            stop_reason=self._choices[order[0]].stop_reason if order else None,
            # Many servers omit [DONE]: a stream that ended by its framing with all choices finished is complete too.
            complete=self.findings.error is None and bool(order) and (self._done or (whole and finished)),
            counted=self._done or finished,
            answered=bool(order),
        )


#: Finish reasons, or the lack of one, with which tool arguments may end anywhere.
_CUT = frozenset({None, "length", "max_tokens", ENDED_BY_ERROR, "content_filter"})


def _is_chunk(value: dict[str, Any]) -> bool:
    return not _KNOWN.isdisjoint(value)


_KNOWN = frozenset({"choices", "error", "usage", "id", "object", "model"})
