"""Compares two requests: settings, tools, system prompt and messages, with the changed lines."""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

import attr

from ccsproxy.dialects.views.blocks import fields
from ccsproxy.insight.prompt.layout import Layout, MarkedItem, layout, seen_entries

#: Limits: lines of a text that are compared; changes and lines that are reported.
_LEVELS = ("tools", "system", "messages")
_MOST_LINES, _MOST_CHANGES, _MOST_REPORTED = 4000, 200, 400


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
        # Nested deeper than can be compared: only the fact that they differ can be reported.
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
    body_layout = {"messages": [] if body is None else [body]}
    return layout(record.get("dialect"), body) or Layout("", {"tools": [], "system": [], **body_layout}, {})


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


def _pairs(removed: Sequence[_Piece], added: Sequence[_Piece], by_name: bool) -> Iterator[dict[str, Any]]:
    """Pair what was removed with what replaced it: tools by name, everything else by order."""
    names = {piece.name: piece for piece in removed} if by_name else {}
    partners: list[tuple[_Piece | None, _Piece | None]] = []
    if by_name:
        partners += [(names.pop(piece.name, None), piece) for piece in added]
        partners += [(piece, None) for piece in names.values()]
    else:
        longer = max(len(removed), len(added))
        partners += [
            (removed[n] if n < len(removed) else None, added[n] if n < len(added) else None) for n in range(longer)
        ]
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
    reported = 0
    for line in difflib.unified_diff(old, new, lineterm="", n=2):
        if line.startswith(("--- ", "+++ ")) and reported < 2:
            continue
        if reported >= _MOST_REPORTED:
            yield f"... {max(len(old), len(new))} lines in all"
            return
        reported += 1
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
    """Format a value so that its texts are on lines of their own."""
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
    """Find the first difference between two prompts, to the character; None if the later one continues the earlier.

    The place is the one that `ccsproxy.insight.prompt.difference` finds in the facts.
    """
    try:
        old, new = (list(seen_entries(_laid(each), each.get("upstream"))) for each in (before, after))
    except (RecursionError, ValueError):
        return None
    pairs = zip(old, new, strict=False)
    same = ((level, one.digest) == (other_level, other.digest) for (level, one), (other_level, other) in pairs)
    shared = sum(takewhile(bool, same))
    if shared >= len(old):
        return None
    return _report(old[shared], new[shared] if shared < len(new) else None, [level for level, _ in new[:shared]])


_Entry = tuple[str, MarkedItem]


def _report(old_entry: _Entry, added: _Entry | None, levels: Sequence[str]) -> dict[str, Any]:
    """Name the place at which two prompts first differ, and show it before and after.

    :param levels: the levels of the entries before it.
    """
    level = min((each[0] for each in (old_entry, added) if each is not None), key=_LEVELS.index)
    place = f"{level}[{levels.count(level)}]"
    if added is None or added[0] != old_entry[0]:
        shown = [
            _text(each[1].value)[:200] if each is not None and each[0] == level else None
            for each in (old_entry, added)
        ]
        return {"place": place, "offset": 0, "before": shown[0], "after": shown[1]}
    block, one, other = (
        _block(old_entry[1].value, added[1].value) if level == "messages" else ("", *_values(old_entry, added))
    )
    a, b = _text(one), _text(other)
    offset = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    begin = max(offset - 60, 0)
    shown = [text[begin : offset + 140] for text in (a, b)]
    return {"place": place + block, "offset": offset, "before": shown[0], "after": shown[1]}


def _values(old_entry: _Entry, added: _Entry) -> tuple[Any, Any]:
    return old_entry[1].value, added[1].value


def _block(old_entry: Any, added: Any) -> tuple[str, Any, Any]:
    """Find the first block of a message that differs, or the message itself if either has a single block."""
    old, new = (fields(each).get("content", fields(each).get("parts")) for each in (old_entry, added))
    if not (isinstance(old, list) and isinstance(new, list) and len(old) > 1 and len(new) > 1):
        return "", old_entry, added
    at = next((n for n, (x, y) in enumerate(zip(old, new, strict=False)) if x != y), min(len(old), len(new)))
    one, other = (each[at] if at < len(each) else "" for each in (old, new))
    return f".content[{at}]", one, other
