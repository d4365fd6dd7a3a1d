"""Records that an engine could refuse or bend: to every kind of target they go, or are counted; none goes along."""

import gzip
import json
from pathlib import Path
from typing import Any

import duckdb
import msgspec
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.config.shipping import ship_address
from ccsproxy.exchange import codec
from ccsproxy.providers.price_book import list_price
from ccsproxy.ship.clickhouse.rows import RowMaker
from ccsproxy.ship.clickhouse.schema import tables
from ccsproxy.ship.credentials import Credentials
from ccsproxy.ship.delivery.batch import BatchLimits, LineBatch, SegmentBatch
from ccsproxy.ship.delivery.source import RecordSource
from ccsproxy.ship.jsonl.target import packed
from ccsproxy.ship.objects.layout import parquet_path
from ccsproxy.ship.objects.target import ObjectTarget
from ccsproxy.ship.otlp.target import OtlpTarget
from ccsproxy.ship.target import TargetContext
from ccsproxy.store.state.shipments import Shipment
from test.ship.segments import FIRST, Segments
from test.store.records import record

PLAIN: dict[str, Any] = codec.decode(codec.encode(record(2)))
HALF = "x\ud800y"


def asking(body: Any, **more: Any) -> dict[str, Any]:
    """Return a record whose request has a body."""
    return {**PLAIN, "request": {**PLAIN["request"], "body": body}, **more}


def said(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


#: What is odd, and the record.
ODD = {
    "half a pair in what is said": asking(said(HALF)),
    "half a pair in names": {**PLAIN, "model": HALF, "upstream": HALF, "stop_reason": HALF, "labels": {HALF: HALF}},
    "NUL": asking(said("a\0b"), model="m\0", labels={"a\0": "b\0"}),
    "beyond a double": asking(msgspec.Raw(b'{"messages":[],"temperature":1e400,"max_tokens":-1e999}')),
    "nested deeply": asking(msgspec.Raw(b"[" * 900 + b"]" * 900)),
    "nested too deeply": asking(msgspec.Raw(b"[" * 50_000 + b"]" * 50_000)),
    "no names": asking({"": {"": None}}, labels={"": ""}),
    "empty": {**PLAIN, "model": "", "upstream": "", "session_id": "s", "stop_reason": "", "request_id": ""},
    "1970": {**PLAIN, "started_at": "1970-01-01T00:00:00.000Z", "ended_at": "1970-01-01T00:00:00.001Z"},
    "2106": {**PLAIN, "started_at": "2106-02-07T06:28:16.000Z", "ended_at": "2106-02-07T06:28:17.000Z"},
    "year 1": {**PLAIN, "started_at": "0001-01-01T00:00:00.000Z"},
    "year 9999": {**PLAIN, "started_at": "9999-12-31T23:59:59.999Z", "ended_at": "9999-12-31T23:59:59.999Z"},
    "no time": {**PLAIN, "started_at": "never"},
    "huge numbers": {**PLAIN, "usage": {"input_tokens": 1 << 70, "output_tokens": -1}, "duration_ms": 1e308},
    "another's member": {**PLAIN, "labels": {"team": None}},
    "large": asking(said("word " * 400_000)),
}  # fmt: skip


class OddRecordTests(SynchronousTestCase):
    """Each between two good ones."""

    def batch(self, odd: dict[str, Any]) -> LineBatch:
        """Write three records, and read them as a pump does."""
        self.segments = Segments(Path(self.mktemp()).absolute())
        self.segments.begin(FIRST)
        made = [record(1), {**odd, "id": "odd"}, record(3)]
        self.segments.append(FIRST, *map(codec.encode, made))
        self.segments.close(FIRST)
        found = RecordSource(self.segments.data_dir, "h").next(Shipment("t"), BatchLimits(), True, whole=False)
        assert isinstance(found, LineBatch)
        self.assertEqual(len(found.lines), 3)
        return found

    def test_json_lines(self) -> None:
        """Every line is JSON of its own, with content and without."""
        for name, odd in ODD.items():
            batch = self.batch(odd)
            body, unread = packed(batch)
            lines = gzip.decompress(body).splitlines()
            self.assertEqual(len(lines) + len(unread), 3, name)
            self.assertTrue({b'{"id":"id1"', b'{"id":"id3"'} <= {line[:11] for line in lines}, name)
            if "too deeply" not in name:
                self.assertEqual([json.loads(line)["id"] for line in lines], ["id1", "odd", "id3"], name)

    def test_clickhouse(self) -> None:
        """Rows are strict JSON without what the engine refuses or bends; what it could not hold is counted."""
        address = ship_address("clickhouse+https://h/d")
        for name, odd in ODD.items():
            maker = RowMaker("h", tables(address), list_price, 0)
            rows = maker.rows(self.batch(odd))
            found = [json.loads(row.decode("utf-8")) for row in rows.lines["exchanges"]]
            self.assertEqual(len(found) + len(rows.refused), 3, name)
            self.assertTrue({"id1", "id3"} <= {row["id"] for row in found}, name)
            for table, made in rows.lines.items():
                for row in made:
                    if table != "bodies":  # a whole record is one text there: its escapes are its own
                        self.assertNotIn(b"\\u0000", row, f"{name}: {table}")
                        self.assertNotIn(b"\\ud8", row, f"{name}: {table}")
            for row in found:
                counts = [row["input_tokens"], row["output_tokens"]]
                self.assertTrue(all(each is None or 0 <= each < 1 << 63 for each in counts), name)

    def test_otlp(self) -> None:
        """Spans are protobuf that reads back, each with an id and an end that is not before its beginning."""
        for content in (True, False):
            for name, odd in ODD.items():
                batch = self.batch(odd)
                around = TargetContext(
                    reactor, ship_address("otlp+https://h"), Credentials(), "h", str(self.segments.data_dir), content
                )
                records, unread, bodies = OtlpTarget(around)._encoded(batch)
                self.assertEqual(len(records) + unread, 3, name)
                spans = [span for body in bodies for span in _spans(gzip.decompress(body))]
                ids = {each.value.string_value for span in spans for each in span.attributes if each.key == ID}
                self.assertTrue({"id1", "id3"} <= ids, name)
                for span in spans:
                    self.assertGreaterEqual(span.end_time_unix_nano, span.start_time_unix_nano, name)

    def test_folder(self) -> None:
        """The segment goes as it is; its summaries hold at least the good ones."""
        for name, odd in ODD.items():
            self.batch(odd)
            lake = Path(self.mktemp()).absolute()
            around = TargetContext(
                reactor, ship_address(f"file://{lake}"), Credentials(), "h", str(self.segments.data_dir)
            )
            found = RecordSource(self.segments.data_dir, "h").next(Shipment("t"), BatchLimits(), True, whole=True)
            assert isinstance(found, SegmentBatch)
            ObjectTarget(around)._send(found)
            rows = duckdb.sql(f"SELECT id FROM '{lake / parquet_path(FIRST, 'h')}'").fetchall()
            self.assertTrue({("id1",), ("id3",)} <= set(rows), name)


#: The attribute that names a record.
ID = "ccsproxy.record.id"


def _spans(body: bytes) -> list[Any]:
    request = ExportTraceServiceRequest()
    request.ParseFromString(body)
    return [span for resource in request.resource_spans for span in resource.scope_spans[0].spans]
