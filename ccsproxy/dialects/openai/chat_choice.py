"""One choice of a Chat Completions stream, growing by its chunks."""

from typing import Any

from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.growing import GrowingStrings, extend
from ccsproxy.dialects.json_body import note_error, word_member
from ccsproxy.dialects.openai.chat_content import ContentParts, holds_text
from ccsproxy.dialects.openai.chat_extras import VENDOR_CONTENT, VENDOR_MEMBERS, Extras
from ccsproxy.dialects.openai.chat_tool_calls import ToolCalls, grow_call, set_once
from ccsproxy.dialects.tool_json import check_arguments

#: Members of a delta that are pieces of one text.
TEXTS = frozenset({"content", "refusal", "reasoning", "reasoning_content", "reasoning_text", "thinking"})
_LISTS = frozenset({"annotations", "images"})
_ONCE = frozenset({"role", "reasoning_opaque", "id", "name", "type"})
_DETAIL_TEXTS = frozenset({"text", "summary", "data"})


class StreamedChoice:
    """A choice and the pieces that arrived for it."""

    def __init__(self, findings: Findings, legacy: bool) -> None:
        self._findings = findings
        self._strings = GrowingStrings()
        self._fields: dict[str, Any] = {}
        self._message: dict[str, Any] = {}
        self._legacy = legacy
        self._calls: ToolCalls | None = None
        self._parts: ContentParts | None = None
        self._others: Extras | None = None
        self._details: dict[Any, dict[str, Any]] = {}

    @property
    def finished(self) -> bool:
        """Whether a finish reason arrived."""
        return bool(self._fields.get("finish_reason"))

    @property
    def stop_reason(self) -> str | None:
        """The finish reason; None while there is none."""
        return word_member(self._fields, "finish_reason")

    def add(self, chunk: dict[str, Any], at_ms: float) -> None:
        """Apply the part of a chunk that belongs to this choice."""
        for key, value in chunk.items():
            if key == "delta" or (key == "message" and "delta" not in chunk):
                self._delta(value, at_ms)
            elif key == "text" and isinstance(value, str):
                self._legacy = True
                self._strings.append(self._fields, "text", value)
                self._noticed(value, at_ms)
            elif key == "logprobs" and isinstance(value, dict):
                self._logprobs(value)
            elif key == "message":
                self._fields["_message"] = value
            elif key == "error" and value:
                note_error({"error": value}, self._findings)
                self._fields[key] = value
            elif key != "index" and (value is not None or key not in self._fields):
                self._merge(key, value)

    def joins(self, chunk: dict[str, Any], key: Any) -> bool:
        """Return whether deltas that differ in this member are equivalent to one with the joined value."""
        if key not in TEXTS or (key == "content" and self._parts is not None) or chunk.get("logprobs") is not None:
            return False
        return "text" not in chunk and all(name == key or value is None for name, value in chunk["delta"].items())

    def _merge(self, key: str, value: Any) -> None:
        """Later values win; of objects (content filter results) member by member."""
        known = self._fields.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            known.update(value)
        else:
            self._fields[key] = value

    def _noticed(self, value: Any, at_ms: float) -> None:
        if value:
            self._findings.content(at_ms)

    def _logprobs(self, value: dict[str, Any]) -> None:
        known = self._fields.get("logprobs")
        if not isinstance(known, dict):
            self._fields["logprobs"] = value
            return
        for key, entries in value.items():
            if isinstance(entries, list) and isinstance(known.get(key), list):
                known[key].extend(entries)
            elif entries is not None:
                known[key] = entries

    def _delta(self, delta: Any, at_ms: float) -> None:
        if not isinstance(delta, dict):
            if delta is not None:
                self._findings.unplaced({"delta": delta}, "invalid_event")
            return
        for key, value in delta.items():
            if key in TEXTS and isinstance(value, str) and (key != "content" or self._parts is None):
                self._strings.append(self._message, key, value)
                self._noticed(value, at_ms)
            elif value is None:
                self._message.setdefault(key, None)
            else:
                self._rare(key, value, at_ms)

    def _rare(self, key: str, value: Any, at_ms: float) -> None:
        message = self._message
        if key == "tool_calls":
            self._tool_calls().add(value, at_ms)
        elif key == "function_call" and isinstance(value, dict):
            if not isinstance(message.get(key), dict):
                message[key] = {}
            grow_call(message[key], value, "arguments", self._strings, self._findings)
            self._noticed(any(value.values()), at_ms)
        elif key == "content" and isinstance(value, (list, str)):
            self._content_parts().add(value)
            self._noticed(holds_text(value), at_ms)
        elif key == "reasoning_details" and isinstance(value, list):
            self._reasoning_details(value)
            self._noticed(any(map(_thinks, value)), at_ms)
        elif key == "audio" and isinstance(value, dict):
            self._audio(value, at_ms)
        elif key in _LISTS and isinstance(value, list) and extend(message, key, value):
            self._noticed(value, at_ms)
        elif key in _ONCE:
            set_once(message, key, value, self._findings)
        elif key in VENDOR_MEMBERS:
            self._extras().add(key, value)
            self._noticed(key in VENDOR_CONTENT and value, at_ms)
        elif key != "obfuscation":
            self._findings.fault("unknown_delta")
            self._extras().add(key, value)

    def _tool_calls(self) -> ToolCalls:
        if self._calls is None:
            self._calls = ToolCalls(self._strings, self._findings)
        return self._calls

    def _extras(self) -> Extras:
        if self._others is None:
            self._others = Extras(self._message, self._strings)
        return self._others

    def _content_parts(self) -> ContentParts:
        if self._parts is None:
            # The text so far becomes the first part, because some servers change from a string to parts.
            self._strings.settle()
            self._parts = ContentParts(self._strings)
            before = self._message.get("content")
            if isinstance(before, str) and before:
                self._parts.add(before)
        return self._parts

    def _audio(self, value: dict[str, Any], at_ms: float) -> None:
        if not isinstance(self._message.get("audio"), dict):
            self._message["audio"] = {}
        audio = self._message["audio"]
        for key, piece in value.items():
            if key in ("data", "transcript") and isinstance(piece, str):
                self._strings.append(audio, key, piece)
                self._noticed(piece, at_ms)
            elif piece is not None:
                audio[key] = piece

    def _reasoning_details(self, details: list[Any]) -> None:
        """Entries grow by ``index``; their texts concatenate, everything else is assigned (OpenRouter)."""
        for position, entry in enumerate(details):
            if not isinstance(entry, dict):
                self._findings.unplaced({"reasoning_details": entry}, "invalid_event")
                continue
            # Entries without an index are those of the chunk before, in the same order.
            index = entry.get("index", position)
            known = self._details.setdefault(index if isinstance(index, (int, str)) else repr(index), {})
            for key, value in entry.items():
                if key in _DETAIL_TEXTS and isinstance(value, str):
                    self._strings.append(known, key, value)
                elif value is not None or key not in known:
                    known[key] = value

    def settle(self, index: int, *, whole: bool) -> dict[str, Any]:
        """Return the choice as the non-streaming API has it."""
        if self._others is not None:
            self._others.settle()
        self._strings.settle()
        if self._parts is not None:
            self._message["content"] = self._parts.parts
        if self._details:
            self._message["reasoning_details"] = list(self._details.values())
        if self._calls is not None:
            self._message["tool_calls"] = self._calls.settle()
            self._calls.check(whole=whole)
        call = self._message.get("function_call")
        if isinstance(call, dict):
            check_arguments(call.get("arguments"), self._findings, whole=whole)
        # A completion of the older API has its text next to `index` and no message.
        if self._legacy and not self._message:
            return {"index": index, **self._fields}
        return {"index": index, "message": self._message, **self._fields}


def _thinks(detail: Any) -> bool:
    """Whether an entry of ``reasoning_details`` holds a piece of a thought."""
    return isinstance(detail, dict) and any(detail.get(key) for key in _DETAIL_TEXTS)
