"""One content block of an Anthropic message, growing by its deltas."""

from typing import Any

from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.growing import GrowingStrings, extend, joined
from ccsproxy.dialects.tool_json import tool_input

_TEXT = {"text_delta": "text", "thinking_delta": "thinking"}
_OPENS: dict[str, dict[str, Any]] = {
    "text_delta": {"type": "text", "text": ""},
    "citations_delta": {"type": "text", "text": ""},
    "thinking_delta": {"type": "thinking", "thinking": ""},
    "signature_delta": {"type": "thinking", "thinking": ""},
    "input_json_delta": {"type": "tool_use", "input": {}},
    "compaction_delta": {"type": "compaction"},
}
# estimated_tokens is a running display count of the thinking so far, which the finished block does not have.
_FIELDS = frozenset({"type", "text", "thinking", "partial_json", "signature", "citation", "estimated_tokens"})


def missing_block(delta: dict[str, Any]) -> dict[str, Any]:
    """Make the block that a delta without a ``content_block_start`` must belong to, marked as such."""
    kind = delta.get("type")
    shape = _OPENS.get(kind, {}) if isinstance(kind, str) else {}
    return {**shape, "_missing_start": True}


def has_content(block: dict[str, Any]) -> bool:
    """Whether the start of a block is content by itself: all but empty texts and thoughts are."""
    kind = block.get("type")
    return kind not in ("text", "thinking") or bool(block.get(kind))


class StreamedBlock:
    """A content block and the pieces that arrived for it.

    :ivar value: the block as JSON; complete after `settle`.
    :ivar stopped: its ``content_block_stop`` was seen.
    """

    __slots__ = ("_findings", "_json", "_strings", "stopped", "value")

    def __init__(self, value: dict[str, Any], strings: GrowingStrings, findings: Findings) -> None:
        self.value = value
        self.stopped = False
        self._strings = strings
        self._findings = findings
        self._json: list[str] | None = None

    def delta(self, delta: dict[str, Any], at_ms: float) -> None:
        """Apply one delta event to the block."""
        kind = delta.get("type")
        key = _TEXT.get(kind) if isinstance(kind, str) else None
        if key is not None and isinstance(piece := delta.get(key), str) and isinstance(self.value.get(key, ""), str):
            self._strings.append(self.value, key, piece)
        elif kind == "input_json_delta" and isinstance(piece := delta.get("partial_json"), str):
            if self._json is None:
                self._json = []
            self._json.append(piece)
        else:
            self._rare(kind, delta)
            return
        if piece:
            self._findings.content(at_ms)
        if len(delta) > 2:
            self._extra(delta)

    def joins(self, delta: dict[str, Any], key: Any) -> bool:
        """Return whether deltas that differ in this member are equivalent to one with the joined value."""
        kind = delta.get("type")
        if len(delta) != 2 or not isinstance(kind, str):
            return False
        if kind == "input_json_delta":
            return bool(key == "partial_json")
        return key == _TEXT.get(kind) and isinstance(self.value.get(key, ""), str)

    def _rare(self, kind: Any, delta: dict[str, Any]) -> None:
        if kind == "signature_delta" and "signature" in delta:
            self._strings.assign(self.value, "signature", delta["signature"])
        elif kind == "citations_delta" and extend(self.value, "citations", [delta.get("citation")]):
            pass
        elif kind == "compaction_delta":
            for key, value in delta.items():
                if key != "type":
                    self._strings.assign(self.value, key, value)
            return
        else:
            self._unknown(delta)
            return
        self._extra(delta)

    def _unknown(self, delta: dict[str, Any]) -> None:
        """Append strings to equally named strings of the block; keep other deltas unchanged."""
        self._findings.fault("unknown_delta")
        known = {k for k, v in delta.items() if isinstance(v, str) and isinstance(self.value.get(k), str)} - {"type"}
        for key in known:
            self._strings.append(self.value, key, delta[key])
        rest = {k: v for k, v in delta.items() if k not in known}
        if set(rest) != {"type"} or not known:
            self.value.setdefault("_unparsed_deltas", []).append(rest)

    def _extra(self, delta: dict[str, Any]) -> None:
        extra = {k: v for k, v in delta.items() if k not in _FIELDS}
        if extra:
            self._findings.fault("unknown_field")
            self.value.setdefault("_delta_fields", []).append(extra)

    def settle(self) -> None:
        """Parse the tool input, once; the caller settles the strings."""
        if self._json is None:
            return
        tool_input(self.value, "input", joined(self._json), self._findings, whole=self.stopped)
