"""What differs between two requests: settings, tools, system prompt and messages, with the lines that changed."""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attr

from ccsproxy.dialects.views.blocks import fields
from ccsproxy.insight.prompt.layout import Layout, layout

#: Lines of a text that are compared; changes and lines that are told.
_MOST_LINES, _MOST_CHANGES, _MOST_TOLD = 4000, 200, 400


@attr.frozen
class _Piece:
    """One tool, system block or message, to be compared."""

    level: str
    at: int
    name: str
    text: str


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Compare the requests of two records, of any sessions.

    :return: ``{"same", "settings", "changes", "left_out"}``; ``changes`` in the order of the prompt.
    """
    try:
        old, new = _laid(before), _laid(after)
        settings = list(_settings(old.rest, new.rest))
        changes = [change for level in ("tools", "system", "messages") for change in _level(level, old, new)]
    except (RecursionError, ValueError):
        # Nested deeper than anything reads: that they differ is all that can be said.
        settings, changes = [], [{"kind": "changed", "place": "body", "name": None, "lines": []}]
    return {
        "a": _name(before),
        "b": _name(after),
        "same": not settings and not changes,
        "first_difference": changes[0]["place"] if changes else (settings[0]["name"] if settings else None),
        "settings": settings,
        "changes": changes[:_MOST_CHANGES],
        "left_out": max(len(changes) - _MOST_CHANGES, 0),
    }


def _name(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: record.get(name) for name in ("session_id", "seq", "started_at", "model")}


def _laid(record: Mapping[str, Any]) -> Layout:
    body = fields(record.get("request")).get("body")
    whole = {"messages": [] if body is None else [body]}
    return layout(record.get("dialect"), body) or Layout("", {"tools": [], "system": [], **whole}, {})


def _settings(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield {"name": name, "before": old.get(name), "after": new.get(name)}


def _level(level: str, old: Layout, new: Layout) -> Iterator[dict[str, Any]]:
    """Yield the changes of one level: what was added, removed or edited."""
    before, after = _pieces(level, old), _pieces(level, new)
    by_name = level == "tools"
    old_keys, new_keys = ([f"{piece.name}\0{piece.text}" for piece in side] for side in (before, after))
    matcher = difflib.SequenceMatcher(None, old_keys, new_keys, autojunk=False)
    for kind, i, j, m, n in matcher.get_opcodes():
        if kind == "equal":
            continue
        yield from _pairs(before[i:j], after[m:n], by_name)


def _pairs(gone: Sequence[_Piece], came: Sequence[_Piece], by_name: bool) -> Iterator[dict[str, Any]]:
    """Pair what went with what came in its place: tools by their names, the rest by their order."""
    names = {piece.name: piece for piece in gone} if by_name else {}
    partners: list[tuple[_Piece | None, _Piece | None]] = []
    if by_name:
        partners += [(names.pop(piece.name, None), piece) for piece in came]
        partners += [(piece, None) for piece in names.values()]
    else:
        longer = max(len(gone), len(came))
        partners += [(gone[n] if n < len(gone) else None, came[n] if n < len(came) else None) for n in range(longer)]
    for old, new in partners:
        if old is None or new is None or old.text != new.text:
            yield _change(old, new)


def _change(old: _Piece | None, new: _Piece | None) -> dict[str, Any]:
    piece = new or old
    assert piece is not None  # noqa: S101  (one of both is there)
    kind = "added" if old is None else "removed" if new is None else "changed"
    lines = list(_lines(old.text if old else "", new.text if new else ""))
    return {"kind": kind, "place": f"{piece.level}[{piece.at}]", "name": piece.name or None, "lines": lines}


def _lines(before: str, after: str) -> Iterator[str]:
    """Yield the lines of a unified difference, without its head."""
    old, new = before.splitlines()[:_MOST_LINES], after.splitlines()[:_MOST_LINES]
    told = 0
    for line in difflib.unified_diff(old, new, lineterm="", n=2):
        if line.startswith(("--- ", "+++ ")) and told < 2:
            continue
        if told >= _MOST_TOLD:
            yield f"... {max(len(old), len(new))} lines in all"
            return
        told += 1
        yield line[:500]


def _pieces(level: str, laid: Layout) -> list[_Piece]:
    found: list[_Piece] = []
    for name, marked in laid.entries():
        if name == level:
            found.append(_Piece(level, len(found), _title(marked.value), _text(marked.value)))
    return found


def _title(value: Any) -> str:
    known = fields(value)
    inner = fields(known.get("function") or known.get("toolSpec"))
    return str(known.get("name") or inner.get("name") or known.get("role") or "")


def _text(value: Any) -> str:
    """Write a value so that its texts are lines of their own."""
    if isinstance(value, str):
        return value
    known = fields(value)
    if isinstance(known.get("text"), str) and known.get("type", "text") == "text":
        return str(known["text"])
    blocks = known.get("content", known.get("parts"))
    if isinstance(blocks, list) and "role" in known:
        return "\n".join(_text(block) for block in blocks)
    if isinstance(blocks, str):
        return blocks
    written = json.dumps(value, indent=1, ensure_ascii=False)
    return written.replace("\\n", "\n")


def exact_difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any] | None:
    """Find the first difference between two prompts to the character, None where the later continues the earlier."""
    try:
        old, new = list(_laid(before).entries()), list(_laid(after).entries())
    except (RecursionError, ValueError):
        return None
    seen: dict[str, int] = {}
    for number, (level, one) in enumerate(old):
        at = seen[level] = seen.get(level, -1) + 1
        if number >= len(new):
            return {"place": f"{level}[{at}]", "before": _text(one.value)[:200], "after": None, "offset": 0}
        other_level, other = new[number]
        if level == other_level and one.value == other.value:
            continue
        a, b = _text(one.value), _text(other.value)
        offset = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
        begin = max(offset - 60, 0)
        place = f"{level if level == other_level else other_level}[{at}]"
        return {"place": place, "offset": offset, "before": a[begin : offset + 140], "after": b[begin : offset + 140]}
    return None
