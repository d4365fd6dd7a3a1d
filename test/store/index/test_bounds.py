"""Tests of what an index takes from outside: numbers, dates, lines and a disk of any size."""

import os
import sqlite3
from typing import Any

from ccsproxy.exchange import codec
from ccsproxy.store.bounds import LARGEST_COUNT
from ccsproxy.store.index import feeder as feeder_module
from ccsproxy.store.index.file import index_bytes
from ccsproxy.store.index.index import Index
from ccsproxy.store.index.schema import NAME
from ccsproxy.store.query import Query
from test.store.corpus import Corpus, Shape
from test.store.index.test_index import StoreCase
from test.store.rows import rows


class PoisonTests(StoreCase):
    """One answer of an upstream cannot stop the index."""

    def poisoned(self, **changes: Any) -> None:
        """Write records, the middle one changed, and see that all are listed."""
        records = list(Corpus(seed=len(self.ids()) + 2).records(5))
        for name, value in changes.items():
            records[2][name] = value
        known = len(self.ids(limit="1000"))
        self.segments.write(*records)
        self.feed()
        self.assertEqual(len(self.ids(limit="1000")), known + 5, changes)
        self.assertEqual(self.reader.stats()["totals"]["requests"], known + 5)
        for record in records[:2] + records[3:]:
            self.assertTrue(self.reader.session(record["session_id"])["requests"])

    def test_counts(self) -> None:
        """Counts that cannot be are null, in the request and in every sum; those that can be are exact."""
        for odd in (2**63, 2**62, 2**200, -1, LARGEST_COUNT + 1):
            self.poisoned(usage={"input_tokens": odd, "output_tokens": 7})
        self.poisoned(usage={"input_tokens": LARGEST_COUNT, "output_tokens": 1})
        largest = max(item["input_tokens"] or 0 for item in self.reader.requests(Query(limit=1000)).items)
        self.assertEqual(largest, LARGEST_COUNT)
        for odd in (1e300, -5.0, 2.0**70):
            self.poisoned(duration_ms=odd, ttft_ms=odd)

    def test_sums(self) -> None:
        """A session of a thousand of the largest counts there are has a sum that can be kept."""
        records = list(Corpus(Shape(turns=40)).session(600))
        for record in records:
            record["usage"] = {"input_tokens": LARGEST_COUNT, "output_tokens": 1}
            record["request"]["body"] = None
        self.segments.write(*records)
        self.feed()
        (session,) = self.reader.sessions()
        self.assertEqual((session["request_count"], session["total_output_tokens"]), (600, 600))
        self.assertGreaterEqual(session["total_input_tokens"], 1 << 62)

    def test_dates(self) -> None:
        """A year that no order key can say is taken for the last one that it can; the record says what it says."""
        for year in ("0001", "1969", "2108", "2110", "2120", "9999"):
            self.poisoned(started_at=f"{year}-06-01T00:00:00.000Z", ended_at=f"{year}-06-01T00:00:01.000Z")
            wanted = f"{year}-06-01T00:00:00.000Z"
            self.assertIn(wanted, {item["started_at"] for item in self.reader.requests(Query(limit=1000)).items})

    def test_a_line_that_cannot_be_taken_in(self) -> None:
        """It is set aside and counted, once; what was in the batch with it is there, and nothing is tried again."""
        records = list(Corpus().records(9))
        self.segments.write(*records)
        poison = records[4]["id"]
        original = Index._take_entry

        def take(index: Index, segment: int, line: Any, entry: Any) -> None:
            if entry.id == poison:
                raise RecursionError("too deep")
            original(index, segment, line, entry)

        self.patch(Index, "_take_entry", take)
        feeder = self.start()
        self.assertEqual((feeder.state()["state"], feeder.state()["set_aside"]), ("ok", 1))
        self.assertEqual(len(self.ids()), 8)
        self.stop()
        self.feed()
        self.assertEqual([reason for *_, reason in rows(self.data_dir)["set_aside"]], ["RecursionError('too deep')"])

    def test_the_disk_is_not_the_line(self) -> None:
        """When the index cannot be written nothing is set aside; it is tried again."""
        self.segments.write(*Corpus().records(5))
        failures = [sqlite3.OperationalError("database or disk is full")]
        original = Index._take_entry

        def take(index: Index, segment: int, line: Any, entry: Any) -> None:
            if failures:
                raise failures.pop()
            original(index, segment, line, entry)

        self.patch(Index, "_take_entry", take)
        self.patch(feeder_module, "RETRY_S", 0.01)
        self.start()
        self.assertEqual(len(self.ids()), 5)
        self.assertEqual(rows(self.data_dir)["set_aside"], [])
        self.flushLoggedErrors(sqlite3.OperationalError)


class SpaceTests(StoreCase):
    """The index is small, and the first to go."""

    def test_against_the_segments(self) -> None:
        """Sessions of long conversations take less than what they say anew, and that once."""
        corpus = Corpus(Shape(turns=30))
        said = sum(len(codec.encode(record)) for record in self.segments.fill(300, corpus))
        self.feed()
        self.assertLess(index_bytes(self.data_dir), said / 5)

    def test_a_full_disk(self) -> None:
        """With hardly any room left the index is removed whole and says so; with room it is built again."""
        self.segments.fill(20)
        room = [1 << 40]
        real = os.statvfs

        def statvfs(path: Any) -> Any:
            fact = list(real(path))
            fact[1], fact[2], fact[4] = 1, 1 << 42, room[0]
            return os.statvfs_result(fact)

        self.patch(os, "statvfs", statvfs)
        feeder = self.start()
        self.assertEqual(len(self.ids()), 20)
        room[0] = 1 << 20
        feeder.changed()
        while feeder.state()["state"] != "full":
            feeder.caught_up(0.05)
        self.assertEqual(list(self.data_dir.glob(NAME + "*")), [])
        page = self.reader.requests()
        self.assertEqual((page.rebuilding, len(page.items)), (True, 20))
        self.flushLoggedErrors()
        room[0] = 1 << 40
        self.assertTrue(feeder.caught_up(30))
        self.assertEqual(len(self.ids()), 20)
        self.assertTrue((self.data_dir / NAME).exists())

    def test_the_wal_is_emptied_at_rest(self) -> None:
        """Between two bursts nothing of the index is in its WAL."""
        self.reader.close()
        self.segments.fill(40)
        feeder = self.start()
        self.assertTrue(feeder.caught_up(30))
        self.assertTrue(feeder.caught_up(30))
        self.assertEqual((self.data_dir / (NAME + "-wal")).stat().st_size, 0)
