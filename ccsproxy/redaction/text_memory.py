"""Remembers texts that were searched already, because agents send the whole conversation every turn.

What is known is a hash of the text under a key of this process, and that the rules found nothing in it, or what they
found. A text that differs by one letter is another text. Nothing outlives the process, and with it the rules.

The hash is Python's own, SipHash, twice: of the text, which a set of texts has asked for already, and of the text
behind a key of ours, which also holds where ``PYTHONHASHSEED`` makes the first one known to others. It is four times
as fast as BLAKE2 here and, unlike it, does not let go of the interpreter for each text.
"""

import os
from collections import OrderedDict

from ccsproxy.redaction.item_memory import ItemMemory
from ccsproxy.redaction.search.finding import FoundSecret

#: Shorter texts cost no more to search than to look up.
SHORTEST = 1024
_KEY_BYTES = 16
_64_BITS = (1 << 64) - 1
#: So many texts without secrets are known at most, in each of two generations: about 8 MB each.
_CLEAN = 70_000
#: So many texts with secrets are known at most; they are few.
_FOUND = 2_000
#: A text with more findings is searched each time.
_MOST_FINDINGS = 64


class TextMemory:
    """Remembers texts in two generations: what was not asked for while a whole generation came is forgotten.

    A text is either clean or has findings, never both. At most twice `clean` hashes are kept, and `found` lists.

    :ivar items: remembers whole items of conversations beside them.
    """

    def __init__(self, clean: int = _CLEAN, found: int = _FOUND) -> None:
        """Remember nothing yet.

        :param clean: how many texts without secrets a generation has.
        :param found: how many texts with secrets are kept.
        """
        self.items = ItemMemory()
        self._most_clean, self._most_found = clean, found
        self._key = os.urandom(_KEY_BYTES).hex()
        self._young: set[int] = set()
        self._old: set[int] = set()
        self._found: OrderedDict[int, list[FoundSecret]] = OrderedDict()

    def hash_of(self, text: str) -> int:
        """Return what a text is known by: two hashes, and its length.

        Texts of wide and of narrow letters may be the same bytes in memory; they then differ in length.
        """
        return (hash(text) & _64_BITS) << 96 | (hash(self._key + text) & _64_BITS) << 32 | len(text)

    def known(self, name: int) -> list[FoundSecret] | None:
        """Return what was found in a text, None where it is not known.

        :param name: see `hash_of`.
        """
        if name in self._young:
            return []
        if name in self._old:
            self._add(name)
            return []
        found = self._found.get(name)
        if found is not None:
            self._found.move_to_end(name)
        return found

    def remember(self, name: int, findings: list[FoundSecret]) -> None:
        """Keep what was found in a text."""
        if not findings:
            self._add(name)
        elif len(findings) <= _MOST_FINDINGS:
            self._found[name] = findings
            if len(self._found) > self._most_found:
                self._found.popitem(last=False)

    def _add(self, name: int) -> None:
        if len(self._young) >= self._most_clean:
            self._old, self._young = self._young, set()
        self._young.add(name)
