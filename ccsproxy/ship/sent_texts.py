"""The texts that calls add to their sessions: each text once, although agents send it again in each turn."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ccsproxy.ship.delivery.batch import ShippedLine
from ccsproxy.ship.facts import clean
from ccsproxy.store.index.texts.record_texts import Text, request_texts, response_texts
from ccsproxy.store.summary import Entry

#: How many sessions, and how many texts of one day, are remembered; a forgotten one is merely sent again.
SESSIONS, TEXTS = 512, 200_000


class SentTexts:
    """Remembers what was sent already.

    Invariant: only what `commit` has confirmed is skipped; what was sent since counts within the batch alone, so that
    a batch that is sent again, or in halves, has the same content.
    """

    def __init__(self) -> None:
        self._sent_items: OrderedDict[str, set[int]] = OrderedDict()
        self._sent_texts: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._pending_items: dict[str, set[int]] = {}
        self._pending_texts: set[tuple[str, str]] = set()

    def begin(self) -> None:
        """Begin a batch, and forget the content of an earlier one that was not accepted."""
        self._pending_items, self._pending_texts = {}, set()

    def commit(self) -> None:
        """Remember the content of the batch: the target has it."""
        for session, items in self._pending_items.items():
            self._sent_items.setdefault(session, set()).update(items)
            self._sent_items.move_to_end(session)
        self._sent_texts.update(dict.fromkeys(self._pending_texts))
        while len(self._sent_items) > SESSIONS:
            self._sent_items.popitem(last=False)
        while len(self._sent_texts) > TEXTS:
            self._sent_texts.popitem(last=False)
        self.begin()

    def forget(self) -> None:
        """Forget everything: the target has deleted part of it."""
        self._sent_items.clear()
        self._sent_texts.clear()
        self.begin()

    def texts_added(self, entry: Entry) -> list[Text]:
        """Return the texts that a call adds to its session, in order, each with its kind."""
        try:
            return list(self._texts(entry))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return []

    def is_new(self, day: str, hash_of_text: str) -> bool:
        """Tell whether a text was not sent yet on a day; it counts as sent from now on."""
        key = (day, hash_of_text)
        if key in self._sent_texts or key in self._pending_texts:
            return False
        self._pending_texts.add(key)
        return True

    def _texts(self, entry: Entry) -> Iterator[Text]:
        yield from request_texts(bytes(entry.request.body), self._known(entry.session_id))
        if entry.response is not None:
            yield from response_texts(msgspec.json.decode(entry.response.body_reassembled))

    def _known(self, session: str) -> Callable[[bytes], bool]:
        sent = self._sent_items.get(session, set())
        pending = self._pending_items.setdefault(session, set())

        def known(item: bytes) -> bool:
            number = hash(item)
            if number in sent or number in pending:
                return True
            pending.add(number)
            return False

        return known


def hash_of(text: str) -> str:
    """Return a text's hash: 32 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def texts_of(
    sent_texts: SentTexts, lines: Sequence[ShippedLine], facts: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Yield a row for each text that calls add to their sessions.

    :param facts: the rows of the same calls (`ccsproxy.ship.facts.facts_of`).
    """
    for line, row in zip(lines, facts, strict=True):
        named = {name: row[name] for name in ("session_id", "host", "key")}
        for position, (kind, text) in enumerate(sent_texts.texts_added(line.entry)):
            yield {**named, "position": position, "kind": kind, "hash": hash_of(text), "text": clean(text)}
