"""Strings and lists that grow by parts, at a cost that is linear in their length."""

import re
from collections.abc import Iterable
from typing import Any

_SURROGATE = re.compile("[\ud800-\udfff]")


def joined(pieces: Iterable[str]) -> str:
    """Join pieces of one text; halves of a character that two pieces held become that character.

    Servers that count in UTF-16 cut a text between the two halves of a surrogate pair; JSON can carry each alone.
    """
    text = "".join(pieces)
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def extend(holder: dict[str, Any], key: str, values: Iterable[Any]) -> bool:
    """Append to the list at ``holder[key]``, which is created if it is absent or null.

    :return: False if there is a value that is not a list.
    """
    known = holder.get(key)
    if known is None:
        known = holder[key] = []
    if not isinstance(known, list):
        return False
    known.extend(values)
    return True


class GrowingStrings:
    """Members of JSON objects that grow: the pieces are kept in lists and joined at the end.

    An object must not be copied between the first piece and `settle`, for it is known by its identity.
    """

    def __init__(self) -> None:
        self._pieces: dict[tuple[int, str], tuple[dict[str, Any], list[str]]] = {}

    def append(self, holder: dict[str, Any], key: str, piece: str) -> None:
        """Append to the string at ``holder[key]``, which starts empty if it is not a string."""
        entry = self._pieces.get((id(holder), key))
        if entry is None:
            start = holder.get(key)
            entry = self._pieces[id(holder), key] = (holder, [start] if isinstance(start, str) else [])
            holder.setdefault(key, "")
        entry[1].append(piece)

    def so_far(self, holder: dict[str, Any], key: str) -> str:
        """Return the string at ``holder[key]`` with the pieces so far."""
        entry = self._pieces.get((id(holder), key))
        known = holder.get(key)
        return joined(entry[1]) if entry is not None else known if isinstance(known, str) else ""

    def assign(self, holder: dict[str, Any], key: str, value: Any) -> None:
        """Replace the value at ``holder[key]``, dropping the pieces collected for it."""
        self._pieces.pop((id(holder), key), None)
        holder[key] = value

    def settle(self) -> None:
        """Write every string into its object."""
        for (_, key), (holder, pieces) in self._pieces.items():
            holder[key] = joined(pieces)
        self._pieces.clear()
