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


class Memory:
    """Remembers what was sent already.

    Invariant: only what `commit` has confirmed is skipped; what was sent since counts within the batch alone, so that
    a batch that is sent again, or in halves, has the same content.
    """

    def __init__(self) -> None:
        self._heard: OrderedDict[str, set[int]] = OrderedDict()
        self._sent: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._hearing: dict[str, set[int]] = {}
        self._sending: set[tuple[str, str]] = set()

    def begin(self) -> None:
        """Begin a batch, and forget the content of an earlier one that was not accepted."""
        self._hearing, self._sending = {}, set()

    def commit(self) -> None:
        """Remember the content of the batch: the target has it."""
        for session, items in self._hearing.items():
            self._heard.setdefault(session, set()).update(items)
            self._heard.move_to_end(session)
        self._sent.update(dict.fromkeys(self._sending))
        while len(self._heard) > SESSIONS:
            self._heard.popitem(last=False)
        while len(self._sent) > TEXTS:
            self._sent.popitem(last=False)
        self.begin()

    def forget(self) -> None:
        """Forget everything: the target has deleted part of it."""
        self._heard.clear()
        self._sent.clear()
        self.begin()

    def says(self, entry: Entry) -> list[Text]:
        """Return the texts that a call adds to its session, in order, each with its kind."""
        try:
            return list(self._texts(entry))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return []

    def is_new(self, day: str, hash_of_text: str) -> bool:
        """Tell whether a text was not sent yet on a day; it counts as sent from now on."""
        key = (day, hash_of_text)
        if key in self._sent or key in self._sending:
            return False
        self._sending.add(key)
        return True

    def _texts(self, entry: Entry) -> Iterator[Text]:
        yield from request_texts(bytes(entry.request.body), self._known(entry.session_id))
        if entry.response is not None:
            yield from response_texts(msgspec.json.decode(entry.response.body_reassembled))

    def _known(self, session: str) -> Callable[[bytes], bool]:
        heard = self._heard.get(session, set())
        hearing = self._hearing.setdefault(session, set())

        def known(item: bytes) -> bool:
            number = hash(item)
            if number in heard or number in hearing:
                return True
            hearing.add(number)
            return False

        return known


def hash_of(text: str) -> str:
    """Return a text's hash: 32 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def texts_of(
    memory: Memory, lines: Sequence[ShippedLine], facts: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Yield a row for each text that calls add to their sessions.

    :param facts: the rows of the same calls (`ccsproxy.ship.facts.facts_of`).
    """
    for line, row in zip(lines, facts, strict=True):
        named = {name: row[name] for name in ("session_id", "host", "key")}
        for position, (kind, text) in enumerate(memory.says(line.entry)):
            yield {**named, "position": position, "kind": kind, "hash": hash_of(text), "text": clean(text)}
