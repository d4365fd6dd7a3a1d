"""Segments in a folder or bucket: as they are, once, verified; what is removed here is cut out there."""

from pathlib import Path
from typing import Any

import duckdb
import zstandard
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.config.shipping import ship_address
from ccsproxy.exchange import codec
from ccsproxy.ship.credentials import Credentials
from ccsproxy.ship.delivery.batch import BatchLimits, SegmentBatch
from ccsproxy.ship.delivery.source import RecordSource
from ccsproxy.ship.objects.layout import folder, parquet_path, segment_path, texts_path
from ccsproxy.ship.objects.parquet import sessions_in, without_session, written
from ccsproxy.ship.objects.store import Exists, ObjectChanged, ObjectStore
from ccsproxy.ship.objects.target import ObjectTarget
from ccsproxy.ship.target import TargetContext, Unavailable
from ccsproxy.store.state.shipments import Shipment
from test.ship.segments import FIRST, SECOND, Segments
from test.store.corpus import Corpus
from test.store.records import record, started

HOST = "host/1"


def all_of(segment: str) -> list[str]:
    """Return where everything of a segment is."""
    return [segment_path(segment, HOST), parquet_path(segment, HOST), texts_path(segment, HOST)]


class FolderCase(SynchronousTestCase):
    """A data dir, and a folder that its segments are put in."""

    def setUp(self) -> None:
        """Make both."""
        self.segments = Segments(Path(self.mktemp()).absolute())
        self.lake = Path(self.mktemp()).absolute()
        self.target = self.make()

    def make(self, **options: Any) -> ObjectTarget:
        address = ship_address(f"file://{self.lake}")
        self.store = ObjectStore(address, {})
        around = TargetContext(None, address, Credentials(), HOST, str(self.segments.data_dir), **options)
        return ObjectTarget(around)

    def batch(self, shipment: Shipment = Shipment("t")) -> SegmentBatch:  # noqa: B008  (frozen)
        """Return the first closed segment."""
        found = RecordSource(self.segments.data_dir, HOST).next(shipment, BatchLimits(), True, whole=True)
        assert isinstance(found, SegmentBatch)
        return found

    def send(self) -> SegmentBatch:
        """Put the first closed segment, without a thread."""
        batch = self.batch()
        self.target._send(batch)
        return batch

    def paths(self) -> list[str]:
        return sorted(self.store.paths())

    def text(self) -> bytes:
        """Return everything that lies in the folder, unpacked where it is packed."""
        found = []
        for path in self.paths():
            data = (self.store.read(path) or (b"", None))[0]
            if path.endswith(".zst"):
                data = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
            found.append(data)
        return b"".join(found)

    def rows(self, segment: str = FIRST) -> list[dict[str, Any]]:
        """Return the summaries of a segment."""
        found = duckdb.sql(f"SELECT * FROM '{self.lake / parquet_path(segment, HOST)}'")
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]

    def lines(self, segment: str = FIRST) -> list[dict[str, Any]]:
        """Return the records of a segment in the folder."""
        found = self.store.read(segment_path(segment, HOST))
        assert found is not None
        text = zstandard.ZstdDecompressor().stream_reader(found[0], read_across_frames=True).read()
        return [each for each in map(codec.decode, text.splitlines(keepends=True)) if "outcome" in each]


class FolderTests(FolderCase):
    """What is put, and where."""

    def test_as_it_is(self) -> None:
        """Byte for byte, by day and host, with its summaries beside."""
        self.segments.add(FIRST, [1, 2])
        self.segments.close(FIRST)
        self.send()
        place = "dt=2026-11-30/host=host%2F1"
        self.assertEqual(
            self.paths(), [f"{place}/{FIRST}.{each}" for each in ("jsonl.zst", "parquet", "texts.parquet")]
        )
        ours = self.segments.data_dir / "segments" / f"{FIRST}.jsonl.zst"
        self.assertEqual((self.lake / place / f"{FIRST}.jsonl.zst").read_bytes(), ours.read_bytes())
        self.assertEqual(
            [(row["id"], row["session_id"], row["host"]) for row in self.rows()],
            [("id1", "s", HOST), ("id2", "s", HOST)],
        )
        self.assertEqual(folder(FIRST, "a"), "dt=2026-11-30/host=a")

    def test_twice(self) -> None:
        """A repeat changes nothing, also when the segment was packed anew meanwhile."""
        self.segments.add(FIRST, [1, 2])
        self.segments.close(FIRST, compress=False)
        self.send()
        before = {path: self.store.read(path) for path in self.paths()}
        self.segments.close(FIRST)
        self.send()
        self.assertEqual({path: self.store.read(path) for path in self.paths()}, before)

    def test_something_else_is_there(self) -> None:
        """It is not overwritten: two machines with one label would take turns."""
        self.segments.add(FIRST, [1])
        self.segments.close(FIRST)
        self.send()
        other = Segments(Path(self.mktemp()).absolute())
        other.add(FIRST, [9])
        other.close(FIRST)
        self.segments = other
        self.target = self.make()
        self.assertIn("the same host label", str(self.assertRaises(Unavailable, self.send)))

    def test_summaries_alone(self) -> None:
        """Without content no segment is put, and nothing that was said stands in the summaries."""
        self.segments.add(FIRST, [record(1, body={"messages": [{"role": "user", "content": "synthetic word"}]})])
        self.segments.close(FIRST)
        self.target = self.make(content=False)
        self.send()
        self.assertEqual(self.paths(), [parquet_path(FIRST, HOST)])
        self.assertEqual((self.rows()[0]["preview"], self.rows()[0]["model"]), (None, "m"))
        self.target._delete("s")
        self.assertEqual(self.rows(), [])

    def test_odd_values(self) -> None:
        """Half a surrogate pair, and numbers that are none, take no row with them."""
        odd = {**codec.decode(codec.encode(record(1))), "usage": {"input_tokens": -5, "output_tokens": 2**60}}
        odd["model"] = "m\ud800\0"
        self.segments.begin(FIRST)
        self.segments.append(FIRST, codec.encode(odd), codec.encode(record(2)))
        self.segments.close(FIRST)
        self.send()
        rows = self.rows()
        self.assertEqual([row["id"] for row in rows], ["id1", "id2"])
        self.assertEqual((rows[0]["input_tokens"], rows[0]["output_tokens"]), (None, None))
        self.assertTrue(rows[0]["model"].startswith("m"))


class DeletionTests(FolderCase):
    """What is removed here is cut out there."""

    def fill(self) -> None:
        self.segments.add(FIRST, [1, 2], "stays")
        self.segments.add(FIRST, [3], "goes")
        self.segments.close(FIRST)
        self.segments.add(SECOND, [4], "goes")
        self.segments.close(SECOND)
        self.target._send(self.batch())
        self.target._send(self.batch(Shipment("t", self.batch().after)))

    def test_cut_out(self) -> None:
        """Of every segment that holds it, whatever this disk still has; one that held nothing else goes."""
        self.fill()
        self.target._delete("goes")
        self.assertEqual(self.paths(), all_of(FIRST))
        self.assertEqual([each["session_id"] for each in self.lines()], ["stays", "stays"])
        self.assertEqual([row["session_id"] for row in self.rows()], ["stays", "stays"])
        self.target._delete("goes")

    def test_other_machines(self) -> None:
        """Have their own: a removal on one leaves what the others recorded of a session."""
        self.fill()
        elsewhere = Path(self.mktemp()).absolute()
        elsewhere.mkdir()
        around = TargetContext(None, ship_address(f"file://{self.lake}"), Credentials(), "other", str(elsewhere))
        ObjectTarget(around)._delete("goes")
        self.assertEqual(len(self.paths()), 6)

    def test_begun_call(self) -> None:
        """A call that was begun in one segment and ended in the next is cut out of both."""
        self.segments.begin(FIRST)
        self.segments.append(FIRST, codec.encode(started(1, "goes")), codec.encode(started(2, "stays")))
        self.segments.append(FIRST, codec.encode(record(2, "stays")))
        self.segments.close(FIRST)
        self.segments.begin(SECOND)
        self.segments.append(SECOND, codec.encode(record(1, "goes")))
        self.segments.close(SECOND)
        self.target._send(self.batch())
        self.target._send(self.batch(Shipment("t", self.batch().after)))
        self.target._delete("goes")
        self.assertEqual(self.paths(), all_of(FIRST))
        self.assertNotIn(b"goes", self.text())
        self.assertIn(b"stays", self.text())

    def test_broken_off(self) -> None:
        """A cut that was killed between any two steps is done whole by the next."""
        for steps in range(1, 14):
            self.setUp()
            self.fill()
            left = [steps]
            whole = self.target._store._asked

            def asked(work: Any, left: list[int] = left, whole: Any = whole) -> Any:
                left[0] -= 1
                if left[0] == 0:
                    raise KeyboardInterrupt
                return whole(work)

            self.target._store._asked = asked  # type: ignore[method-assign]
            try:
                self.target._delete("goes")
            except KeyboardInterrupt:
                pass
            self.make()._delete("goes")
            self.assertEqual(self.paths(), all_of(FIRST), steps)
            self.assertNotIn(b"goes", self.text(), steps)
            self.assertEqual([row["session_id"] for row in self.rows()], ["stays", "stays"], steps)

    def test_under_an_earlier_name(self) -> None:
        """The label of a machine may change; what was put under the earlier one is cut out, too."""
        self.fill()
        around = TargetContext(
            None, ship_address(f"file://{self.lake}"), Credentials(), "renamed", str(self.segments.data_dir)
        )
        ObjectTarget(around)._delete("goes")
        self.assertEqual(self.paths(), all_of(FIRST))
        self.assertEqual([row["host"] for row in self.rows()], [HOST, HOST])

    def test_same_label_and_moment(self) -> None:
        """Another machine's segment of the same label and the same millisecond is no predecessor of ours."""
        self.segments.add(FIRST, [record(1, "a")])
        self.segments.close(FIRST)
        self.send()
        self.segments = Segments(Path(self.mktemp()).absolute())
        other = FIRST[:-8] + "0000000b"
        made = codec.decode(codec.encode(record(1, "b")))
        self.segments.begin(other)
        self.segments.append(other, codec.encode({**made, "id": "other"}))
        self.segments.close(other)
        self.target = self.make()
        self.send()
        self.assertEqual(self.paths(), [*all_of(FIRST), *all_of(other)])

    def test_rewritten_before_its_summaries(self) -> None:
        """A segment of which nothing but its lines was put before it was rewritten goes, too."""
        self.segments.add(FIRST, [1, 2], "stays")
        self.segments.add(FIRST, [3], "goes")
        self.segments.close(FIRST)
        self.send()
        for path in all_of(FIRST)[1:]:
            self.store.delete(path)
        new = self.segments.rewrite(FIRST, lambda head: head.session_id == "stays", b"\1\2\3\4")
        assert new is not None
        self.send()
        self.assertEqual(self.paths(), all_of(new))

    def test_rewritten_here(self) -> None:
        """What replaces a segment takes its place there."""
        self.segments.add(FIRST, [1, 2], "stays")
        self.segments.add(FIRST, [3], "goes")
        self.segments.close(FIRST)
        self.send()
        new = self.segments.rewrite(FIRST, lambda head: head.session_id == "stays", b"\1\2\3\4")
        assert new is not None
        self.send()
        self.assertEqual(self.paths(), all_of(new))


class StoreTests(FolderCase):
    """Conditions and trouble."""

    def test_conditions(self) -> None:
        """An object is made once."""
        self.store.create("a/b", b"1")
        self.assertRaises(Exists, self.store.create, "a/b", b"2")
        self.store.replace("a/b", b"3", "tag")
        found = self.store.read("a/b")
        assert found is not None
        self.assertEqual(found[0], b"3")
        self.store.delete("a/b")
        self.store.delete("a/b")
        self.assertIsNone(self.store.read("a/b"))
        self.assertTrue(issubclass(ObjectChanged, Exception))

    def test_trouble(self) -> None:
        """A folder that cannot be written is waited for, and the sentence holds no path of what is put."""
        self.lake.rmdir()
        self.lake.write_text("in the way")
        error = self.assertRaises(Unavailable, self.store.create, "a/b", b"1")
        self.assertIn("failed", str(error))


class EngineTests(FolderCase):
    """Engines read what is there as it is."""

    def test_duckdb(self) -> None:
        """Summaries by day and host, and single members of whole records."""
        self.segments.begin(FIRST)
        made = list(Corpus().records(50))
        self.segments.append(FIRST, *[codec.encode({**each, "labels": {"team": "x"}}) for each in made])
        self.segments.close(FIRST)
        self.send()
        summaries, lines = f"{self.lake}/**/*Z-????????.parquet", f"{self.lake}/**/*.jsonl.zst"
        sql = f"SELECT dt, labels['team'], count(*), sum(output_tokens) FROM '{summaries}' GROUP BY ALL"
        found = duckdb.sql(sql).fetchall()
        total = sum(each["usage"]["output_tokens"] for each in made)
        self.assertEqual([(str(found[0][0]), *found[0][1:])], [("2026-11-30", "x", 50, total)])
        columns = "{id: 'VARCHAR', outcome: 'VARCHAR', request: 'JSON'}"
        read = f"read_json('{lines}', format='newline_delimited', columns={columns}, maximum_object_size=134217728)"
        sql = f"SELECT count(*), count(request->'$.body.messages') FROM {read} WHERE outcome IS NOT NULL"
        self.assertEqual(duckdb.sql(sql).fetchall(), [(50, 50)])

    def test_parquet(self) -> None:
        """An empty file is one, too."""
        data = written([])
        self.assertEqual(sessions_in(data), set())
        self.assertEqual(sessions_in(without_session(data, "x")), set())
