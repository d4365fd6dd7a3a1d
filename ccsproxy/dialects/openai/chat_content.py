"""Message content that arrives as a list of parts, or as parts and strings alternately (Mistral)."""

from typing import Any

from ccsproxy.dialects.growing import GrowingStrings


def holds_text(content: Any) -> bool:
    """Return whether content is not empty: a text, or a part that is not an empty text."""
    if isinstance(content, str):
        return bool(content)
    return any(isinstance(part, str) or not isinstance(part, dict) or _says(part) for part in content if part)


def _says(part: dict[str, Any]) -> bool:
    inner = part.get("text", part.get("thinking"))
    if isinstance(inner, list):
        return holds_text(inner)
    return bool(inner) if isinstance(inner, str) else len(part) > 1


class ContentParts:
    """A list of parts in which neighbours of one kind grow together."""

    def __init__(self, strings: GrowingStrings) -> None:
        self.parts: list[Any] = []
        self._strings = strings

    def add(self, content: Any) -> None:
        """Append a string, a part or a list of them."""
        for part in content if isinstance(content, list) else [content]:
            self._append({"type": "text", "text": part} if isinstance(part, str) else part)

    def _append(self, part: Any) -> None:
        kind = part.get("type") if isinstance(part, dict) else None
        last = self.parts[-1] if self.parts else None
        # A different kind than the last part: the order of the kinds is meaningful and is kept.
        if not isinstance(kind, str) or not isinstance(last, dict) or last.get("type") != kind:
            self.parts.append(part)
        elif kind == "text" and isinstance(part.get("text"), str) and isinstance(last.get("text"), str):
            self._strings.append(last, "text", part["text"])
            self._rest(last, part, "text")
        elif kind == "thinking" and isinstance(part.get("thinking"), list) and isinstance(last.get("thinking"), list):
            inner = ContentParts(self._strings)
            inner.parts = last["thinking"]
            inner.add(part["thinking"])
            self._rest(last, part, "thinking")
        else:
            self.parts.append(part)

    def _rest(self, last: dict[str, Any], part: dict[str, Any], merged: str) -> None:
        last.update({k: v for k, v in part.items() if k != merged and v is not None})
