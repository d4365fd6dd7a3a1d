"""A Gemini function call whose arguments arrive in parts (Vertex, ``partialArgs``)."""

import re
from typing import Any

from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.growing import joined

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d{1,4})\]|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]")
_VALUES = ("numberValue", "boolValue", "nullValue")


def parse_path(path: str) -> list[str | int] | None:
    """Split a JSON path of names and positions (``$.a[0]['b']``); None for any other syntax."""
    if not path.startswith("$"):
        return None
    steps: list[str | int] = []
    at = 1
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            return None
        name, index, single, double = match.groups()
        quoted = single if single is not None else double
        steps.append(int(index) if index else name if name else re.sub(r"\\(.)", r"\1", quoted or ""))
        at = match.end()
    return steps


def place(root: dict[str, Any], steps: list[str | int], value: Any) -> bool:
    """Put a value at a path, making objects and lists on the way; False when something else is in the way."""
    holder: Any = root
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        fresh: Any = value if following is None else [] if isinstance(following, int) else {}
        if isinstance(step, str) and isinstance(holder, dict):
            known = holder.get(step)
        elif isinstance(step, int) and isinstance(holder, list):
            # The pattern lets a position have four digits, so that a piece cannot make a list of millions.
            holder.extend([None] * (step + 1 - len(holder)))
            known = holder[step]
        else:
            return False
        if following is None or not isinstance(known, (dict, list)):
            holder[step] = known = fresh
        holder = known
    return bool(steps)


class PartialCall:
    """The pieces of one call; a string continues while its pieces have ``willContinue``."""

    def __init__(self, part: dict[str, Any], findings: Findings) -> None:
        self._part = part
        self._findings = findings
        self._values: dict[str, list[str] | tuple[Any]] = {}

    def add(self, pieces: Any) -> None:
        """Take the ``partialArgs`` of one chunk."""
        for piece in pieces if isinstance(pieces, list) else []:
            path = piece.get("jsonPath") if isinstance(piece, dict) else None
            text = piece.get("stringValue") if isinstance(piece, dict) else None
            if not isinstance(path, str):
                self._misfit(piece)
            elif isinstance(text, str):
                known = self._values.get(path)
                if isinstance(known, list):
                    known.append(text)
                else:
                    self._values[path] = [text]
            elif key := next((key for key in _VALUES if key in piece), None):
                self._values[path] = (None if key == "nullValue" else piece[key],)
            # A piece that only announces more pieces has no value.
            elif "willContinue" not in piece:
                self._misfit(piece)

    def _misfit(self, piece: Any) -> None:
        self._findings.fault("invalid_partial_args")
        self._part.setdefault("_unparsed_deltas", []).append(piece)

    def settle(self) -> None:
        """Write the arguments into the call."""
        call = self._part["functionCall"]
        args = call.get("args")
        if not isinstance(args, dict):
            args = call["args"] = {}
        for path, held in self._values.items():
            value = joined(held) if isinstance(held, list) else held[0]
            steps = parse_path(path)
            if steps is None or not place(args, steps, value):
                self._misfit({"jsonPath": path, "value": value})
