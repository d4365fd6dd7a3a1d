"""The tool calls of one Chat Completions choice, growing by their deltas."""

from typing import Any

from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.growing import GrowingStrings
from ccsproxy.dialects.tool_json import check_arguments

#: The member of a call that holds its details, and the string in it that grows.
_DETAILS = {"function": "arguments", "custom": "input"}


class ToolCalls:
    """Tool calls in the order of their index; those without one are told apart by their id, then by position."""

    def __init__(self, strings: GrowingStrings, findings: Findings) -> None:
        self._strings = strings
        self._findings = findings
        self._calls: list[tuple[int, int, dict[str, Any]]] = []
        self._newest: dict[int, dict[str, Any]] = {}
        self._by_id: dict[str, dict[str, Any]] = {}

    def add(self, deltas: Any, at_ms: float) -> None:
        """Apply the ``tool_calls`` of one delta."""
        for delta in deltas if isinstance(deltas, list) else [deltas]:
            if isinstance(delta, dict):
                self._grow(self._find(delta), delta)
                self._findings.content(at_ms)
            elif delta is not None:
                self._findings.unplaced({"tool_calls": delta}, "invalid_event")

    def _find(self, delta: dict[str, Any]) -> dict[str, Any]:
        index, call_id = delta.get("index"), delta.get("id")
        if type(index) is not int:
            return self._find_by_id(call_id)
        call = self._newest.get(index)
        if call is None:
            return self._new(index)
        if call_id and call.get("id") and call["id"] != call_id:
            self._findings.fault("tool_index_reused")
            return self._new(index)
        return call

    def _find_by_id(self, call_id: Any) -> dict[str, Any]:
        if not call_id and self._calls:
            return self._calls[-1][2]
        key = call_id if isinstance(call_id, str) else repr(call_id)
        call = self._by_id.get(key)
        if call is None:
            call = self._by_id[key] = self._new(len(self._calls))
        return call

    def _new(self, index: int) -> dict[str, Any]:
        call: dict[str, Any] = {}
        self._calls.append((index, len(self._calls), call))
        self._newest[index] = call
        return call

    def _grow(self, call: dict[str, Any], delta: dict[str, Any]) -> None:
        for key, value in delta.items():
            grows = _DETAILS.get(key)
            if grows is not None and isinstance(value, dict):
                grow_call(call.setdefault(key, {}), value, grows, self._strings, self._findings)
            elif key != "index" and value is not None and (value or key not in call):
                set_once(call, key, value, self._findings)

    def settle(self) -> list[dict[str, Any]]:
        """Return the calls in order; the strings are settled by their owner."""
        return [call for _, _, call in sorted(self._calls, key=lambda entry: entry[:2])]

    def check(self, *, whole: bool) -> None:
        """Note arguments that are no JSON; called after the strings were settled."""
        for _, _, call in self._calls:
            function = call.get("function")
            if isinstance(function, dict):
                check_arguments(function.get("arguments"), self._findings, whole=whole)


def grow_call(
    call: dict[str, Any], delta: dict[str, Any], grows: str, strings: GrowingStrings, findings: Findings
) -> None:
    """Apply a delta to the details of a call: one string grows, everything else is set once."""
    for key, value in delta.items():
        if key == grows and isinstance(value, str):
            strings.append(call, key, value)
        elif value is not None and (value or key not in call):
            set_once(call, key, value, findings)


def set_once(holder: dict[str, Any], key: str, value: Any, findings: Findings) -> None:
    """Set a member that relays repeat; a different second value is kept aside."""
    if not holder.get(key):
        holder[key] = value
    elif holder[key] != value:
        findings.fault("changed_field")
        holder.setdefault("_unparsed_deltas", []).append({key: value})
