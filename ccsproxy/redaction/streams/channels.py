"""Which texts of successive events belong together: those with the same path and the same indexes."""

from typing import Any

#: Texts that name or classify an event; each is complete in its event and never continued in the next one.
WHOLE = frozenset({"type", "id", "object", "model", "role", "event", "item_id", "status", "name", "finish_reason"})
#: The first part of a text may be in the event that opens its block: (its type, its member) as in later events.
_OPENINGS = {"content_block_start": ("content_block_delta", "content_block", "delta")}

Channel = tuple[object, ...]


def head_of(root: Any) -> tuple[Channel, str | None, str]:
    """Return what distinguishes an event's channels from those of others, and the name to use for its opening
    member.
    """
    if not isinstance(root, dict):
        return (), None, ""
    kind = root.get("type")
    indexes = [
        (key, value) for key, value in root.items() if isinstance(value, int) and key.lower().endswith("index")
    ]
    if isinstance(kind, str) and kind in _OPENINGS:
        following, old, new = _OPENINGS[kind]
        return (following, *indexes), old, new
    return (kind if isinstance(kind, str) else None, *indexes), None, ""


def position_of(child: Any, position: int) -> Channel:
    """Return the path step to an element of a list: its index as stated in it, if any."""
    index = child.get("index") if isinstance(child, dict) else None
    return ("index", index) if isinstance(index, int) else ("position", position)
