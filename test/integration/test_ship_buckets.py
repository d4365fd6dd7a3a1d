"""Shipping to a bucket: conditional puts, repeats and deletions against moto's S3, which runs in this process."""

import logging
from pathlib import Path

import boto3
import duckdb
from moto.server import ThreadedMotoServer
from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.config.shipping import ship_address
from ccsproxy.exchange import codec
from ccsproxy.ship.credentials import Credentials
from ccsproxy.ship.delivery.batch import BatchLimits, SegmentBatch
from ccsproxy.ship.delivery.source import RecordSource
from ccsproxy.ship.objects.layout import parquet_path, segment_path, texts_path
from ccsproxy.ship.objects.store import Exists, ObjectChanged, ObjectStore
from ccsproxy.ship.objects.target import ObjectTarget
from ccsproxy.ship.target import TargetContext, Unavailable
from ccsproxy.store.state.shipments import Shipment
from test.ship.segments import FIRST, SECOND, Segments
from test.store.corpus import Corpus

KEYS = {"access_key_id": "synthetic", "secret_access_key": "synthetic"}


class BucketTests(SynchronousTestCase):
    """One bucket, below a prefix."""

    def setUp(self) -> None:
        """Start the server and make the bucket."""
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        self.addCleanup(server.stop)
        self.endpoint = "http://{}:{}".format(*server.get_host_and_port())
        boto3.client(
            "s3", endpoint_url=self.endpoint, region_name="us-east-1",
            aws_access_key_id="synthetic", aws_secret_access_key="synthetic",
        ).create_bucket(Bucket="calls")  # fmt: skip
        self.address = ship_address(f"s3://calls/{self.id()}?region=us-east-1&endpoint={self.endpoint}")
        self.store = ObjectStore(self.address, KEYS)
        self.segments = Segments(Path(self.mktemp()).absolute())
        around = TargetContext(reactor, self.address, Credentials(store=KEYS), "h", str(self.segments.data_dir))
        self.target = ObjectTarget(around)

    def send(self, shipment: Shipment = Shipment("t")) -> SegmentBatch:  # noqa: B008  (frozen)
        """Put the next closed segment."""
        found = RecordSource(self.segments.data_dir, "h").next(shipment, BatchLimits(), True, whole=True)
        assert isinstance(found, SegmentBatch)
        self.target._send(found)
        return found

    def test_conditions(self) -> None:
        """Neither what is there nor what another has changed is overwritten, also when it goes in several parts."""
        large = b"x" * (6 << 20)
        self.store.create("a", b"1")
        self.assertRaises(Exists, self.store.create, "a", b"2")
        self.assertRaises(Exists, self.store.create, "a", large)
        _, tag = self.store.read("a") or (b"", None)
        self.store.replace("a", b"3", tag)
        self.assertRaises(ObjectChanged, self.store.replace, "a", b"4", tag)
        self.assertEqual((self.store.read("a") or (b"", ""))[0], b"3")

    def test_everything_once_and_cut_out(self) -> None:
        """Segments and their summaries; a repeat changes nothing, a removal reaches both."""
        made = list(Corpus().records(40))
        self.segments.begin(FIRST)
        self.segments.append(FIRST, *map(codec.encode, made))
        self.segments.close(FIRST)
        self.segments.add(SECOND, [1, 2])
        self.segments.close(SECOND)
        after = self.send().after
        self.send()
        self.send(Shipment("t", after))
        both = [segment_path(FIRST, "h"), parquet_path(FIRST, "h"), texts_path(FIRST, "h")]
        self.assertEqual(
            sorted(self.store.paths()),
            [*both, segment_path(SECOND, "h"), parquet_path(SECOND, "h"), texts_path(SECOND, "h")],
        )
        gone = made[0]["session_id"]
        self.target._delete(gone)
        self.target._delete("s")
        self.assertEqual(sorted(self.store.paths()), both)
        self.assertEqual(self.sessions(), {each["session_id"] for each in made} - {gone})

    def test_no_such_bucket(self) -> None:
        """Is waited for, with a sentence that says which."""
        address = ship_address(f"s3://other?region=us-east-1&endpoint={self.endpoint}")
        error = self.assertRaises(Unavailable, ObjectStore(address, KEYS).create, "a", b"1")
        self.assertIn("s3://other failed", str(error))

    def sessions(self) -> set[str]:
        """Return the sessions that the summaries name, as DuckDB reads them."""
        path = Path(self.mktemp())
        found = self.store.read(parquet_path(FIRST, "h"))
        assert found is not None
        path.write_bytes(found[0])
        return {row[0] for row in duckdb.sql(f"SELECT DISTINCT session_id FROM read_parquet('{path}')").fetchall()}
