"""OpenAI Responses, also as served by Azure, ChatGPT's Codex backend and relays."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.facts import NOTHING, Facts
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.json_body import member, note_error, text_member
from ccsproxy.dialects.openai.responses_result import check_calls, stop_reason
from ccsproxy.dialects.openai.responses_stream import ResponsesReassembler
from ccsproxy.dialects.openai.usage import response_usage
from ccsproxy.dialects.protocol import Reassembler
from ccsproxy.dialects.route import Path, Routed
from ccsproxy.exchange.outcome import Category

#: Every event of a stream has one of these members besides its type.
_MEMBERS = frozenset({"response", "sequence_number", "output_index", "item_id", "item", "delta", "part"})
_RESPONSE = frozenset({"output", "status", "usage"})


class OpenAIResponses:
    """OpenAI's Responses API, streamed or not."""

    name = "openai_responses"
    family = frozenset({"codex"})
    line_stream = False
    streams_unasked = False
    array_stream = False

    def route(self, facts: Facts, path: Path) -> Routed | None:
        """Recognise ``/responses`` and its subpaths.

        Fetching a stored response is not a model call: its tokens were counted when it was created.
        """
        if path.ends("responses") or path.ends("responses", "compact"):
            return Routed(Category.MODEL if path.method == "POST" else Category.OTHER)
        # Counting calls no model, and would be priced as if it had.
        if path.ends("responses", "input_tokens"):
            return Routed(Category.COUNT_TOKENS)
        if "responses" in path.segments[-3:-1] and path.segments[-1] not in ("chat", "messages"):
            return Routed(Category.OTHER)
        return None

    def recognises(self, value: Any) -> bool:
        """Whether a value is one of the stream's events or a response object."""
        kind = member(value, "type")
        if isinstance(kind, str) and kind.startswith("response."):
            return not _MEMBERS.isdisjoint(value)
        return member(value, "object") == "response" and not _RESPONSE.isdisjoint(value)

    def reassembler(self, facts: Facts) -> Reassembler:
        """Make the reassembler for a stream."""
        return ResponsesReassembler()

    def whole(self, value: Any, findings: Findings, facts: Facts = NOTHING) -> Settled:
        """Read a response object or an error."""
        note_error(value, findings)
        if member(value, "status") == "failed":
            findings.fail("failed", "the response failed")
        kind, output = text_member(value, "object"), member(value, "output")
        check_calls(member(value, "output"), findings, whole=member(value, "status") == "completed")
        return Settled(
            body=value,
            usage=response_usage(value),
            response_model=text_member(value, "model"),
            stop_reason=stop_reason(value) if isinstance(value, dict) else None,
            answered=isinstance(output, list) or (kind or "").startswith("response"),
        )
