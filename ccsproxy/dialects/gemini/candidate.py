"""One candidate of a Gemini answer, growing by its chunks."""

from typing import Any, TypeGuard

from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.gemini.call import PartialCall
from ccsproxy.dialects.gemini.finish import finish_word
from ccsproxy.dialects.growing import GrowingStrings

#: A part with only these members and empty text has no content yet.
_SILENT = frozenset({"text", "thought", "thoughtSignature"})


class Candidate:
    """A candidate and the parts that arrived for it."""

    def __init__(self, findings: Findings, vertex: bool = False) -> None:
        self._vertex = vertex
        self._findings = findings
        self._strings = GrowingStrings()
        self._fields: dict[str, Any] = {}
        self._content: dict[str, Any] = {}
        self._parts: list[Any] = []
        self._open: PartialCall | None = None
        self._open_part: dict[str, Any] = {}
        self._calls: list[PartialCall] = []
        self._seen: dict[str, set[str]] = {}

    @property
    def stop_reason(self) -> str | None:
        """The finish reason; None while there is none."""
        return finish_word(self._fields.get("finishReason"), self._vertex)

    def add(self, chunk: dict[str, Any], at_ms: float) -> None:
        """Apply the part of a chunk that belongs to this candidate."""
        for key, value in chunk.items():
            if key == "content" and isinstance(value, dict):
                self._add_content(value, at_ms)
            elif key == "citationMetadata":
                self._merge_lists(key, value)
            elif value is not None or key not in self._fields:
                self._fields[key] = value

    def _add_content(self, content: dict[str, Any], at_ms: float) -> None:
        for key, value in content.items():
            if key != "parts":
                self._content[key] = value
        parts = content.get("parts")
        for part in parts if isinstance(parts, list) else []:
            if isinstance(part, dict):
                self._part(part, at_ms)
            else:
                self._findings.fault("invalid_event")
                self._parts.append(part)

    def _merge_lists(self, key: str, value: Any) -> None:
        known = self._fields.get(key)
        if not isinstance(known, dict) or not isinstance(value, dict):
            self._fields[key] = value if value is not None else known
            return
        for name, entries in value.items():
            if isinstance(known.get(name), list) and isinstance(entries, list):
                self._extend_once(name, known[name], entries)
            else:
                known[name] = entries

    def _extend_once(self, name: str, known: list[Any], entries: list[Any]) -> None:
        """Append the new entries to a list; some servers repeat all entries in every chunk."""
        seen = self._seen.get(name)
        if seen is None:
            seen = self._seen[name] = {repr(entry) for entry in known}
        for entry in entries:
            if (key := repr(entry)) not in seen:
                seen.add(key)
                known.append(entry)

    def _part(self, part: dict[str, Any], at_ms: float) -> None:
        if "functionCall" in part and isinstance(part["functionCall"], dict):
            self._call(part, part["functionCall"])
            self._findings.content(at_ms)
            return
        if part.get("text") or not part.keys() <= _SILENT:
            self._findings.content(at_ms)
        last = self._parts[-1] if self._parts else None
        # A part with a signature is kept separate, because the signature must be sent back with exactly that part.
        if is_plain(part) and is_plain(last) and last.get("thought") == part.get("thought"):
            self._strings.append(last, "text", part["text"])
        else:
            self._parts.append(part)

    def _call(self, part: dict[str, Any], call: dict[str, Any]) -> None:
        continues = call.get("willContinue") is True
        # The later pieces of a call have no name; a piece with a name starts another call.
        if self._open is not None and not call.get("name"):
            self._open.add(call.get("partialArgs"))
            self._take_rest(part, call)
            if not continues:
                self._open = None
            return
        self._parts.append(part)
        self._open = None
        if continues or "partialArgs" in call:
            part["functionCall"] = {k: v for k, v in call.items() if k not in ("partialArgs", "willContinue")}
            partial = PartialCall(part, self._findings)
            partial.add(call.get("partialArgs"))
            self._calls.append(partial)
            self._open_part = part
            self._open = partial if continues else None

    def _take_rest(self, part: dict[str, Any], call: dict[str, Any]) -> None:
        """Keep the other members of a later piece of a call: a signature, an id, unknown members."""
        self._open_part.update({k: v for k, v in part.items() if k != "functionCall"})
        rest = {k: v for k, v in call.items() if k not in ("partialArgs", "willContinue") and v is not None}
        self._open_part["functionCall"].update(rest)

    def settle(self) -> dict[str, Any]:
        """Return the candidate as the non-streaming API has it."""
        if self._open is not None:
            self._findings.fault("partial_tool_json")
        for call in self._calls:
            call.settle()
        self._strings.settle()
        if self._parts:
            self._content["parts"] = self._parts
        content = {"content": self._content} if self._content else {}
        return {**content, **self._fields}


def is_plain(part: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a part is nothing but text, or thought: only such neighbours may be joined."""
    return isinstance(part, dict) and isinstance(part.get("text"), str) and part.keys() <= {"text", "thought"}
