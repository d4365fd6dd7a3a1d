"""The first difference between two prompts, named by its place and in words."""

from collections import Counter
from collections.abc import Mapping, Sequence

import attr

from ccsproxy.insight.conversation.lanes import common_prefix
from ccsproxy.insight.facts import Call, Item
from ccsproxy.insight.prompt.settings import LEVELS

_ORDER = {"tools": 0, "system": 1, "messages": 2}
#: How many names of added or removed tools are listed.
_NAMES = 6


@attr.frozen
class Difference:
    """Where two prompts first differ.

    :ivar part: ``model``, ``tools``, ``system``, ``messages`` or the name of a setting.
    :ivar place: such as ``tools[40]`` or ``messages[12].content[1]``.
    :ivar words: what differs, in a sentence.
    :ivar item: index of the first item that differs; all items before it are equal.
    """

    part: str
    place: str
    words: str
    item: int


def first_difference(before: Call, after: Call) -> Difference | None:
    """Find the first change of a prompt; items that were only appended are not a change."""
    if before.model != after.model and before.who != after.who:
        return Difference("model", "model", f"{before.who or '?'} → {after.who or '?'}", 0)
    content = _content_difference(before.items, after.items)
    setting = _setting_difference(before, after)
    if setting is None or (content is not None and content.item <= setting.item):
        return content
    return setting


def _content_difference(before: Sequence[Item], after: Sequence[Item]) -> Difference | None:
    shared = common_prefix(before, after)
    if shared >= len(before):
        return None
    lost = before[shared]
    came = after[shared] if shared < len(after) else None
    level = lost.level if came is None else min(lost.level, came.level, key=lambda name: _ORDER[name])
    at = sum(item.level == level for item in after[:shared])
    place = f"{level}[{at}]"
    if level == "tools":
        return Difference(level, place, tools_changed(before, after), shared)
    if came is None or came.level != lost.level:
        return Difference(level, place, f"{'removed' if lost.level == level else 'added'}", shared)
    return Difference(level, place + _piece(lost, came), _item_words(lost, came), shared)


def _piece(lost: Item, came: Item) -> str:
    """Name the first block of a message that differs."""
    if not lost.pieces or not came.pieces:
        return ""
    pairs = zip(lost.pieces, came.pieces, strict=False)
    at = next((number for number, (one, other) in enumerate(pairs) if one != other), None)
    return f".content[{min(len(lost.pieces), len(came.pieces)) if at is None else at}]"


def _item_words(lost: Item, came: Item) -> str:
    """Describe how one item changed into another."""
    for one, other in zip(lost.parts, came.parts, strict=False):
        if one == other:
            continue
        if one.kind != other.kind:
            return f"{one.kind} became {other.kind}"
        return f"{_kind_words(one.kind)}: {_quote_words(one.quote, other.quote)}{_size_words(one.size, other.size)}"
    return _size_words(sum(p.size for p in lost.parts), sum(p.size for p in came.parts)).strip(", ") or "edited"


def _kind_words(kind: str) -> str:
    return kind.replace("_", " ")


def _quote_words(before: str, after: str) -> str:
    """Show where two beginnings of text differ."""
    at = next(
        (n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after))
    )
    if at >= min(len(before), len(after)) and len(before) == len(after):
        return "edited further on"
    begin = max(at - 12, 0)
    # From the beginning of a word, if there is one so near.
    begin = next((n for n in range(begin, at) if n == 0 or before[n - 1].isspace()), begin)
    return f"“{before[begin : at + 28]}” → “{after[begin : at + 28]}”".replace("\n", " ")


def _size_words(before: int, after: int) -> str:
    return f", {before:,} → {after:,} bytes" if before != after else ""


def tools_changed(before: Sequence[Item], after: Sequence[Item]) -> str:
    """List the tools that were added, removed or edited."""
    old, new = _tools(before), _tools(after)
    added = [name for name in new if name not in old]
    removed = [name for name in old if name not in new]
    edited = [name for name in new if name in old and new[name] != old[name]]
    phrases = [f"{sign} {_names(names)}" for sign, names in (("+", added), ("-", removed), ("~", edited)) if names]
    return "; ".join(phrases) or "the same tools in another order"


def tools_in_brief(before: Sequence[Item], after: Sequence[Item]) -> str:
    """Count the tools that were added, removed or edited, grouped by MCP server: ``+4 mcp__linear, ~1 Bash``.

    :return: empty if the tools are the same, in any order.
    """
    old, new = _tools(before), _tools(after)
    changes = (
        ("+", [name for name in new if name not in old]),
        ("−", [name for name in old if name not in new]),
        ("~", [name for name in new if name in old and new[name] != old[name]]),
    )
    phrases = [
        f"{sign}{count} {name}" for sign, names in changes for name, count in Counter(map(_server, names)).items()
    ]
    return ", ".join(phrases[:_NAMES]) + (f" and {len(phrases) - _NAMES} more" if len(phrases) > _NAMES else "")


def _server(name: str) -> str:
    """Return the MCP server of a tool's name, or the name of any other tool."""
    return name.rpartition("__")[0] if name.startswith("mcp__") and name.count("__") > 1 else name


def _tools(items: Sequence[Item]) -> Mapping[str, int]:
    return {item.parts[0].name: item.digest for item in items if item.level == "tools" and item.parts}


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more


def _setting_difference(before: Call, after: Call) -> Difference | None:
    """Find the changed setting with the largest effect."""
    found = []
    for name, level in LEVELS.items():
        old, new = before.settings.get(name), after.settings.get(name)
        if old != new:
            at = next((n for n, item in enumerate(after.items) if _ORDER[item.level] >= _ORDER[level]), 0)
            found.append(Difference(name, name, f"{old or 'not set'} → {new or 'not set'}", at))
    return min(found, key=lambda each: each.item, default=None)
