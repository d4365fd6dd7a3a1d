"""Items of conversations that were redacted already: messages, tools and blocks of a system prompt, by their bytes.

Agents send the whole conversation again with every turn. An item that was found clean once is clean in all its
copies: it need not be walked, searched and written as JSON again. What is known of one is a keyed hash of the bytes
that were sent, and how records write it, where that is not the very same bytes.

The hash is Python's own, SipHash, of 64 bits and keyed anew in each process; where ``PYTHONHASHSEED`` makes that key
known to others, a key of ours is hashed first. Nothing outlives the process, and with it the rules.
"""

import os
from collections.abc import Sequence

#: So many items are known at most, and so many bytes of what they are written as, in each of two generations: about
#: 6 MB and 8 MB each.
_MOST, _MOST_BYTES = 40_000, 8 << 20
_FIXED = os.environ.get("PYTHONHASHSEED", "random") not in ("", "random")


class ItemMemory:
    """Remembers clean items in two generations: what was not asked for while a whole generation came is forgotten.

    Invariant: ``_size`` is how many bytes the young generation holds.
    """

    def __init__(self, most: int = _MOST, most_bytes: int = _MOST_BYTES) -> None:
        """Remember nothing yet.

        :param most: how many items a generation has.
        :param most_bytes: how many bytes of what they are written as it has.
        """
        self._most, self._most_bytes = most, most_bytes
        self._key = os.urandom(16)
        self._young: dict[int, bytes] = {}
        self._old: dict[int, bytes] = {}
        self._size = 0

    def names(self, items: Sequence[bytes], secrets: Sequence[str]) -> list[int]:
        """Return what items are known by.

        :param secrets: those that the exchange has named itself: an item is clean beside these alone.
        """
        beside = hash((self._key, *secrets))
        if _FIXED:
            return [hash(self._key + item) ^ beside for item in items]
        return [hash(item) ^ beside for item in items]

    def known(self, names: Sequence[int]) -> list[bytes | None]:
        """Return how records write items: empty where it is as they were sent, None where that is not known.

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
        """Keep that an item is clean, and how records write it."""
        self._add(name, b"" if form == item else form)

    def _add(self, name: int, form: bytes) -> None:
        if len(self._young) >= self._most or self._size + len(form) > self._most_bytes:
            self._old, self._young, self._size = self._young, {}, 0
        if len(form) <= self._most_bytes:
            self._young[name] = form
            self._size += len(form)
