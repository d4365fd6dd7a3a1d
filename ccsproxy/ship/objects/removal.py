"""Removing a session from the objects in a store: from segments, the files next to them, and their names.

A session is looked up in each segment's footer, which also lists sessions of which a call only started there, and in
its summaries, which are replaced last: an interrupted removal is detected by them and repeated.
"""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager

from ccsproxy.ship.facts import summaries_of
from ccsproxy.ship.objects.layout import PARQUET, TEXTS, host_of
from ccsproxy.ship.objects.parquet import sessions_in, texts_schema, without_session, written
from ccsproxy.ship.objects.store import ObjectStore
from ccsproxy.ship.objects.workshop import Workshop
from ccsproxy.ship.sent_texts import SentTexts, texts_of
from ccsproxy.store.segments.segment import COMPRESSED
from ccsproxy.store.summary import Price

#: How many bytes at the end of a segment are read for its footer.
_TAIL = 1 << 16


class SessionRemoval:
    """Removes sessions from the objects of some hosts.

    :param workshop: makes a working directory.
    """

    def __init__(
        self, store: ObjectStore, workshop: Callable[[], AbstractContextManager[Workshop]], price: Price
    ) -> None:
        self._store, self._workshop, self._price = store, workshop, price

    def remove(self, session_id: str, hosts: Collection[str]) -> None:
        """Remove a session from every object of some hosts."""
        found = [path for path in self._store.paths() if host_of(path) in hosts]
        for path in found:
            if path.endswith(COMPRESSED):
                self._cut(path, session_id)
        packed = {path.removesuffix(COMPRESSED) for path in found if path.endswith(COMPRESSED)}
        # Summaries without a segment were shipped without content, now or before the target was reconfigured.
        for path in found:
            if path.endswith(PARQUET) and path.removesuffix(TEXTS).removesuffix(PARQUET) not in packed:
                self._cut_summaries(path, session_id)

    def _cut(self, path: str, session_id: str) -> None:
        """Remove a session from a segment in the store, and from the files next to it."""
        beside, texts = (path.removesuffix(COMPRESSED) + ending for ending in (PARQUET, TEXTS))
        summaries = self._store.read(beside)
        named = summaries is not None and session_id in sessions_in(summaries[0])
        name = path.rpartition("/")[2].removesuffix(COMPRESSED)
        with self._workshop() as workshop:
            if not named and not self._is_in_footer(workshop, path, name, session_id):
                return
            found = self._store.read(path)
            if found is None:
                return
            workshop.bring(name, found[0])
            left = workshop.cut(name, session_id)
            if left is None:
                for each in (beside, texts, path):
                    self._store.delete(each)
                return
            new, packed = left
            lines, rows = summaries_of(workshop.records(new, True, True), name, host_of(path), self._price)
            self._store.replace(path, packed, found[1])
            self._store.replace(texts, written(texts_of(SentTexts(), lines, rows), texts_schema), None)
            self._store.replace(beside, written(rows), summaries[1] if summaries else None)

    def _is_in_footer(self, workshop: Workshop, path: str, name: str, session_id: str) -> bool:
        """Tell from a segment's last bytes whether it may contain a session."""
        tail = self._store.read_end(path, _TAIL)
        if tail is None:
            return False
        footer = workshop.footer(name, *tail)
        return footer is None or bool(footer.damaged) or session_id in footer.sessions

    def _cut_summaries(self, path: str, session_id: str) -> None:
        found = self._store.read(path)
        if found is not None and session_id in sessions_in(found[0]):
            self._store.replace(path, without_session(found[0], session_id), found[1])
