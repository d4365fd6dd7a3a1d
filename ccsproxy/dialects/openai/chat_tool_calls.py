"""The tool calls of one Chat Completions choice, growing by their deltas."""

from typing import Any

from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.growing import GrowingStrings
from ccsproxy.dialects.json_body import text_member
from ccsproxy.dialects.tool_json import check_arguments, is_json

#: So many other values of a member that should not change are kept.
_MOST_CHANGES = 8
#: The member of a call that holds its details, and the string in it that grows.
_DETAILS = {"function": "arguments", "custom": "input"}


#: How often incomplete arguments are parsed to see whether they are complete; each attempt is linear in their length.
_MOST_LOOKS = 256


class ToolCalls:
    """Tool calls in order of their index; calls without one are distinguished by id, name and position.

    Some servers send neither index nor id, others the index 0 for all of several calls. A new name then starts a new
    call, and so does the same name after complete arguments.
    """

    def __init__(self, strings: GrowingStrings, findings: Findings) -> None:
        self._strings = strings
        self._findings = findings
        self._calls: list[tuple[int, int, dict[str, Any]]] = []
        self._newest: dict[int, dict[str, Any]] = {}
        self._by_id: dict[str, dict[str, Any]] = {}
        self._looked = 0

    def add(self, deltas: Any, at_ms: float) -> None:
        """Apply the ``tool_calls`` of one delta."""
        together = deltas if isinstance(deltas, list) else [deltas]
        before = len(self._calls) - len(together)
        for position, delta in enumerate(together, before):
            if isinstance(delta, dict):
                known = self._calls[position][2] if 0 <= position < before + len(together) else None
                self._grow(self._find(delta, known), delta)
                if _says_something(delta):
                    self._findings.content(at_ms)
            elif delta is not None:
                self._findings.unplaced({"tool_calls": delta}, "invalid_event")

    def _find(self, delta: dict[str, Any], placed: dict[str, Any] | None) -> dict[str, Any]:
        """Find the call of a delta.

        :param placed: the call it belongs to by its place: the deltas of one chunk are of as many calls, of the last
            ones that there were before it.
        """
        index, call_id = delta.get("index"), delta.get("id")
        if type(index) is not int:
            # Gemini's and Ollama's compatible servers give ids or names, and no index.
            return self._find_by_id(call_id) if call_id else self._find_by_name(delta, placed)
        call = self._newest.get(index)
        if call is None:
            return self._new(index)
        other = call["id"] != call_id if call_id and call.get("id") else not call_id and self._begins(delta, call)
        if other:
            self._findings.fault("tool_index_reused")
            return self._new(index)
        return call

    def _find_by_id(self, call_id: Any) -> dict[str, Any]:
        key = call_id if isinstance(call_id, str) else repr(call_id)
        call = self._by_id.get(key)
        if call is None:
            call = self._by_id[key] = self._new(len(self._calls))
        return call

    def _find_by_name(self, delta: dict[str, Any], placed: dict[str, Any] | None) -> dict[str, Any]:
        if placed is not None and not self._begins(delta, placed):
            return placed
        if _name_of(delta) or not self._calls:
            return self._new(len(self._calls))
        return self._calls[-1][2]

    def _begins(self, delta: dict[str, Any], call: dict[str, Any]) -> bool:
        """Return whether a delta without an id starts another call than the current one."""
        name, known = _name_of(delta), _name_of(call)
        if not name or not known or name != known:
            return bool(name and known)
        piece = _arguments_of(delta)
        # Arguments are an object: a piece that does not start one continues the current call.
        if piece is None or not piece.lstrip().startswith("{") or self._looked >= _MOST_LOOKS:
            return False
        self._looked += 1
        details = call.get("function")
        return isinstance(details, dict) and is_json(self._strings.so_far(details, "arguments"))

    def _new(self, index: int) -> dict[str, Any]:
        call: dict[str, Any] = {}
        self._calls.append((index, len(self._calls), call))
        self._newest[index] = call
        return call

    def _grow(self, call: dict[str, Any], delta: dict[str, Any]) -> None:
        for key, value in delta.items():
            grows = _DETAILS.get(key)
            if grows is not None and isinstance(value, dict):
                grow_call(_details(call, key, self._findings), value, grows, self._strings, self._findings)
            elif key != "index" and value is not None and (value or key not in call):
                set_once(call, key, value, self._findings)

    def settle(self) -> list[dict[str, Any]]:
        """Return the calls in order; the caller settles the strings."""
        return [call for _, _, call in sorted(self._calls, key=lambda entry: entry[:2])]

    def check(self, *, whole: bool) -> None:
        """Note arguments that are not JSON; called after the strings were settled."""
        for _, _, call in self._calls:
            function = call.get("function")
            if isinstance(function, dict):
                check_arguments(function.get("arguments"), self._findings, whole=whole)


def _name_of(call: dict[str, Any]) -> str | None:
    return text_member(call.get("function") or call.get("custom"), "name")


def _arguments_of(call: dict[str, Any]) -> str | None:
    return text_member(call.get("function"), "arguments")


def _says_something(delta: dict[str, Any]) -> bool:
    """Return whether a delta names a tool, or contains a piece of its input."""
    details = [delta.get(key) for key in _DETAILS]
    return any(value for detail in details if isinstance(detail, dict) for value in detail.values())


def grow_call(
    call: dict[str, Any], delta: dict[str, Any], grows: str, strings: GrowingStrings, findings: Findings
) -> None:
    """Apply a delta to the details of a call: one string grows, everything else is set once."""
    for key, value in delta.items():
        if key == grows and isinstance(value, str):
            strings.append(call, key, value)
        elif value is not None and (value or key not in call):
            set_once(call, key, value, findings)


def _details(call: dict[str, Any], key: str, findings: Findings) -> dict[str, Any]:
    """Return the details of a call, created if missing; a value that is not an object is moved aside."""
    known = call.get(key)
    if isinstance(known, dict):
        return known
    details: dict[str, Any] = {}
    call[key] = details
    if known:
        # In place it would be treated as details, and abort the processing of the whole event.
        findings.fault("changed_field")
        call.setdefault("_unparsed_deltas", []).append({key: known})
    return details


def set_once(holder: dict[str, Any], key: str, value: Any, findings: Findings) -> None:
    """Set a member that relays repeat; a different second value is kept aside."""
    if not holder.get(key):
        holder[key] = value
    elif holder[key] != value:
        findings.fault("changed_field")
        aside = holder.setdefault("_unparsed_deltas", [])
        # Bounded, because a gateway that changes an id does so in every chunk.
        if {key: value} not in aside[-_MOST_CHANGES:] and len(aside) < _MOST_CHANGES:
            aside.append({key: value})
