"""Rows of an engine's calls, and the complete records behind them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attr

from ccsproxy.store.engine.aggregates import where
from ccsproxy.store.engine.columns import REAL, TIMES, WHOLE
from ccsproxy.store.engine.conditions import conditions
from ccsproxy.store.engine.engine import LARGEST, Engine
from ccsproxy.store.query import Query
from ccsproxy.store.reader.lists import batches
from ccsproxy.store.reader.records import NotKept, as_record
from ccsproxy.store.summary import KEY_BITS, Summary

#: The time ranges searched for a page one after the other, in milliseconds.
_SPANS_MS = (600_000, 10_800_000, 172_800_000, 2_592_000_000)
#: The same for a search, which costs as much as the texts of the time range.
_WORD_SPANS_MS = (172_800_000,)
#: The location of a call's record: id, host, start, segment, offset and length.
Place = tuple[str, str, str, str, int, int]


class EngineRecords:
    """Reads rows and records of an engine. May be used by several threads.

    :param scope: a condition on ``exchanges`` that always applies: other calls do not exist for this reader.
    """

    def __init__(self, engine: Engine, scope: str = "") -> None:
        self.unreadable: dict[tuple[str, int], str] = {}  # an engine has a record, or an error for all of an answer
        self._engine = engine
        self._relation, self._repeated = (
            f"(SELECT * FROM {relation} AS every WHERE {scope})" if scope else relation  # noqa: S608
            for relation in (engine.exchanges, engine.repeated)
        )
        moments = {name: f"{engine.moment(name)} AS said_{name}" for name in TIMES}
        self._columns = ", ".join(["key", *[moments.get(name, name) for name in Summary.__struct_fields__]])

    def record(self, session_id: str, seq: int) -> dict[str, Any]:
        """Return a record in the current schema version.

        :raises NotKept: if it does not exist.
        """
        return as_record(self.line(session_id, seq))

    def records(self, session_id: str, seqs: Sequence[int]) -> list[dict[str, Any]]:
        """Return several records of a session.

        :raises NotKept: if one of them does not exist.
        """
        found = self.lines(session_id, seqs)
        return [as_record(found[seq]) if seq in found else self.record(session_id, seq) for seq in seqs]

    def lines(self, session_id: str, seqs: Iterable[int]) -> dict[int, bytes]:
        """Return the JSON of several records of a session, by number."""
        numbers = ", ".join(str(int(seq)) for seq in seqs)
        if not numbers:
            return {}
        named = f"session_id = {self._engine.literal(session_id)} AND seq IN ({numbers})"
        places = self._places(named)
        lines = self._engine.records([place for _, place in places])
        return {seq: lines[place[0]] for seq, place in places if place[0] in lines}

    def each(self, session_id: str, summaries: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Iterate over records of a session, a few megabytes at a time; those that no longer exist are skipped."""
        for batch in batches(summaries):
            found = self.lines(session_id, batch)
            for seq in batch:
                if seq in found:
                    yield as_record(found.pop(seq))

    def line(self, session_id: str, seq: int) -> bytes:
        """Return a record's JSON.

        :raises NotKept: if it does not exist.
        """
        found = self.lines(session_id, [seq])
        if seq in found:
            return found[seq]
        known = self._of_session(session_id, f"seq = {int(seq)}")
        if known:
            raise NotKept(f"request {seq} of session {session_id} is not kept completely", expired=True)
        raise NotKept(f"there is no request {seq} in session {session_id}")

    def _places(self, condition: str) -> list[tuple[int, Place]]:
        sql = (
            f'SELECT seq, id, host, {self._engine.moment("started_at")} AS began, segment, "offset", "length" '  # noqa: S608
            f"FROM {self._relation} AS e WHERE {condition} ORDER BY key"
        )
        return [
            (int(seq), (str(i), str(h), str(b), str(s), int(o), int(n)))
            for seq, i, h, b, s, o, n in self._engine.rows(sql)
        ]

    def _lines(self, ids: Sequence[str]) -> dict[str, bytes]:
        """Return the JSON of records by their ids."""
        if not ids:
            return {}
        listed = ", ".join(map(self._engine.literal, ids))
        return self._engine.records([place for _, place in self._places(f"id IN ({listed})")])

    def _newest(self, query: Query, limit: int) -> list[tuple[int, Summary]]:
        """Return the newest calls, searching no further back than necessary."""
        newest = min(self._engine.newest(), (query.ceiling or LARGEST) - 1)
        for span in _WORD_SPANS_MS if query.q else _SPANS_MS:
            first = (newest >> KEY_BITS) - span
            if first <= (query.since or 0):
                break
            rows = self._rows(conditions(self._engine, attr.evolve(query, since=first)), "key DESC", limit, 0)
            if len(rows) >= limit:
                return rows
        return self._rows(conditions(self._engine, query), "key DESC", limit, 0)

    def _sorted(self, found: Sequence[str], by: str, limit: int, offset: int) -> list[tuple[int, Summary]]:
        """Return the first calls in an order; other columns are read for these only."""
        first = (
            f"SELECT key FROM {self._relation} AS e WHERE {where(found)} ORDER BY {by} "  # noqa: S608
            f"LIMIT {limit} OFFSET {offset}"
        )
        return self._rows([f"key IN ({first})"], by, limit, 0)

    def _rows(self, found: Sequence[str], by: str, limit: int, offset: int) -> list[tuple[int, Summary]]:
        sql = (
            f"SELECT {self._columns} FROM {self._relation} AS e WHERE {where(found)} "  # noqa: S608
            f"ORDER BY {by} LIMIT {limit} OFFSET {offset}"
        )
        return [(int(key), _summary(values)) for key, *values in self._engine.rows(sql)]

    def _of_session(self, session_id: str, more: str = "1 = 1") -> list[tuple[int, Summary]]:
        named = f"session_id = {self._engine.literal(session_id)}"
        return self._rows([named, more], "key", 100_000, 0)


def _summary(values: Sequence[Any]) -> Summary:
    known = dict(zip(Summary.__struct_fields__, values, strict=True))
    for name, value in known.items():
        if name in WHOLE and value is not None:
            known[name] = int(value)
        elif name in REAL and value is not None:
            known[name] = float(value)
    return Summary(**{**known, "tools": list(known["tools"] or []), "has_error": bool(known["has_error"]),
                      "partial": bool(known["partial"])})  # fmt: skip
