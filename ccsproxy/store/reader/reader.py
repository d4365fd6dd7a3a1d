"""The reader: answers every question that people and programs ask of the store, without delaying the writer.

Lists, searches and statistics come from the index; a complete record comes from its segment. While the index is
missing or behind, lists are completed from the ends of the segments and marked as incomplete (``rebuilding``).
Several processes and threads may read at once.
"""

from pathlib import Path
from sqlite3 import Connection
from typing import Any

import attr

from ccsproxy.insight.facts import Call
from ccsproxy.insight.limits.readings import LimitReading
from ccsproxy.insight.prompt.prompts import Version
from ccsproxy.insight.query import ANNOTATED, LABELLED
from ccsproxy.providers.price_book import PriceBook
from ccsproxy.store.index.facts.reading import calls_with, session_calls
from ccsproxy.store.query import Query, QueryError
from ccsproxy.store.reader.aggregates.costs import GROUPS, costs, dearest_sessions
from ccsproxy.store.reader.aggregates.speeds import speeds
from ccsproxy.store.reader.aggregates.stats import directories, no_statistics, periods, statistics
from ccsproxy.store.reader.calls import Stamp, completed, missing, prompt_versions, stamp_of
from ccsproxy.store.reader.disk_use import DiskUse, disk_use
from ccsproxy.store.reader.excerpts import excerpt
from ccsproxy.store.reader.limit_history import LimitHistory
from ccsproxy.store.reader.lists import (
    SessionQuery,
    distinct_values,
    one_session,
    places_of,
    rows_around,
    running_rows,
    session_dict,
    session_rows,
    session_totals,
    session_totals_of,
)
from ccsproxy.store.reader.pages import Row, request_rows, totals
from ccsproxy.store.reader.recent import Tail, recent_rows
from ccsproxy.store.reader.records import NotKept as NotKept
from ccsproxy.store.reader.records import Place, RecordReader, not_found
from ccsproxy.store.reader.source import IndexSource
from ccsproxy.store.segments.lines import SegmentLines
from ccsproxy.store.state.annotations import Annotation, Annotations, marked
from ccsproxy.store.state.state import State
from ccsproxy.store.summary import KEY_BITS, Summary, as_dict


@attr.frozen
class RequestPage:
    """One page of a list of requests.

    :ivar items: summaries as JSON objects; those of a search have an ``excerpt``.
    :ivar before: the cursor of the next page, null on the last one.
    :ivar rebuilding: whether records may be missing because the index is being rebuilt.
    """

    items: list[dict[str, Any]]
    before: str | None
    rebuilding: bool


class Reader(RecordReader):
    """Reads the store of a data directory.

    :ivar price: returns what a call costs, by the price list and the user's own prices.
    :ivar groups: what costs may be grouped by.
    """

    def __init__(self, data_dir: Path) -> None:
        super().__init__(IndexSource(data_dir), SegmentLines(data_dir))
        self._data_dir = data_dir
        self.price = PriceBook.of_data_dir(data_dir).cost
        self.groups = tuple(GROUPS)
        self._limits = LimitHistory()

    def sessions(self, query: SessionQuery = SessionQuery()) -> list[dict[str, Any]]:  # noqa: B008  (frozen)
        """Return sessions as JSON objects, the most recently started first."""
        return self._source.ask(
            lambda connection: [session_dict(each) for each in session_rows(connection, query)], []
        )

    def disk_use(self) -> DiskUse | None:
        """Return how much of the disk the store takes up."""
        return disk_use(self._data_dir)

    def session_totals(self, query: SessionQuery) -> dict[str, Any]:
        """Sum up all sessions that match a query, on all pages."""
        return self._source.ask(lambda connection: session_totals(connection, query), {})

    def session(self, session_id: str) -> dict[str, Any]:
        """Return ``meta`` and ``requests`` of a session.

        :raises NotKept: if it is unknown.
        """

        def question(connection: Connection) -> dict[str, Any] | None:
            found = one_session(connection, session_id)
            if found is None:
                return None
            meta = session_dict(found[0])
            return {"meta": meta, "requests": [as_dict(row) for row in found[1]]}

        answer = self._source.ask(question, None)
        if answer is None:
            raise not_found(self, f"session {session_id}")
        return answer

    def session_meta(self, session_id: str) -> dict[str, Any]:
        """Return only ``meta`` of a session, at the same cost however many requests it has.

        :raises NotKept: if it is unknown.
        """
        found = self._source.ask(lambda connection: session_totals_of(connection, session_id), None)
        if found is None:
            raise not_found(self, f"session {session_id}")
        return session_dict(found)

    def around(self, session_id: str, seq: int, reach: int = 200) -> list[dict[str, Any]]:
        """Return the requests of a session whose numbers are close to one, in order."""
        rows = self._source.ask(lambda connection: rows_around(connection, session_id, seq, reach), list[Summary]())
        return [as_dict(row) for row in rows]

    def requests(self, query: Query = Query()) -> RequestPage:  # noqa: B008  (frozen)
        """Return a page of requests, newest first across sessions; ``q`` searches."""
        wanted = attr.evolve(self._looked_up(query), limit=query.limit + 1)
        rows = self._source.ask(lambda connection: request_rows(connection, wanted), list[Row]())
        rebuilding = self._source.rebuilding()
        if rebuilding:
            rows = _merged(rows, recent_rows(self._lines, wanted, self.price))
        more = len(rows) > query.limit and not query.sorted
        rows = rows[: query.limit]
        if query.q:
            rows = self._with_excerpts(rows, query.q)
        return RequestPage([_item(row) for row in rows], str(rows[-1][0]) if more and rows else None, rebuilding)

    def rebuilding(self) -> bool:
        """Tell whether records are missing in lists because the index does not exist, or is far behind the
        segments.
        """
        return self._source.rebuilding() and bool(self._lines.names())

    def running(self, limit: int = 200) -> list[dict[str, Any]]:
        """Return the exchanges in progress, the newest first."""
        rows = self._source.ask(lambda connection: running_rows(connection, limit), list[Summary]())
        return [as_dict(row) for row in rows]

    def costs(self, query: Query, by: str) -> list[dict[str, Any]]:
        """Sum up what a query matches by one of `aggregates.costs.GROUPS`, the most expensive first."""
        wanted = self._looked_up(query)
        return self._source.ask(lambda connection: costs(connection, wanted, by), [])

    def dearest_sessions(self, query: Query, most: int) -> tuple[list[str], int]:
        """Return the ids of the most expensive sessions with a matching call, and how many others there are."""
        wanted = self._looked_up(query)
        return self._source.ask(lambda connection: dearest_sessions(connection, wanted, most), (list[str](), 0))

    def totals(self, query: Query) -> dict[str, Any]:
        """Sum up everything that a query matches, on all pages."""
        wanted = self._looked_up(query)
        return self._source.ask(lambda connection: totals(connection, wanted), {})

    def annotations(self) -> list[Annotation]:
        """Return the annotations of sessions and calls, the latest change first."""
        state = State(self._data_dir)
        if not state.path.is_file():
            return []
        try:
            return Annotations(state).every()
        finally:
            state.close()

    def _looked_up(self, query: Query) -> Query:
        """Look up the annotations that a question asks for.

        :raises QueryError: if it asks who made calls: here, all are by one person.
        """
        for each in query.question.narrowings if query.question else ():
            if each.member in LABELLED:
                raise QueryError(
                    f"{each.field}: is only known for the calls of several people: use ccsproxy hub, or --from URL"
                )
        annotated = [each for each in query.question.narrowings if each.member in ANNOTATED] if query.question else []
        if not annotated:
            return query
        written = self.annotations()
        found = tuple((marked(written, each.member, each.values), each.turned) for each in annotated)
        return attr.evolve(query, marked=found)

    def _with_excerpts(self, rows: list[Row], q: str) -> list[Row]:
        """Add the text around the search words, from the records, to the rows of a search."""
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
        """Return the newest requests that contain the words, or the phrases in double quotes."""
        return self.requests(Query(q=words, limit=limit))

    def stats(self, since: int | None = None) -> dict[str, Any]:
        """Return statistics of the finished requests, in total and for each upstream and model.

        :param since: earliest start, milliseconds since the epoch.
        """
        answer = self._source.ask(lambda connection: statistics(connection, since), no_statistics())
        return {"since": since, "rebuilding": self._source.rebuilding(), **answer}

    def periods(self, span: str, since: int | None = None) -> list[dict[str, Any]]:
        """Return statistics of each hour or day (see `ccsproxy.store.reader.aggregates.stats.periods`)."""
        return self._source.ask(lambda connection: periods(connection, span, since), [])

    def speeds(self, since: int | None, until: int | None, length: int) -> dict[int, dict[str, Any]]:
        """Return the speeds of responses in each period (see `ccsproxy.store.reader.aggregates.speeds`)."""
        return self._source.ask(lambda connection: speeds(connection, since, until, length), {})

    def directories(self, since: int | None = None) -> list[dict[str, Any]]:
        """Return statistics of each working directory (see `ccsproxy.store.reader.aggregates.stats.directories`)."""
        return self._source.ask(lambda connection: directories(connection, since), [])

    def meta(self) -> dict[str, list[Any]]:
        """Return the values for each filter, the most frequent first."""
        return self._source.ask(distinct_values, {})

    def stamp(self, session_id: str) -> Stamp | None:
        """Return what identifies the current state of a session, None if it is unknown."""
        return self._source.ask(lambda connection: stamp_of(connection, session_id), None)

    def calls(self, session_id: str) -> list[Call]:
        """Return the facts of every finished call of a session, from the records if the index has none yet."""

        def question(connection: Connection) -> tuple[list[Call], list[dict[str, Any]]]:
            return session_calls(connection, session_id), missing(connection, session_id)

        found, left = self._source.ask(question, (list[Call](), list[dict[str, Any]]()))
        return completed(found, self.each(session_id, left), self.price) if left else found

    def calls_with_secrets(self, since: int | None = None, most: int = 5000) -> list[Call]:
        """Return the newest calls that sent secrets, without their prompts, in the order of their start.

        :param since: earliest start, milliseconds since the epoch.
        """
        first = (since or 0) << KEY_BITS
        return self._source.ask(lambda connection: calls_with(connection, "secrets", first, most), [])

    def limit_readings(self, since: int) -> list[LimitReading]:
        """Return what the newest responses reported about limits, in the order of time.

        :param since: earliest start of a call, milliseconds since the epoch.
        """
        return self._source.ask(lambda connection: self._limits.readings(connection, since), [])

    def prompt_versions(self) -> list[Version]:
        """Return the distinct system prompts and tool sets, most recently used first."""
        return self._source.ask(prompt_versions, [])

    def tail(self) -> Tail:
        """Return a tail of the records written from now on."""
        tail = Tail(self._lines, self.price)
        tail.begin()
        return tail

    def close(self) -> None:
        """Close the calling thread's connection."""
        self._source.close()


def _merged(indexed: list[Row], recent: list[Row]) -> list[Row]:
    """Merge two pages; for an exchange in both, the index's row is used unless it is still in progress there."""
    found: dict[str, Row] = {row[1].id: row for row in recent}
    found.update({row[1].id: row for row in indexed if row[1].outcome is not None or row[1].id not in found})
    return sorted(found.values(), key=lambda row: row[0], reverse=True)


def _item(row: Row) -> dict[str, Any]:
    """Convert a row to a JSON object."""
    _, summary, around = row
    item = as_dict(summary)
    if around is not None:
        item["excerpt"] = around
    return item
