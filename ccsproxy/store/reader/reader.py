"""The reader: every question that people and programs ask of the store, answered without delaying the writer.

Lists, searches and statistics come from the index; a whole record comes from its segment. While the index is missing
or behind, lists are completed from the ends of the segments and say so (``rebuilding``). Several processes and
threads may read at once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from sqlite3 import Connection
from typing import Any

import attr
import msgspec

from ccsproxy.exchange.record import SCHEMA_VERSION
from ccsproxy.exchange.upgrade import upgrade
from ccsproxy.insight.facts import Call
from ccsproxy.insight.prompt.prompts import Version
from ccsproxy.insight.query import ANNOTATED
from ccsproxy.providers.price_book import PriceBook
from ccsproxy.store.annotations import Annotation, Annotations, marked
from ccsproxy.store.index.call_facts import calls_due, calls_with, session_calls
from ccsproxy.store.query import Query
from ccsproxy.store.reader.calls import Stamp, completed, missing, prompt_versions, stamp_of
from ccsproxy.store.reader.costs import costs
from ccsproxy.store.reader.excerpts import excerpt
from ccsproxy.store.reader.lists import (
    SessionQuery,
    batches,
    distinct_values,
    marks_of,
    one_session,
    place_of,
    places_of,
    rows_around,
    running_rows,
    session_dict,
    session_rows,
)
from ccsproxy.store.reader.pages import Row, request_rows, totals
from ccsproxy.store.reader.recent import Tail, find_place, recent_rows
from ccsproxy.store.reader.source import IndexSource
from ccsproxy.store.reader.stats import directories, no_statistics, periods, statistics
from ccsproxy.store.segments.lines import SegmentLines
from ccsproxy.store.state import State
from ccsproxy.store.summary import KEY_BITS, Summary, as_dict, plain_json

#: Segment, offset and length of a line.
Place = tuple[str, int, int]
#: A request's number in its session, with the place of its line.
_Numbered = tuple[int, Place | None]


#: How the JSON of a record ends that needs no upgrade.
_CURRENT = b'"schema_version":%d}' % SCHEMA_VERSION


class NotKept(LookupError):
    """There is no such exchange, or none any more.

    :ivar expired: whether it was there and its segment is gone by now.
    """

    def __init__(self, message: str, expired: bool = False) -> None:
        super().__init__(message)
        self.expired = expired


@attr.frozen
class RequestPage:
    """Part of a list of requests.

    :ivar items: summaries as JSON objects; those of a search have an ``excerpt``.
    :ivar before: the cursor of the next page, null on the last one.
    :ivar rebuilding: whether the list may lack records because the index is being rebuilt.
    """

    items: list[dict[str, Any]]
    before: str | None
    rebuilding: bool


class Reader:
    """Reads the store of a data dir."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._lines = SegmentLines(data_dir)
        self._source = IndexSource(data_dir)
        self._price = PriceBook.of_data_dir(data_dir).cost

    def sessions(self, query: SessionQuery = SessionQuery()) -> list[dict[str, Any]]:  # noqa: B008  (frozen)
        """Return sessions as JSON objects, the last begun first."""
        return self._source.ask(
            lambda connection: [session_dict(each) for each in session_rows(connection, query)], []
        )

    def session(self, session_id: str) -> dict[str, Any]:
        """Return ``meta`` and ``requests`` of a session.

        :raises NotKept: when it is not known.
        """

        def question(connection: Connection) -> dict[str, Any] | None:
            found = one_session(connection, session_id)
            if found is None:
                return None
            meta = session_dict(found[0])
            return {"meta": meta, "requests": [as_dict(row) for row in found[1]]}

        answer = self._source.ask(question, None)
        if answer is None:
            raise NotKept(f"there is no session {session_id}")
        return answer

    def around(self, session_id: str, seq: int, reach: int = 200) -> list[dict[str, Any]]:
        """Return the requests of a session whose numbers are near one, in the order of their numbers."""
        rows = self._source.ask(lambda connection: rows_around(connection, session_id, seq, reach), list[Summary]())
        return [as_dict(row) for row in rows]

    def requests(self, query: Query = Query()) -> RequestPage:  # noqa: B008  (frozen)
        """Return a page of requests, newest first across sessions; ``q`` searches."""
        wanted = attr.evolve(self._looked_up(query), limit=query.limit + 1)
        rows = self._source.ask(lambda connection: request_rows(connection, wanted), list[Row]())
        rebuilding = self._source.rebuilding()
        if rebuilding:
            rows = _merged(rows, recent_rows(self._lines, wanted, self._price))
        more = len(rows) > query.limit and not query.sorted
        rows = rows[: query.limit]
        if query.q:
            rows = self._with_excerpts(rows, query.q)
        return RequestPage([_item(row) for row in rows], str(rows[-1][0]) if more and rows else None, rebuilding)

    def running(self, limit: int = 200) -> list[dict[str, Any]]:
        """Return the exchanges that are under way, the newest first."""
        rows = self._source.ask(lambda connection: running_rows(connection, limit), list[Summary]())
        return [as_dict(row) for row in rows]

    def costs(self, query: Query, by: str) -> list[dict[str, Any]]:
        """Sum up what a query lets through by one of `ccsproxy.store.reader.costs.GROUPS`, the dearest first."""
        wanted = self._looked_up(query)
        return self._source.ask(lambda connection: costs(connection, wanted, by), [])

    def totals(self, query: Query) -> dict[str, Any]:
        """Sum up everything that a query lets through, whatever its page."""
        wanted = self._looked_up(query)
        return self._source.ask(lambda connection: totals(connection, wanted), {})

    def annotations(self) -> list[Annotation]:
        """Return what people have written on sessions and calls, what was changed last first."""
        state = State(self._data_dir)
        if not state.path.is_file():
            return []
        try:
            return Annotations(state).every()
        finally:
            state.close()

    def _looked_up(self, query: Query) -> Query:
        """Look up what a question asks of stars, tags and notes."""
        asked = [each for each in query.question.narrowings if each.member in ANNOTATED] if query.question else []
        if not asked:
            return query
        written = self.annotations()
        found = tuple((marked(written, each.member, each.values), each.turned) for each in asked)
        return attr.evolve(query, marked=found)

    def _with_excerpts(self, rows: list[Row], q: str) -> list[Row]:
        """Add to rows that were searched for what is around the words, out of their records."""
        places = self._source.ask(
            lambda connection: places_of(connection, [row[0] for row in rows]), dict[int, Place]()
        )
        wanted: dict[str, list[tuple[int, int]]] = {}
        for name, *place in places.values():
            wanted.setdefault(name, []).append((place[0], place[1]))
        lines = {name: self._lines.several(name, each) for name, each in wanted.items()}
        found: list[Row] = []
        for key, summary, _ in rows:
            name, offset, _ = places.get(key, ("", 0, 0))
            line = lines.get(name, {}).get(offset)
            found.append((key, summary, excerpt(line, q) if line else None))
        return found

    def search(self, words: str, limit: int = 100) -> RequestPage:
        """Return the newest requests that say the words, or the phrases in double quotes."""
        return self.requests(Query(q=words, limit=limit))

    def record(self, session_id: str, seq: int) -> dict[str, Any]:
        """Return a record in the current schema version; of an exchange that still runs, what is known of it.

        :raises NotKept: when there is none.
        """
        return as_record(self._json(session_id, seq))

    def records(self, session_id: str, seqs: Sequence[int]) -> list[dict[str, Any]]:
        """Return several records of a session (see `record`).

        :raises NotKept: when one of them is not there.
        """
        found = self.lines(session_id, seqs)
        return [as_record(found[seq]) if seq in found else self.record(session_id, seq) for seq in seqs]

    def lines(self, session_id: str, seqs: Iterable[int]) -> dict[int, bytes]:
        """Return the JSON of several records of a session, for `as_record`, reading each segment once for all.

        :return: by number. What is left out may still be had one by one: the index may not know it yet.
        """

        def question(connection: Connection) -> list[_Numbered]:
            return [(seq, place_of(connection, session_id, seq)) for seq in seqs]

        wanted: dict[str, dict[int, tuple[int, int]]] = {}
        for seq, place in self._source.ask(question, list[_Numbered]()):
            if place is not None:
                wanted.setdefault(place[0], {})[seq] = place[1:]
        found = {}
        for name, places in wanted.items():
            read = self._lines.several(name, list(places.values()))
            found.update({seq: read[offset] for seq, (offset, _) in places.items() if offset in read})
        return found

    def each(self, session_id: str, summaries: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Go through records of a session, a few megabytes at a time; those that are kept no more are passed over.

        :param summaries: of the records, in the order that is wanted.
        """
        for batch in batches(summaries):
            found = self.lines(session_id, batch)
            for seq in batch:
                line = found.pop(seq, None)
                try:
                    yield as_record(line) if line else self.record(session_id, seq)
                except NotKept:
                    continue

    def line(self, session_id: str, seq: int) -> bytes:
        """Return a record's JSON as it was written, without its checksum.

        :raises NotKept: when there is none.
        """
        data = self._json(session_id, seq)
        if data.endswith(_CURRENT) and b'"event":"started"' not in data[-60:]:
            return data
        return msgspec.json.encode(self.record(session_id, seq))

    def stats(self, since: int | None = None) -> dict[str, Any]:
        """Return statistics of the finished requests, in total and for each upstream and model.

        :param since: earliest start, milliseconds since the epoch.
        """
        answer = self._source.ask(lambda connection: statistics(connection, since), no_statistics())
        return {"since": since, "rebuilding": self._source.rebuilding(), **answer}

    def periods(self, span: str, since: int | None = None) -> list[dict[str, Any]]:
        """Return statistics of each hour or day (see `ccsproxy.store.reader.stats.periods`)."""
        return self._source.ask(lambda connection: periods(connection, span, since), [])

    def directories(self, since: int | None = None) -> list[dict[str, Any]]:
        """Return statistics of each working directory (see `ccsproxy.store.reader.stats.directories`)."""
        return self._source.ask(lambda connection: directories(connection, since), [])

    def meta(self) -> dict[str, list[Any]]:
        """Return the values that each filter may have, the most frequent first."""
        return self._source.ask(distinct_values, {})

    def stamp(self, session_id: str) -> Stamp | None:
        """Return what tells the state of a session from a later one, None when it is not known."""
        return self._source.ask(lambda connection: stamp_of(connection, session_id), None)

    def calls(self, session_id: str) -> list[Call]:
        """Return the facts of every finished call of a session, from the records where the index has none yet."""

        def question(connection: Connection) -> tuple[list[Call], list[dict[str, Any]]]:
            return session_calls(connection, session_id), missing(connection, session_id)

        found, left = self._source.ask(question, (list[Call](), list[dict[str, Any]]()))
        return completed(found, self.each(session_id, left), self._price) if left else found

    def calls_with(self, what: str, since: int | None = None, most: int = 5000) -> list[Call]:
        """Return the newest calls that tell something, without their prompts, in the order of their start.

        :param what: ``limits`` or ``secrets``.
        :param since: earliest start, milliseconds since the epoch.
        """
        first = (since or 0) << KEY_BITS
        return self._source.ask(lambda connection: calls_with(connection, what, first, most), [])

    def prompt_versions(self) -> list[Version]:
        """Return the distinct system prompts and tool sets, those used last first."""
        return self._source.ask(prompt_versions, [])

    def facts_due(self) -> int:
        """Return how many requests wait for their facts."""
        return self._source.ask(calls_due, 0)

    def tail(self) -> Tail:
        """Return a tail of the records written from now on."""
        tail = Tail(self._lines, self._price)
        tail.begin()
        return tail

    def close(self) -> None:
        """Let go of the calling thread's connection."""
        self._source.close()

    def _json(self, session_id: str, seq: int) -> bytes:
        """Return the JSON of an exchange's line."""
        place = self._source.ask(lambda connection: place_of(connection, session_id, seq), None)
        known = place is not None
        data = self._lines.at(*place) if place else None
        if data is None:
            marks = self._source.ask(marks_of, dict[str, int]())
            place = find_place(self._lines, session_id, seq, marks)
            data = self._lines.at(*place) if place else None
        if data is not None:
            return data
        if known:
            raise NotKept(f"request {seq} of session {session_id} is no longer kept", expired=True)
        raise NotKept(f"there is no request {seq} in session {session_id}")


def _merged(indexed: list[Row], recent: list[Row]) -> list[Row]:
    """Put two pages together; what the index says of an exchange counts, unless that still runs there."""
    found: dict[str, Row] = {row[1].id: row for row in recent}
    found.update({row[1].id: row for row in indexed if row[1].outcome is not None or row[1].id not in found})
    return sorted(found.values(), key=lambda row: row[0], reverse=True)


def _item(row: Row) -> dict[str, Any]:
    """Write a row as a JSON object."""
    _, summary, around = row
    item = as_dict(summary)
    if around is not None:
        item["excerpt"] = around
    return item


def as_record(data: bytes) -> dict[str, Any]:
    """Read the JSON of a line as a record in the current schema version; see `Reader.record`."""
    value = _decode(data)
    return _running(value) if value.get("event") == "started" else upgrade(value)


def _decode(data: bytes) -> dict[str, Any]:
    """Decode a line's JSON, also such that strict readers refuse."""
    try:
        value: dict[str, Any] = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError):
        value = msgspec.json.decode(plain_json(data))
    return value


def _running(started: dict[str, Any]) -> dict[str, Any]:
    """Write the ``started`` line of an exchange in the form of a record; what has not happened yet is null."""
    record = {name: None for name in Summary.__struct_fields__ if name in _OF_RECORDS}
    request = {name: started.get(name) for name in ("method", "path", "headers")} | {"body": None}
    kept = {name: value for name, value in started.items() if name not in {"event", "method", "path", "headers"}}
    return record | kept | {"request": request, "response": None, "usage": None, "error": None, "partial": True}


_OF_RECORDS = frozenset(
    [
        "request_id",
        "ended_at",
        "duration_ms",
        "ttft_ms",
        "dialect",
        "model",
        "response_model",
        "outcome",
        "stop_reason",
    ]
)
