"""Tests of the reader: filters, pages, records and statistics, beside a writer and without an index."""

import statistics
import threading
from collections import Counter
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ccsproxy.exchange import codec
from ccsproxy.store.index.schema import NAME
from ccsproxy.store.index.texts.record_texts import tool_names
from ccsproxy.store.query import Query, matches, parse_query
from ccsproxy.store.reader.lists import BATCH, BATCH_BYTES, SessionQuery, batches
from ccsproxy.store.reader.reader import NotKept, Reader
from ccsproxy.store.segments.compressed import FrameWriter, seek_table
from ccsproxy.store.segments.segment import compressed_path, plain_path
from ccsproxy.store.summary import milliseconds, read_entry, summarise
from test.effort import effort
from test.store.corpus import MODELS, OUTCOMES, START, TOOLS, Corpus, Segments, started
from test.store.index.test_index import StoreCase

_filters = st.fixed_dictionaries(
    {},
    optional={
        "model": st.lists(st.sampled_from((*MODELS, "none")), max_size=2).map(",".join),
        "upstream": st.sampled_from(("anthropic", "openai", "anthropic,openai", "x")),
        "outcome": st.lists(st.sampled_from(OUTCOMES), max_size=2).map(",".join),
        "status": st.sampled_from(("200", "529", "200,529", "418")),
        "client": st.sampled_from(("codex", "claude-code")),
        "tool": st.lists(st.sampled_from(TOOLS), max_size=2).map(",".join),
        "cwd": st.sampled_from(("/home/dev/project-1", "/home/dev/project-2,/home/dev/project-3")),
        "since": st.integers(0, 3000).map(lambda seconds: str(START + 1000 + seconds)),
        "until": st.integers(0, 3000).map(lambda seconds: str(START + 1000 + seconds)),
        "limit": st.sampled_from(("1", "7", "500")),
    },
)


class FilterTests(StoreCase):
    """Filters mean what they say."""

    def setUp(self) -> None:
        """Index a store of 120 exchanges."""
        super().setUp()
        self.records = self.segments.fill(120)
        self.feed()
        self.rows = [_summary(record) for record in self.records]

    def test_any_filters_equal_looking_at_every_record(self) -> None:
        """Each combination of filters finds exactly what a look at every record finds, newest first."""

        @settings(max_examples=effort(60), deadline=None)
        @given(_filters)
        def check(given_: dict[str, str]) -> None:
            query = parse_query(given_)
            wanted = [row.id for row in reversed(self.rows) if matches(query, row)]
            page = self.reader.requests(query)
            self.assertEqual([item["id"] for item in page.items], wanted[: query.limit])
            self.assertEqual(page.before is not None, len(wanted) > query.limit)

        check()

    def test_a_share_that_nobody_told_is_unknown(self) -> None:
        """A call that says nothing of its cache has no share of it, which is not a share of nothing."""
        usage = {**self.records[0]["usage"], "cache_read_input_tokens": None}
        untold = {**self.records[0], "id": "0" * 26, "session_id": "untold", "usage": usage}
        self.segments.write(untold)
        self.feed()
        page = self.reader.requests(parse_query({"q": "cached:>=0", "limit": "500"}))
        self.assertEqual(
            {item["id"] for item in page.items}, {record["id"] for record in self.records if record["usage"]}
        )
        page = self.reader.requests(parse_query({"q": "sort:cached", "limit": "500"}))
        self.assertEqual(page.items[-1]["id"], untold["id"])

    def test_pages_have_everything_once(self) -> None:
        """Following the cursor visits every request once, with filters, search or neither."""
        word = self.records[5]["request"]["body"]["messages"][0]["content"][0]["text"].split()[0]
        for given_ in (
            {},
            {"upstream": "anthropic"},
            {"tool": "Bash,Read"},
            {"q": word},
            {"model": ",".join(MODELS)},
        ):
            whole = self.ids(**given_, limit="1000")
            seen, before = [], "0"
            while before is not None:
                page = self.reader.requests(parse_query({**given_, "limit": "7", "before": before}))
                seen += [item["id"] for item in page.items]
                before = page.before
            self.assertEqual(seen, whole)

    def test_new_requests_do_not_move_a_page(self) -> None:
        """The second page is the same whether or not requests were added after the first was read."""
        first = self.reader.requests(Query(limit=10))
        second = self.reader.requests(Query(limit=10, before=int(first.before or 0)))
        later = [record | {"session_id": "later"} for record in Corpus(seed=50).records(5)]
        self.segments.write(*later)
        self.feed()
        self.assertEqual(self.reader.requests(Query(limit=10, before=int(first.before or 0))), second)

    def test_sessions(self) -> None:
        """Sessions have the totals of their requests and pass filters by what is in them."""
        listed = self.reader.sessions(SessionQuery(limit=1000))
        self.assertEqual(
            [each["started_at"] for each in listed], sorted((each["started_at"] for each in listed), reverse=True)
        )
        for session in listed:
            own = [record for record in self.records if record["session_id"] == session["session_id"]]
            self.assertEqual(session["request_count"], len(own))
            self.assertEqual(session["total_input_tokens"], sum(record["usage"]["input_tokens"] for record in own))
            self.assertEqual(session["models"], sorted({record["model"] for record in own}))
            self.assertEqual(session["ended_at"], max(record["ended_at"] for record in own))
            self.assertTrue(
                own[0]["request"]["body"]["messages"][0]["content"][0]["text"].startswith(session["title"][:-1])
            )
        codex = self.reader.sessions(SessionQuery(model=("gpt-5.2-codex",)))
        self.assertEqual({each["provider"] for each in codex}, {"codex"})
        self.assertEqual(self.reader.sessions(SessionQuery(limit=2, offset=1)), listed[1:3])

    def test_one_session(self) -> None:
        """A session shows its requests in their order; one that is not there is said to be so."""
        wanted = self.records[0]["session_id"]
        found = self.reader.session(wanted)
        self.assertEqual(found["meta"]["session_id"], wanted)
        numbers = [item["seq"] for item in found["requests"]]
        self.assertEqual(numbers, sorted(record["seq"] for record in self.records if record["session_id"] == wanted))
        self.assertRaises(NotKept, self.reader.session, "nobody")

    def test_statistics(self) -> None:
        """Counts and sums are exact for any beginning, percentiles within 1 % of a neighbour's."""
        for since in (None, *(int((START + 1000 + each) * 1000) for each in (0, 777, 1500, 9000))):
            chosen = [
                record for record in self.records if since is None or milliseconds(record["started_at"]) >= since
            ]
            stats = self.reader.stats(since)
            totals = stats["totals"]
            self.assertEqual(totals["requests"], len(chosen))
            self.assertEqual(totals["errors"], sum(record["outcome"] != "complete" for record in chosen))
            known = [record["usage"]["input_tokens"] for record in chosen]
            self.assertEqual(totals["input_tokens"], sum(known) if known else None)
            self.assertIs(totals["cache_creation_input_tokens"], None)
            self.assertEqual(sum(group["requests"] for group in stats["models"]), len(chosen))
            if len(chosen) > 1:
                median = statistics.median_low(record["duration_ms"] for record in chosen)
                self.assertLess(abs(totals["duration_p50_ms"] / median - 1), 0.011)

    def test_statistics_of_directories(self) -> None:
        """Each working directory has the counts and sums of its requests, for any beginning."""
        for since in (None, *(int((START + 1000 + each) * 1000) for each in (0, 777, 9000))):
            chosen = [
                record for record in self.records if since is None or milliseconds(record["started_at"]) >= since
            ]
            found = {each["cwd"]: each for each in self.reader.directories(since)}
            self.assertEqual(set(found), {record["client"]["cwd"] for record in chosen})
            for cwd, group in found.items():
                own = [record for record in chosen if record["client"]["cwd"] == cwd]
                self.assertEqual(group["requests"], len(own))
                self.assertEqual(group["output_tokens"], sum(record["usage"]["output_tokens"] for record in own))

    def test_statistics_of_hours_and_days(self) -> None:
        """Every request is in one hour and in one day."""
        for span, length in (("hour", 3_600_000), ("day", 86_400_000)):
            starts = Counter(milliseconds(record["started_at"]) // length * length for record in self.records)
            found = {each["start_ms"]: each["requests"] for each in self.reader.periods(span)}
            self.assertEqual(found, starts)
            last = max(starts)
            self.assertEqual([each["start_ms"] for each in self.reader.periods(span, last + 5)], [last])

    def test_values_for_filters(self) -> None:
        """Every value that a filter may have is there."""
        meta = self.reader.meta()
        self.assertEqual(set(meta["model"]), {record["model"] for record in self.records})
        self.assertEqual(set(meta["tool"]), {name for row in self.rows for name in row.tools})
        self.assertEqual(set(meta["status"]), {200, 529})


class RecordTests(StoreCase):
    """A record is read as it was written, wherever it is by now."""

    def test_record_and_line(self) -> None:
        """Record and line are what was written, from the plain and from the compressed segment."""
        records = self.segments.fill(20)
        self.feed()
        self.check_several(records)
        for name in sorted(path.stem for path in (self.data_dir / "segments").iterdir()):
            path = plain_path(self.data_dir, name)
            data = path.read_bytes()
            writer = FrameWriter()
            packed = b"".join([*writer.add(data), writer.finish()])
            compressed_path(self.data_dir, name).write_bytes(packed + seek_table([(len(packed), len(data))]))
            path.unlink()
        self.feed()
        for record in records:
            self.assertEqual(self.reader.record(record["session_id"], record["seq"]), record)
            self.assertEqual(msgspec.json.decode(self.reader.line(record["session_id"], record["seq"])), record)
        self.check_several(records)
        self.assertEqual(self.reader.sessions(SessionQuery(limit=1))[0]["in_flight"], 0)

    def check_several(self, records: list[dict[str, Any]]) -> None:
        """Compare records that are read together with what was written; one that is not there is an error."""
        session = records[0]["session_id"]
        own = {record["seq"]: record for record in records if record["session_id"] == session}
        backwards = sorted(own, reverse=True)
        self.assertGreater(len(own), 1)
        self.assertEqual(self.reader.records(session, backwards), [own[seq] for seq in backwards])
        self.assertEqual(sorted(self.reader.lines(session, [*own, 99, *own])), sorted(own))
        summaries = [{"seq": seq, "request_bytes": 5 << 20, "response_bytes": None} for seq in (*backwards, 99, *own)]
        self.assertEqual(
            list(self.reader.each(session, summaries)), [own[seq] for seq in backwards] + list(own.values())
        )
        self.assertRaises(NotKept, self.reader.records, session, [*own, 99])

    def test_missing_segment_means_expired(self) -> None:
        """A record whose segment is gone is expired; one that never was is unknown."""
        (record,) = self.segments.fill(1)
        self.feed()
        for path in (self.data_dir / "segments").iterdir():
            path.unlink()
        expired = self.assertRaises(NotKept, self.reader.record, record["session_id"], record["seq"])
        unknown = self.assertRaises(NotKept, self.reader.record, record["session_id"], 99)
        self.assertEqual((expired.expired, unknown.expired), (True, False))
        self.assertEqual(self.reader.lines(record["session_id"], [record["seq"]]), {})

    def test_lone_surrogates_do_not_hide_a_record(self) -> None:
        """A record with half of a surrogate pair is listed, shown and searched."""
        record = next(Corpus().records(1))
        record["request"]["body"] = {"messages": [{"role": "user", "content": "cut \ud83d emoji"}]}
        self.segments.write(record)
        self.feed()
        self.assertEqual(self.ids(q="emoji"), [record["id"]])
        self.assertIn("cut", self.reader.record(record["session_id"], 1)["request"]["body"]["messages"][0]["content"])


class BatchTests(StoreCase):
    """What is read together."""

    def test_bounded(self) -> None:
        """A batch has so many records and so many bytes; a record that is larger is read alone."""
        sizes = [1, 2, BATCH_BYTES + 1, 3, BATCH_BYTES - 5, 2, 1, *[None] * (BATCH + 1)]
        found = list(batches({"seq": seq, "request_bytes": size} for seq, size in enumerate(sizes)))
        self.assertEqual([len(batch) for batch in found], [2, 1, 3, BATCH, 2])
        self.assertEqual([seq for batch in found for seq in batch], list(range(len(sizes))))
        self.assertEqual(list(batches([])), [])


class WithoutIndexTests(StoreCase):
    """A store without its index answers, and says that it may not know everything."""

    def test_newest_requests_are_listed(self) -> None:
        """Lists come from the segments' ends, with filters and search, flagged."""
        records = self.segments.fill(40)
        page = self.reader.requests(Query(limit=1000))
        self.assertTrue(page.rebuilding)
        self.assertEqual([item["id"] for item in page.items], [record["id"] for record in reversed(records)])
        errors = [record["id"] for record in reversed(records) if record["outcome"] == "http_error"]
        self.assertEqual(self.ids(outcome="http_error"), errors)
        text = records[3]["response"]["body_reassembled"]["content"][0]["text"]
        self.assertIn(records[3]["id"], self.ids(q=f'"{text}"'))

    def test_records_are_found(self) -> None:
        """A record is found by looking through the segments."""
        records = self.segments.fill(20)
        for record in records[::7]:
            self.assertEqual(self.reader.record(record["session_id"], record["seq"]), record)

    def test_empty_data_dir(self) -> None:
        """Nothing is there, and every question has an answer."""
        reader = Reader(self.data_dir / "nowhere")
        self.assertEqual((reader.sessions(), reader.meta(), reader.requests().items), ([], {}, []))
        self.assertEqual(reader.stats()["totals"]["requests"], 0)
        self.assertRaises(NotKept, reader.record, "s", 1)

    def test_damage_under_a_reader(self) -> None:
        """An index that turns to garbage while it is read is an index that is not there."""
        self.segments.fill(10)
        self.feed()
        self.assertEqual(len(self.ids()), 10)
        path = self.data_dir / NAME
        path.write_bytes(b"\x55" * path.stat().st_size)
        reader = Reader(self.data_dir)
        self.assertEqual(len(reader.requests().items), 10)
        reader.close()


class BesideWriterTests(StoreCase):
    """Readers in other threads read on while records are written and indexed."""

    def test_concurrent_reader(self) -> None:
        """Every list that is read while the index grows is whole, ordered and never shrinks."""
        feeder = self.start()
        faults: list[str] = []
        done = threading.Event()

        def read() -> None:
            reader, most = Reader(self.data_dir), 0
            while not done.is_set():
                ids = [item["id"] for item in reader.requests(Query(limit=1000)).items]
                total = reader.stats()["totals"]["requests"]
                if ids != sorted(ids, reverse=True) or len(ids) < most or total > 150:
                    faults.append(f"{len(ids)} after {most}")
                most = len(ids)
            reader.close()

        threads = [threading.Thread(target=read) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for record in Corpus().records(150):
                self.segments.write(started(record), record)
                feeder.wrote(1)
            self.assertTrue(feeder.caught_up(30))
        finally:
            done.set()
            for thread in threads:
                thread.join()
        self.assertEqual(faults, [])
        self.assertEqual(len(self.ids(limit="1000")), 150)

    def test_half_a_line_is_not_seen(self) -> None:
        """A record counts from its newline on, whatever part of it is there before."""
        record = next(Corpus().records(1))
        line = codec.encode(record)
        name = self.segments.write(started(record) | {"id": "0" * 26, "seq": 9})
        tail = self.reader.tail()
        for end in range(0, len(line), 97):
            with plain_path(self.data_dir, name).open("ab") as file:
                file.write(line[end : end + 97])
            self.assertEqual(len(list(tail.poll())), end + 97 >= len(line))
        self.assertEqual(list(tail.poll()), [])

    def test_tail_follows_over_segments(self) -> None:
        """A tail gives each new record once, also those of segments begun after it."""
        self.segments.fill(3)
        tail = self.reader.tail()
        later = Segments(self.data_dir)
        later._name = "20991231T000000000Z-00000001"
        records = later.fill(4, Corpus(seed=3))
        self.assertEqual([row.id for row in tail.poll()], [record["id"] for record in records])
        self.assertEqual(list(tail.poll()), [])


def _summary(record: dict) -> object:
    """Return what the index should know of a record."""
    row = summarise(read_entry(codec.strip(codec.encode(record))))
    row.tools = tool_names(record["response"]["body_reassembled"])
    return row


class PlanTests(StoreCase):
    """What is asked of one session is asked of its rows alone, however many others there are."""

    def setUp(self) -> None:
        super().setUp()
        self.records = self.segments.fill(60)
        self.feed()

    def test_a_session_is_found_by_its_index(self) -> None:
        """No question scans all rows; SQLite does where it has to convert a column for the comparison."""
        session = self.records[0]["session_id"]
        plans: list[str] = []
        asked = self.reader._source._connection

        def explaining() -> Any:
            return _Explaining(asked(), plans)

        self.patch(self.reader._source, "_connection", explaining)
        self.reader.session(session)
        self.reader.around(session, 2)
        self.reader.calls(session)
        self.reader.record(session, 1)
        self.reader.records(session, [1])
        self.reader.totals(Query(session=(session,)))
        self.reader.requests(Query(session=(session,)))
        self.assertTrue(any("requests_by_seq (session_id=?" in plan for plan in plans))
        self.assertEqual([plan for plan in plans if plan.startswith(("SCAN row", "SCAN request_rows"))], [])


class _Explaining:
    """A connection that keeps the plans of what it is asked."""

    def __init__(self, connection: Any, plans: list[str]) -> None:
        self._connection, self._plans = connection, plans

    def execute(self, sql: str, values: Any = ()) -> Any:
        if sql.startswith("SELECT"):
            self._plans += [row[3] for row in self._connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
        return self._connection.execute(sql, values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)
