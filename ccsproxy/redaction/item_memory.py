"""A cache of conversation items without secrets: messages, tools and blocks of a system prompt, by their bytes.

Agents send the whole conversation again with every call. An item that was found clean once is clean in every copy,
so it need not be walked, searched and serialised again. The cache maps a keyed hash of the bytes that were sent to
the form that records use, if that differs from those bytes.

The hash is Python's own 64-bit SipHash, keyed anew in each process; because ``PYTHONHASHSEED`` may make that key
known to others, a key of our own is hashed first. Nothing outlives the process, so the cache is never older than the
rules.
"""

import os
from collections.abc import Sequence

#: Maximum number of items, and of bytes in their recorded forms, in each of two generations: about 6 MB and 8 MB
#: each.
_MOST, _MOST_BYTES = 40_000, 8 << 20
_FIXED = os.environ.get("PYTHONHASHSEED", "random") not in ("", "random")


class ItemMemory:
    """A cache of clean items in two generations: an item is evicted if it is not looked up while a generation fills.

    Invariant: ``_size`` is the number of bytes in the young generation.
    """

    def __init__(self, most: int = _MOST, most_bytes: int = _MOST_BYTES) -> None:
        """Create an empty cache.

        :param most: maximum number of items per generation.
        :param most_bytes: maximum number of bytes of recorded forms per generation.
        """
        self._most, self._most_bytes = most, most_bytes
        self._key = os.urandom(16)
        self._young: dict[int, bytes] = {}
        self._old: dict[int, bytes] = {}
        self._size = 0

    def names(self, items: Sequence[bytes], secrets: Sequence[str]) -> list[int]:
        """Return the cache keys of items.

        :param secrets: those found elsewhere in the exchange: an item is clean only with respect to these.
        """
        beside = hash((self._key, *secrets))
        if _FIXED:
            return [hash(self._key + item) ^ beside for item in items]
        return [hash(item) ^ beside for item in items]

    def known(self, names: Sequence[int]) -> list[bytes | None]:
        """Return the recorded forms of items: empty if identical to what was sent, None if the item is not cached.

        :param names: see `names`.
        """
        forms = list(map(self._young.get, names))
        if None in forms and self._old:
            for at, form in enumerate(forms):
                if form is None and (form := self._old.get(names[at])) is not None:
                    self._add(names[at], form)
                    forms[at] = form
        return forms

    def remember(self, name: int, item: bytes, form: bytes) -> None:
        """Add a clean item and its recorded form."""
        self._add(name, b"" if form == item else form)

    def _add(self, name: int, form: bytes) -> None:
        if len(self._young) >= self._most or self._size + len(form) > self._most_bytes:
            self._old, self._young, self._size = self._young, {}, 0
        if len(form) <= self._most_bytes:
            self._young[name] = form
            self._size += len(form)
