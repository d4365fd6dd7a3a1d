"""Which sessions cost most: from their own sums, and from the calls that a question leaves over."""

from ccsproxy.store.query import Query, parse_query
from test.store.reader.test_insights import StoredCase


class DearestSessionTests(StoredCase):
    """The generated days."""

    def dearest(self, query: Query) -> list[str]:
        """Return the sessions that the costs by session name, the most expensive first."""
        return [str(row["name"]) for row in self.reader.costs(query, "session")]

    def test_all(self) -> None:
        """The same sessions in the same order as by summing up calls, and how many are left out."""
        for query in (Query(), parse_query({"q": "model:opus"}), parse_query({"q": "refund"}), Query(since=1)):
            wanted = self.dearest(query)
            self.assertGreater(len(wanted), 1)
            self.assertEqual(self.reader.dearest_sessions(query, 100), (wanted, 0))
            self.assertEqual(self.reader.dearest_sessions(query, 1), (wanted[:1], len(wanted) - 1))

    def test_since(self) -> None:
        """Sessions with a call since then, and none before."""
        started = self.started()
        query = Query(since=started[len(started) // 2])
        self.assertEqual(sorted(self.reader.dearest_sessions(query, 100)[0]), sorted(self.dearest(query)))
        self.assertEqual(self.reader.dearest_sessions(Query(since=1 << 42), 100), ([], 0))

    def started(self) -> list[int]:
        """Return when each call began, in milliseconds since the epoch."""
        sql = "SELECT key >> 21 FROM request_rows ORDER BY key"
        return self.reader._source.ask(lambda connection: [ms for (ms,) in connection.execute(sql)], list[int]())


class FarTimeTests(StoredCase):
    """Times that no record can have."""

    def test_far(self) -> None:
        """They are as good as any other, in lists, searches, sums and statistics."""
        every = self.reader.totals(Query())["requests"]
        for asked, count in (("since:2150-01-01", 0), ("until:9999-12-31", every), ("since:1000000000d", every)):
            for words in ("", " refund"):
                query = parse_query({"q": asked + words})
                self.assertEqual(bool(self.reader.requests(query).items), bool(count), asked)
                self.reader.dearest_sessions(query, 9)
            self.assertEqual(self.reader.totals(parse_query({"q": asked}))["requests"], count)
        late = parse_query({"since": "2150-01-01"}).since
        self.assertEqual(self.reader.stats(late)["totals"]["requests"], 0)
