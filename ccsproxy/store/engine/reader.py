"""The reader of an engine: the interface of the local reader, over shipped records.

It offers what `ccsproxy.store.reader.reader.Reader` offers. What only a running service knows (calls in progress,
annotations) is empty here; what is derived from records requires those that the engine keeps completely.
"""

import time
from collections.abc import Sequence
from typing import Any

import attr

from ccsproxy.insight.facts import Call
from ccsproxy.insight.limits.readings import LimitReading, readings
from ccsproxy.insight.prompt.prompts import Version
from ccsproxy.insight.query import ANNOTATED, LABELLED
from ccsproxy.providers.price_book import PriceBook
from ccsproxy.store.engine.aggregates import costs, periods_by, tallies, totals, where
from ccsproxy.store.engine.conditions import conditions, member, order
from ccsproxy.store.engine.engine import Engine
from ccsproxy.store.engine.insights import (
    MOST_PROMPTS,
    ReadPrompt,
    calls_with_secrets,
    keys_with_limits,
    prompt_versions,
)
from ccsproxy.store.engine.records import EngineRecords
from ccsproxy.store.engine.sessions import NEEDS_EACH_CALL_ONCE, fold_session, sessions_order, sessions_sql
from ccsproxy.store.index.sessions import SessionTotals
from ccsproxy.store.index.tallies import DAY_MS, HOUR_MS
from ccsproxy.store.query import FIELDS, Query
from ccsproxy.store.reader.aggregates.costs import GROUPS, OF_MANY
from ccsproxy.store.reader.aggregates.speeds import MOST, MS, TOKENS, speeds_of
from ccsproxy.store.reader.aggregates.stats import as_dict as tally_dict
from ccsproxy.store.reader.aggregates.stats import ordered, statistics_of
from ccsproxy.store.reader.calls import Stamp, completed
from ccsproxy.store.reader.disk_use import DiskUse
from ccsproxy.store.reader.excerpts import excerpt
from ccsproxy.store.reader.lists import SessionQuery, session_dict
from ccsproxy.store.reader.reader import RequestPage
from ccsproxy.store.reader.records import NotKept, as_record
from ccsproxy.store.state.annotations import Annotation, marked
from ccsproxy.store.summary import KEY_BITS, Price, Summary, as_dict

#: How many seconds the values for filters are cached: they change slowly, and each is a sum over all calls.
_META_S = 60.0


class EngineReader(EngineRecords):
    """Reads from an engine. May be used by several threads.

    :ivar price: returns what a call costs, by the price list.
    :ivar groups: what costs may be grouped by.
    :param scope: a condition on ``exchanges`` that always applies: other calls do not exist for this reader.
    """

    def __init__(self, engine: Engine, scope: str = "", price: Price | None = None) -> None:
        super().__init__(engine, scope)
        self.groups = (*GROUPS, *OF_MANY)
        self._prompts: dict[str, ReadPrompt] = {}
        self._meta: tuple[float, dict[str, list[Any]]] = (0.0, {})
        self.price = price or PriceBook().cost

    def requests(self, query: Query = Query()) -> RequestPage:  # noqa: B008  (frozen)
        """Return a page of requests, newest first; ``q`` searches."""
        wanted = _looked_up(query)
        if query.sorted or query.offset:
            found = self._sorted(conditions(self._engine, wanted), order(wanted), query.limit + 1, query.offset)
        else:
            found = self._newest(wanted, query.limit + 1)
        # One more row than shown was requested: it reveals that there is a next page, without counting all.
        more = len(found) > query.limit and not query.sorted
        found = found[: query.limit]
        items = [as_dict(row) for _, row in found]
        if query.q:
            self._add_excerpts(items, query.q)
        return RequestPage(items, str(found[-1][0]) if more and found else None, rebuilding=False)

    def search(self, words: str, limit: int = 100) -> RequestPage:
        """Return the newest requests that contain the words, or the phrases in double quotes."""
        return self.requests(Query(q=words, limit=limit))

    def sessions(self, query: SessionQuery = SessionQuery()) -> list[dict[str, Any]]:  # noqa: B008  (frozen)
        """Return sessions as JSON objects, the most recently started first."""
        order_by = sessions_order(query)
        sql = f"{self._sessions_sql(query)} ORDER BY {order_by} LIMIT {query.limit} OFFSET {query.offset}"
        names = [row[0] for row in self._engine.rows(sql)]
        return [session_dict(each) for each in self._folded(names)]

    def disk_use(self) -> DiskUse | None:
        """Return None: where an engine keeps its rows is not known here."""
        return None

    def session_totals(self, query: SessionQuery) -> dict[str, Any]:
        """Sum up all sessions that match a query, on all pages."""
        matching = self._sessions_sql(attr.evolve(query, sort=""))
        narrowed = attr.evolve(query, limit=0, offset=0, sort="", include_empty=False) != SessionQuery(limit=0)
        among = [f"session_id IN (SELECT session_id FROM ({matching}) AS s)"] if narrowed else []  # noqa: S608
        found = totals(self._engine, self._relation, among)
        count = self._engine.rows(f"SELECT count(*) FROM ({matching}) AS s")  # noqa: S608
        return {"sessions": int(count[0][0]) if count else 0, **found}

    def session(self, session_id: str) -> dict[str, Any]:
        """Return ``meta`` and ``requests`` of a session.

        :raises NotKept: if it is unknown.
        """
        rows = self._of_session(session_id)
        if not rows:
            raise NotKept(f"there is no session {session_id}")
        meta = session_dict(fold_session(rows))
        return {"meta": meta, "requests": [as_dict(row) for _, row in sorted(rows, key=lambda each: each[1].seq)]}

    def session_meta(self, session_id: str) -> dict[str, Any]:
        """Return ``meta`` of a session alone.

        :raises NotKept: if it is unknown.
        """
        return dict(self.session(session_id)["meta"])

    def around(self, session_id: str, seq: int, reach: int = 200) -> list[dict[str, Any]]:
        """Return the requests of a session whose numbers are close to one, in order."""
        rows = self._of_session(session_id, f"seq BETWEEN {seq - reach} AND {seq + reach}")
        return [as_dict(row) for _, row in sorted(rows, key=lambda each: each[1].seq)]

    def rebuilding(self) -> bool:
        """Return false: an engine has no index that could lag behind."""
        return False

    def running(self, limit: int = 200) -> list[dict[str, Any]]:
        """Return nothing: only finished calls are shipped."""
        return []

    def costs(self, query: Query, by: str) -> list[dict[str, Any]]:
        """Sum up what a query matches by a group, the most expensive first."""
        return costs(self._engine, self._relation, conditions(self._engine, _looked_up(query)), by)

    def dearest_sessions(self, query: Query, most: int) -> tuple[list[str], int]:
        """Return the ids of the most expensive sessions with a matching call, and how many others there are."""
        names = [str(each["name"]) for each in self.costs(query, "session") if each["name"]]
        return names[:most], max(len(names) - most, 0)

    def totals(self, query: Query) -> dict[str, Any]:
        """Sum up everything that a query matches, on all pages."""
        wanted = attr.evolve(_looked_up(query), before=0)
        return totals(self._engine, self._relation, conditions(self._engine, wanted))

    def stats(self, since: int | None = None) -> dict[str, Any]:
        """Return statistics of the finished requests, in total and for each upstream and model."""
        found = tallies(self._engine, self._relation, self._since(since), ["upstream", "coalesce(model, '')"])
        groups = {(str(upstream), str(model)): tally for (upstream, model), tally in found.items()}
        return {"since": since, "rebuilding": False, **statistics_of(groups)}

    def periods(self, span: str, since: int | None = None) -> list[dict[str, Any]]:
        """Return statistics of each hour or day (UTC)."""
        length = {"hour": HOUR_MS, "day": DAY_MS}[span]
        first = [] if since is None else self._since(since // length * length)
        found = tallies(self._engine, self._relation, first, [periods_by(self._engine, span)])
        return [{"start_ms": int(start) * length, **tally_dict(found[(start,)])} for (start,) in sorted(found)]

    def speeds(self, since: int | None, until: int | None, length: int) -> dict[int, dict[str, Any]]:
        """Return the speeds of responses in each period (see `ccsproxy.store.reader.aggregates.speeds`)."""
        span = self._engine.whole(f"key / {float(length << KEY_BITS)!r}")
        found = [*self._since(since), f"output_tokens >= {TOKENS}", f"duration_ms - ttft_ms >= {MS}"]
        if until is not None:
            found.append(f"key < {until << KEY_BITS}")
        rows = self._engine.rows(
            f"SELECT {span}, output_tokens * 1000.0 / (duration_ms - ttft_ms) FROM {self._relation} AS e "  # noqa: S608
            f"WHERE {where(found)} ORDER BY key DESC LIMIT {MOST}"
        )
        return speeds_of((int(number) * length, float(speed)) for number, speed in rows)

    def directories(self, since: int | None = None) -> list[dict[str, Any]]:
        """Return statistics of each working directory, the busiest first."""
        found = tallies(self._engine, self._relation, self._since(since), ["coalesce(cwd, '')"])
        named = {("", str(cwd)): tally for (cwd,), tally in found.items()}
        return [{"cwd": cwd or None, **tally_dict(tally)} for (_, cwd), tally in ordered(named)]

    def meta(self) -> dict[str, list[Any]]:
        """Return the values for each filter, the most frequent first, from a short-lived cache."""
        at, found = self._meta
        if not found or time.monotonic() - at > _META_S:
            found = self._values()
            self._meta = time.monotonic(), found
        return found

    def _values(self) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        named = {"tool": self._engine.each_of("tools"), **{field: member(field) for field in LABELLED}}
        for field in sorted((*FIELDS, *named)):
            column = named.get(field, field)
            sql = (
                f"SELECT value FROM (SELECT {column} AS value FROM {self._repeated} AS e) AS v "  # noqa: S608
                "WHERE value IS NOT NULL GROUP BY value ORDER BY count(*) DESC, value"
            )
            if values := [value for (value,) in self._engine.rows(sql) if value != ""]:
                found[field] = values
        return found

    def stamp(self, session_id: str) -> Stamp | None:
        """Return what identifies the current state of a session, None if it is unknown."""
        named = f"session_id = {self._engine.literal(session_id)}"
        rows = self._engine.rows(f"SELECT count(*), max(key) FROM {self._relation} AS e WHERE {named}")  # noqa: S608
        return Stamp(int(rows[0][0]), int(rows[0][1])) if rows and rows[0][0] else None

    def calls(self, session_id: str) -> list[Call]:
        """Return the facts of every call of a session, derived from its records."""
        summaries = [as_dict(row) for _, row in self._of_session(session_id)]
        return completed([], self.each(session_id, summaries), self.price)

    def calls_with_secrets(self, since: int | None = None, most: int = 5000) -> list[Call]:
        """Return the newest calls that sent secrets, in the order of their start."""
        return calls_with_secrets(self._engine, self._relation, self._since(since), most)

    def limit_readings(self, since: int) -> list[LimitReading]:
        """Return what responses reported about limits; some calls of each account and upstream are examined."""
        keys = keys_with_limits(self._engine, self._repeated, self._since(since))
        rows = self._rows([f"key IN ({', '.join(map(str, keys))})"], "key", 2 * len(keys), 0) if keys else []
        lines = self._lines([row.id for _, row in rows])
        found_records = [as_record(lines[row.id]) for _, row in rows if row.id in lines]
        return list(readings(completed([], found_records, self.price)))

    def prompt_versions(self) -> list[Version]:
        """Return the distinct system prompts and tool sets, most recently used first."""
        return prompt_versions(self._engine, self._relation, self._prompt_items)

    def _prompt_items(self, name: str, kind: str, calls: Sequence[Call]) -> ReadPrompt | None:
        """Return the items of a prompt from a record that contains it; its id determines its content.

        :param calls: calls that sent it; the rates are those of the first that has any.
        """
        found = self._prompts.get(name)
        for call in () if found is not None else calls:
            try:
                (read,) = completed([], [self.record(call.session_id, call.seq)], self.price)
            except NotKept:
                continue
            found = read.of_level(kind), read.rates
            if read.rates is not None:
                break
        if found is not None:
            if len(self._prompts) > 10 * MOST_PROMPTS:
                self._prompts.clear()
            self._prompts[name] = found
        return found

    def annotations(self) -> list[Annotation]:
        """Return nothing: annotations stay on their machines."""
        return []

    def close(self) -> None:
        """Do nothing: there is nothing to close."""

    def _since(self, since: int | None) -> list[str]:
        return conditions(self._engine, Query(since=since))

    def _sessions_sql(self, query: SessionQuery) -> str:
        relation = self._relation if query.sort in NEEDS_EACH_CALL_ONCE else self._repeated
        return sessions_sql(self._engine, relation, query)

    def _folded(self, names: Sequence[str]) -> list[SessionTotals]:
        """Assemble sessions from their calls, as the index does."""
        if not names:
            return []
        listed = ", ".join(map(self._engine.literal, names))
        found: dict[str, list[tuple[int, Summary]]] = {name: [] for name in names}
        for key, row in self._rows([f"session_id IN ({listed})"], "key", 1_000_000, 0):
            found[row.session_id].append((key, row))
        return [fold_session(rows) for rows in found.values() if rows]

    def _add_excerpts(self, items: list[dict[str, Any]], q: str) -> None:
        lines = self._lines([item["id"] for item in items])
        for item in items:
            line = lines.get(item["id"])
            around = excerpt(line, q) if line else None
            if around is not None:
                item["excerpt"] = around


def _looked_up(query: Query) -> Query:
    """Make conditions on annotations match nothing: there are none here."""
    annotated = [each for each in query.question.narrowings if each.member in ANNOTATED] if query.question else []
    return attr.evolve(query, marked=tuple((marked([], each.member, each.values), each.turned) for each in annotated))
