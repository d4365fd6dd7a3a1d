"""Tests of the index and its feeder: derived from the segments alone, however and whenever it was made."""

import os
import sqlite3
import stat
import tempfile
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange import codec
from ccsproxy.providers.cost import Cost
from ccsproxy.store.index import follower
from ccsproxy.store.index.feeder import IndexFeeder
from ccsproxy.store.index.file import BESIDE, open_for_reading
from ccsproxy.store.index.index import Index
from ccsproxy.store.index.schema import NAME
from ccsproxy.store.query import Query, parse_query
from ccsproxy.store.reader.lists import SessionQuery
from ccsproxy.store.reader.reader import Reader
from ccsproxy.store.segments.lines import SegmentLine, SegmentLines
from ccsproxy.store.segments.segment import plain_path
from test.store.corpus import Corpus, Segments, started
from test.store.rows import rows

ENDS = ("", "-wal", "-shm")


class StoreCase(SynchronousTestCase):
    """A data dir, and what reads and feeds it."""

    def setUp(self) -> None:
        """Make an empty data dir."""
        self.data_dir = Path(tempfile.mkdtemp(dir=self.mktemp_folder()))
        self.segments = Segments(self.data_dir, rotate_size=200_000)
        self.feeder: IndexFeeder | None = None
        self.reader = Reader(self.data_dir)
        self.addCleanup(self.reader.close)
        self.addCleanup(self.stop)

    def mktemp_folder(self) -> str:
        """Return a folder of this test's own."""
        folder = os.path.abspath(self.mktemp())
        os.makedirs(folder)
        return folder

    def start(self) -> IndexFeeder:
        """Start a feeder and let it catch up."""
        self.feeder = IndexFeeder(self.data_dir)
        self.feeder.start()
        self.assertTrue(self.feeder.caught_up(30))
        return self.feeder

    def stop(self) -> None:
        """Stop the feeder."""
        if self.feeder is not None:
            self.feeder.stop()
            self.feeder = None

    def feed(self) -> None:
        """Index what there is, and stop."""
        self.start()
        self.stop()

    def ids(self, **given: str) -> list[str]:
        """Return the ids of the requests that pass filters."""
        return [item["id"] for item in self.reader.requests(parse_query(given)).items]


class RebuildTests(StoreCase):
    """An index says what the segments say, nothing else."""

    def test_rebuilt_index_equals_one_built_live(self) -> None:
        """An index that followed the writer line by line equals one made of the finished segments."""
        feeder = self.start()
        records = list(Corpus().records(60))
        for place, record in enumerate(records):
            self.segments.write(started(record))
            if place % 3 == 0:
                self.assertTrue(feeder.caught_up(30))
            self.segments.write(record)
            feeder.wrote(0)
        self.assertTrue(feeder.caught_up(30))
        self.stop()
        live = rows(self.data_dir)
        (self.data_dir / NAME).unlink()
        self.feed()
        self.assertEqual(live, rows(self.data_dir))
        self.assertEqual(len(live["requests"]), 60)

    def test_deleted_index_comes_back(self) -> None:
        """Without its index a store loses nothing."""
        self.segments.fill(30)
        self.feed()
        before = rows(self.data_dir)
        for path in self.data_dir.glob(NAME + "*"):
            path.unlink()
        self.feed()
        self.assertEqual(rows(self.data_dir), before)

    def test_other_version_is_rebuilt(self) -> None:
        """An index of another version is not read; a new one is built beside it, read meanwhile, and replaces it."""
        self.patch(follower, "BATCH_LINES", 4)
        self.segments.fill(10)
        self.feed()
        self.other_version()
        (self.data_dir / (NAME + ".unusable")).write_text("what earlier versions left")
        feeder = self.feeder = IndexFeeder(self.data_dir)
        begun, go_on = threading.Event(), threading.Event()
        self.patch(feeder, "_count", lambda lines, size: begun.set() or go_on.wait(30))
        feeder.start()
        self.assertTrue(begun.wait(30))
        self.assertTrue({NAME, BESIDE} <= {path.name for path in self.data_dir.iterdir()})
        connection = open_for_reading(self.data_dir)
        self.assertGreater(connection.execute("SELECT count(*) FROM requests").fetchone()[0], 0)
        connection.close()
        go_on.set()
        self.assertTrue(feeder.caught_up(30))
        self.assertEqual(len(self.ids()), 10)
        self.segments.fill(1, Corpus(seed=2))
        self.assertTrue(feeder.caught_up(30))
        self.assertEqual(len(self.ids()), 11)
        self.stop()
        self.assertLessEqual({path.name for path in self.data_dir.glob(NAME + "*")}, {NAME + end for end in ENDS})

    def other_version(self) -> None:
        """Make the index one of another version."""
        connection = sqlite3.connect(self.data_dir / NAME)
        connection.execute("PRAGMA user_version = 999")
        connection.close()

    def test_a_rebuild_goes_on_after_a_restart(self) -> None:
        """A rebuild beside an index of another version is not begun anew, also when that one was deleted."""
        self.patch(follower, "BATCH_LINES", 4)
        for removed in (False, True):
            self.segments.fill(10, Corpus(seed=3 + removed))
            self.feed()
            before = rows(self.data_dir)
            self.other_version()
            feeder = self.feeder = IndexFeeder(self.data_dir)
            self.patch(feeder, "_in_time", lambda feeder=feeder: feeder._taken == 0)
            feeder.start()
            self.stop()
            self.assertTrue((self.data_dir / BESIDE).exists())
            if removed:
                (self.data_dir / NAME).unlink()
            self.feed()
            self.assertEqual(rows(self.data_dir), before)
            self.assertFalse((self.data_dir / BESIDE).exists())

    def test_continues_where_it_stopped(self) -> None:
        """What was written while nobody indexed is caught up, and nothing is counted twice."""
        self.segments.fill(20, Corpus(seed=1))
        self.feed()
        self.segments.fill(20, Corpus(seed=2))
        self.feed()
        live = rows(self.data_dir)
        (self.data_dir / NAME).unlink()
        self.feed()
        self.assertEqual(rows(self.data_dir), live)

    def test_a_command_reads_each_record_once(self) -> None:
        """The facts of all calls are made of the lines that the rows are made of."""
        for record in Corpus().records(300):
            self.segments.write(record)

        def whole(lines: SegmentLines, name: str, places: object) -> dict[int, bytes]:
            raise AssertionError("a record is read a second time")

        self.patch(SegmentLines, "whole", whole)
        follower.rebuild(self.data_dir)
        due = "SELECT count(*) FROM request_rows WHERE facts IS NULL"
        self.assertEqual(self.reader._source.ask(lambda connection: connection.execute(due).fetchone()[0], -1), 0)

    def test_stop_does_not_wait_for_all(self) -> None:
        """What cannot be taken in in time is left for the next start, and the index is closed all the same."""
        self.patch(follower, "BATCH_LINES", 10)
        for record in Corpus().records(60):
            self.segments.write(started(record), record)
        feeder = self.feeder = IndexFeeder(self.data_dir)
        begun, told = threading.Event(), threading.Event()
        self.patch(feeder, "_count", lambda lines, size: begun.set() or told.wait(30))
        feeder.start()
        self.assertTrue(begun.wait(30))
        threading.Timer(0.05, told.set).start()
        feeder.stop(0)
        self.assertLessEqual({path.name for path in self.data_dir.glob(NAME + "*")}, {NAME + end for end in ENDS})
        self.assertLess(len(rows(self.data_dir)["requests"]), 10)
        self.assertEqual((len(self.ids()), self.reader.requests().rebuilding), (60, True))
        self.feed()
        self.assertEqual(len(self.ids()), 60)

    def test_is_private(self) -> None:
        """The index and its companions can be read by the owner only."""
        self.start()
        for path in self.data_dir.glob(NAME + "*"):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600, path.name)


class CorruptionTests(StoreCase):
    """A damaged index is set aside and made anew, whatever is wrong with it."""

    def test_damage_at_start(self) -> None:
        """An index of garbage, an empty one or a cut one is rebuilt."""
        self.segments.fill(15)
        self.feed()
        whole = (self.data_dir / NAME).read_bytes()
        for damage in (b"", b"garbage" * 3000, whole[:5000], whole[:40] + b"\xff" * 4000 + whole[4040:]):
            (self.data_dir / NAME).write_bytes(damage)
            self.feed()
            self.flushLoggedErrors()
            self.assertEqual(len(self.ids()), 15)

    def test_damage_while_in_use(self) -> None:
        """Pages overwritten under the feeder's hands cost a rebuild, not the index."""
        self.segments.fill(15)
        feeder = self.start()
        self.segments.fill(1, Corpus(seed=8))
        self.assertTrue(feeder.caught_up(30))
        connection = open_for_reading(self.data_dir)
        connection.close()
        for suffix in ("", "-wal"):
            path = self.data_dir / (NAME + suffix)
            if path.exists():
                path.write_bytes(b"\x55" * path.stat().st_size)
        self.segments.fill(5, Corpus(seed=9))
        feeder.caught_up(30)
        feeder.caught_up(30)
        self.stop()
        self.flushLoggedErrors()
        self.feed()
        self.assertEqual(len(self.ids()), 21)

    def test_deleted_while_in_use(self) -> None:
        """An index that is deleted while it is written is made anew by the next round."""
        self.segments.fill(10)
        feeder = self.start()
        for path in self.data_dir.glob(NAME + "*"):
            path.unlink()
        self.assertTrue(feeder.caught_up(30))
        self.assertEqual(len(self.ids()), 10)
        expected = {"state": "ok", "trouble": "", "failures": 0, "taken": 40, "set_aside": 0, "skipped": []}
        self.assertEqual(feeder.state(), expected)


class SegmentTests(StoreCase):
    """Segments come, shrink and go."""

    def test_removed_segment_is_forgotten(self) -> None:
        """Requests, sessions, totals and texts of a segment that is gone are gone; the others' stay."""
        self.segments.fill(60)
        self.feed()
        names = sorted(path.stem for path in (self.data_dir / "segments").iterdir())
        self.assertGreater(len(names), 2)
        plain_path(self.data_dir, names[0]).unlink()
        self.feed()
        live = rows(self.data_dir)
        (self.data_dir / NAME).unlink()
        self.feed()
        rebuilt = rows(self.data_dir)
        for table in ("requests", "sessions", "segments", "tools", "names", "tallies"):
            self.assertEqual(live[table], rebuilt[table], table)

    def test_text_said_first_in_a_removed_segment_is_still_found(self) -> None:
        """A prompt that later requests repeat can be searched for after its first request expired."""
        turns = _conversation(3)
        first = self.segments.write(turns[0])
        self.segments._left = 0
        self.segments.write(*turns[1:])
        self.feed()
        self.assertEqual(self.ids(q="zebra"), [turns[0]["id"]])
        plain_path(self.data_dir, first).unlink()
        self.feed()
        self.assertEqual(self.ids(q="zebra"), [turns[1]["id"]])

    def test_text_is_found_where_it_was_said_first(self) -> None:
        """A conversation that is sent again each turn is indexed once."""
        turns = _conversation(4)
        self.segments.write(*turns)
        self.feed()
        self.assertEqual(self.ids(q="zebra"), [turns[0]["id"]])
        self.assertEqual(self.ids(q="turn3"), [turns[3]["id"]])

    def test_moved_record_is_followed(self) -> None:
        """A record whose line is carried over into another segment is read from there, and counted once."""
        record = next(Corpus().records(1))
        first = self.segments.write(started(record), record)
        self.feed()
        self.segments._left = 0
        self.segments.write(record)
        self.feed()
        plain_path(self.data_dir, first).unlink()
        self.feed()
        self.assertEqual(self.reader.record(record["session_id"], record["seq"]), record)
        self.assertEqual(self.reader.sessions()[0]["request_count"], 1)

    def test_damaged_lines_are_skipped_and_counted(self) -> None:
        """A line whose checksum does not fit is no record; the lines around it are."""
        records = list(Corpus().records(3))
        name = self.segments.write(*records)
        path = plain_path(self.data_dir, name)
        data = bytearray(path.read_bytes())
        data[len(codec.encode(records[0])) + 40] ^= 1
        path.write_bytes(data + b'{"half of a line')
        self.feed()
        self.assertCountEqual(self.ids(), [records[0]["id"], records[2]["id"]])
        self.assertEqual([row[-1] for row in rows(self.data_dir)["segments"]], [1])


class RunningTests(StoreCase):
    """An exchange is listed from its beginning."""

    def test_running_exchange_is_listed(self) -> None:
        """A request that hangs is in the list, in its session, and can be shown."""
        record = next(Corpus().records(1))
        self.segments.write(started(record))
        self.feed()
        (item,) = self.reader.requests().items
        self.assertEqual((item["id"], item["outcome"], item["has_error"]), (record["id"], None, False))
        shown = self.reader.record(record["session_id"], record["seq"])
        self.assertEqual((shown["response"], shown["request"]["path"]), (None, record["request"]["path"]))
        (session,) = self.reader.sessions(SessionQuery())
        self.assertEqual((session["request_count"], session["in_flight"], session["ended_at"]), (1, 1, None))

    def test_finished_exchange_replaces_it(self) -> None:
        """The record takes the place of the line that announced it."""
        record = next(Corpus().records(1))
        self.segments.write(started(record))
        self.feed()
        self.segments.write(record)
        self.feed()
        (item,) = self.reader.requests().items
        self.assertEqual(item["outcome"], record["outcome"])
        (session,) = self.reader.sessions()
        self.assertEqual((session["request_count"], session["in_flight"]), (1, 0))
        self.assertEqual(session["ended_at"], record["ended_at"])

    def test_late_announcement_changes_nothing(self) -> None:
        """A ``started`` line that is read after the record does not undo it."""
        record = next(Corpus().records(1))
        self.segments.write(record)
        self.feed()
        self.segments.write(started(record))
        self.feed()
        self.assertEqual(self.reader.requests().items[0]["outcome"], record["outcome"])


class IndexTests(StoreCase):
    """The index's own promises."""

    def test_a_failed_batch_leaves_nothing(self) -> None:
        """Lines are taken in whole batches: what fails within one undoes all of it, and it can be tried again."""
        index = Index(self.data_dir)
        self.addCleanup(index.close)
        mark = index.mark("20260101T000000000Z-00000001")
        data = codec.encode(next(Corpus().records(1)))

        def broken():
            yield SegmentLine(0, len(data), data, True)
            raise OSError("the disk is gone")

        self.assertRaises(OSError, index.take, mark, broken(), len(data))
        self.assertEqual(self.ids(), [])
        index.take(mark, [SegmentLine(0, len(data), data, True)], len(data))
        self.assertEqual(len(self.ids()), 1)
        self.assertEqual(self.reader.requests(Query(q="ka*")).rebuilding, True)
        index.settle()
        self.assertEqual(self.reader.requests(Query(q="ka*")).rebuilding, True)  # it was told within the last second
        self.reader._source._lagging = (float("-inf"), False)
        self.assertEqual(self.reader.requests(Query(q="ka*")).rebuilding, False)

    def test_price_is_asked_with_the_model_that_answered(self) -> None:
        """The cost of a call is what the price list says of it; sessions add it up."""
        record = next(Corpus().records(1))
        self.segments.write(record)
        asked = []

        def price(model, usage, at, upstream, url):
            asked.append((model, usage.input_tokens, at, upstream))
            return Cost(0.25)

        self.feeder = IndexFeeder(self.data_dir, price)
        self.feeder.start()
        self.feeder.caught_up(30)
        self.stop()
        self.assertEqual(set(asked), {(record["response_model"], 10, record["started_at"], record["upstream"])})
        self.assertEqual(self.reader.sessions()[0]["cost"], 0.25)


def _conversation(turns: int) -> list[dict]:
    """Return a session whose first prompt mentions a zebra and whose turns have words of their own."""
    records = []
    messages: list[dict] = [{"role": "user", "content": "find the zebra"}]
    for turn, record in zip(range(turns), Corpus().records(turns), strict=True):
        record |= {"session_id": "zoo", "seq": turn + 1, "id": f"{turn:026x}"}
        messages.append({"role": "user", "content": f"this is turn{turn}"})
        record["request"] |= {"body": {"messages": list(messages)}}
        records.append(record)
    return records
