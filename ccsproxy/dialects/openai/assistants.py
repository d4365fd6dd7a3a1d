"""OpenAI Assistants: runs of a thread, streamed as the objects that they change."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.facts import NOTHING, Facts
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.json_body import member, note_error, text_member
from ccsproxy.dialects.openai.assistants_stream import AssistantsReassembler, note_failure
from ccsproxy.dialects.openai.usage import openai_usage
from ccsproxy.dialects.protocol import Reassembler
from ccsproxy.dialects.route import Path, Routed
from ccsproxy.exchange.outcome import Category


class Assistants:
    """The runs of the Assistants API; its other objects are stored ones, and no calls of a model."""

    name = "openai_assistants"
    family = frozenset({"codex"})
    line_stream = False
    streams_unasked = False
    array_stream = False

    def route(self, facts: Facts, path: Path) -> Routed | None:
        """Recognise everything below ``/threads``; creating or continuing a run calls a model."""
        if "threads" not in path.segments[-5:]:
            return None
        # The outputs of tools let a run go on, and are answered as the run itself is; fetching one calls no model.
        begins = path.last in ("runs", "submit_tool_outputs") and path.method == "POST"
        return Routed(Category.MODEL if begins else Category.OTHER)

    def recognises(self, value: Any) -> bool:
        """Whether a value is one of the API's objects."""
        kind = member(value, "object")
        return isinstance(kind, str) and kind.startswith("thread") and isinstance(member(value, "id"), str)

    def reassembler(self, facts: Facts) -> Reassembler:
        """Make the reassembler for a stream."""
        return AssistantsReassembler()

    def whole(self, value: Any, findings: Findings, facts: Facts = NOTHING) -> Settled:
        """Decode an object or an error; a run that has just started has no counts yet."""
        note_error(value, findings)
        if member(value, "object") == "thread.run":
            note_failure(value, findings)
        return Settled(
            body=value,
            usage=openai_usage(member(value, "usage")),
            response_model=text_member(value, "model"),
            stop_reason=text_member(value, "status"),
            answered=(text_member(value, "object") or "").startswith("thread"),
        )
