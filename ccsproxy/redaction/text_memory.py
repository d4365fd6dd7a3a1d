"""A cache of searched texts, because agents send the whole conversation with every call.

It maps a hash of the text, keyed per process, to the findings of the rules, if any. A text that differs in one letter
is a different text. Nothing outlives the process, so the cache is never older than the rules.

The hash is Python's own SipHash, twice: of the text, which building a set of texts has computed already, and of a key
of our own followed by the text, which is safe even if ``PYTHONHASHSEED`` makes the first key known to others. It is
four times as fast here as BLAKE2 and, unlike it, does not release the interpreter lock for each text.
"""

import os
from collections import OrderedDict

from ccsproxy.redaction.item_memory import ItemMemory
from ccsproxy.redaction.search.finding import FoundSecret

#: Searching a shorter text costs no more than looking it up.
SHORTEST = 1024
_KEY_BYTES = 16
_64_BITS = (1 << 64) - 1
#: Maximum number of texts without secrets in each of two generations: about 8 MB each.
_CLEAN = 70_000
#: Maximum number of texts with secrets; they are few.
_FOUND = 2_000
#: A text with more findings is not cached.
_MOST_FINDINGS = 64


class TextMemory:
    """A cache of texts in two generations: a text is evicted if it is not looked up while a generation fills.

    A text is either clean or has findings, never both. At most twice `clean` hashes are kept, and `found` lists.

    :ivar items: the cache of conversation items.
    """

    def __init__(self, clean: int = _CLEAN, found: int = _FOUND) -> None:
        """Create an empty cache.

        :param clean: maximum number of texts without secrets per generation.
        :param found: maximum number of texts with secrets.
        """
        self.items = ItemMemory()
        self._most_clean, self._most_found = clean, found
        self._key = os.urandom(_KEY_BYTES).hex()
        self._young: set[int] = set()
        self._old: set[int] = set()
        self._found: OrderedDict[int, list[FoundSecret]] = OrderedDict()

    def hash_of(self, text: str) -> int:
        """Return the cache key of a text: two hashes and its length.

        Texts stored with wide and with narrow characters may have the same bytes in memory; they then differ
        in length.
        """
        return (hash(text) & _64_BITS) << 96 | (hash(self._key + text) & _64_BITS) << 32 | len(text)

    def known(self, name: int) -> list[FoundSecret] | None:
        """Return the findings in a text, None if it is not cached.

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
        """Cache the findings in a text."""
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
