"""Mistral's conversations and agents (``/v1/conversations``): reassembles the events of a stream.

Source: Mistral's API reference, "Beta Conversations": an answer is an object ``conversation.response`` with a list of
``outputs``; a stream begins with ``conversation.response.started`` and ends with ``conversation.response.done``,
which carries the counts.
"""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.facts import Facts
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.growing import joined
from ccsproxy.dialects.json_body import text_member
from ccsproxy.dialects.openai.usage import openai_usage
from ccsproxy.dialects.route import split_target

#: The member that an event extends, by the first part of its type.
_ENTRIES = {
    "message.output": "message.output",
    "function.call": "function.call",
    "tool.execution": "tool.execution",
    "agent.handoff": "agent.handoff",
}
#: Members of an event that place it, or that grow.
_PLACING = frozenset({"type", "output_index", "content_index", "content", "arguments", "created_at"})


def is_conversation(facts: Facts) -> bool:
    """Return whether a request starts or continues a conversation of Mistral's."""
    path = split_target(facts.method, facts.target)
    return (
        path.method == "POST" and "conversations" in path.segments[-3:] and facts.request_member("inputs") is not None
    )


class ConversationReassembler:
    """Reassembles one stream.

    Until ``conversation.response.done`` has arrived, the answer is incomplete, whatever its framing says.
    """

    def __init__(self) -> None:
        self.findings = Findings()
        self._body: dict[str, Any] = {"object": "conversation.response"}
        self._entries: dict[tuple[Any, Any], dict[str, Any]] = {}
        self._texts: dict[tuple[Any, Any], dict[str, list[str]]] = {}
        self._chunks: dict[tuple[Any, Any], list[Any]] = {}
        self._done = self._any = False

    def event(self, name: str, value: Any, at_ms: float) -> None:
        """Take the next event."""
        kind = (text_member(value, "type") or name) if isinstance(value, dict) else ""
        entry = _ENTRIES.get(kind.rpartition(".")[0])
        if not isinstance(value, dict) or not kind:
            self.findings.unplaced(value)
        elif kind.startswith("conversation.response."):
            self._lifecycle(kind.rpartition(".")[2], value)
        elif entry is not None:
            self._any = True
            self._add(entry, value, at_ms)
        else:
            self.findings.unplaced(value)

    def ended(self) -> None:
        """Ignore ``[DONE]``, which adds nothing to the last event."""

    def _lifecycle(self, what: str, event: dict[str, Any]) -> None:
        self._any = True
        if isinstance(event.get("conversation_id"), str):
            self._body["conversation_id"] = event["conversation_id"]
        if what == "error":
            self.findings.fail(str(event.get("code") or "error"), event.get("message"))
        elif what == "done":
            self._done = True
            self._body["usage"] = event.get("usage")

    def _add(self, kind: str, event: dict[str, Any], at_ms: float) -> None:
        place = event.get("output_index"), event.get("id")
        entry = self._entries.setdefault(place, {"object": "entry", "type": kind})
        entry.update({key: value for key, value in event.items() if key not in _PLACING and value is not None})
        content, arguments = event.get("content"), event.get("arguments")
        if content not in (None, "") or arguments not in (None, ""):
            self.findings.content(at_ms)
        if isinstance(arguments, str):
            self._texts.setdefault(place, {}).setdefault("arguments", []).append(arguments)
        elif arguments is not None:
            entry["arguments"] = arguments
        if isinstance(content, str):
            self._text(place, content)
        elif isinstance(content, dict):
            self._chunk(place, content)

    def _text(self, place: tuple[Any, Any], piece: str) -> None:
        chunks = self._chunks.setdefault(place, [])
        if not chunks or not isinstance(chunks[-1], list):
            chunks.append([])
        chunks[-1].append(piece)

    def _chunk(self, place: tuple[Any, Any], chunk: dict[str, Any]) -> None:
        """Add a part of an answer that is not text; text continues the previous part."""
        if chunk.get("type") == "text" and isinstance(chunk.get("text"), str):
            self._text(place, chunk["text"])
        else:
            self._chunks.setdefault(place, []).append(chunk)

    def settle(self, whole: bool) -> Settled:
        """Return the answer as far as it arrived.

        :param whole: the body arrived to its end; ignored, because the last event decides.
        """
        outputs = [self._settled(place, entry) for place, entry in self._entries.items()]
        body = {**self._body, "outputs": outputs} if self._any else None
        usage = self._body.get("usage")
        models = [entry["model"] for entry in outputs if isinstance(entry.get("model"), str)]
        return Settled(
            body=self.findings.attach(body),
            usage=openai_usage(usage) if isinstance(usage, dict) else None,
            response_model=models[-1] if models else None,
            complete=self._done and self.findings.error is None,
            counted=self._done,
            answered=self._any,
        )

    def _settled(self, place: tuple[Any, Any], entry: dict[str, Any]) -> dict[str, Any]:
        for key, pieces in self._texts.get(place, {}).items():
            entry[key] = joined(pieces)
        chunks = [
            {"type": "text", "text": joined(each)} if isinstance(each, list) else each
            for each in self._chunks.get(place, [])
        ]
        if chunks:
            only_text = len(chunks) == 1 and chunks[0].get("type") == "text"
            entry["content"] = chunks[0]["text"] if only_text else chunks
        return entry
