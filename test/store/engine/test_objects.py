"""The reader over a folder of shipped segments answers as the local one does."""

from typing import Any

import duckdb
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.config.shipping import ship_address
from ccsproxy.ship.credentials import Credentials
from ccsproxy.ship.delivery.batch import BatchLimits
from ccsproxy.ship.delivery.source import RecordSource
from ccsproxy.ship.objects.target import ObjectTarget
from ccsproxy.ship.target import TargetContext
from ccsproxy.store.engine.objects import ObjectsEngine
from ccsproxy.store.engine.reader import EngineReader
from ccsproxy.store.reader.reader import Reader
from ccsproxy.store.state.shipments import Position, Shipment
from test.ship.documented import queries
from test.ship.reader_contract import ReaderContract, fill, folder
from test.ship.segments import Segments


class ObjectsReaderTests(ReaderContract, SynchronousTestCase):
    """The contract, over DuckDB."""

    _made: Any = None

    def setUp(self) -> None:
        """Make the records once, and ship them."""
        if ObjectsReaderTests._made is None:
            ObjectsReaderTests._made = self._make()
        self.made, self.local, self.lake = self._made
        self.engine = EngineReader(ObjectsEngine(self.lake))

    def _make(self) -> Any:
        segments, lake = Segments(folder(self.mktemp())), folder(self.mktemp())
        made = fill(segments)
        address = ship_address(f"file://{lake}")
        target = ObjectTarget(TargetContext(None, address, Credentials(), "h", str(segments.data_dir)))
        source, place = RecordSource(segments.data_dir, "h"), Position()
        while batch := source.next(Shipment("t", place), BatchLimits(), True, whole=True):
            target._send(batch)  # type: ignore[arg-type]
            place = batch.after
        return made, Reader(segments.data_dir), lake

    def test_scope(self) -> None:
        """What does not pass it is not there, whatever is asked."""
        mine = EngineReader(ObjectsEngine(self.lake), "\"user\" = 'u1'")
        own = [each for each in self.made if each["labels"]["user"] == "u1"]
        self.assertEqual(mine.stats()["totals"]["requests"], len(own))
        other = next(each for each in self.made if each["labels"]["user"] == "u0")
        self.assertRaises(LookupError, mine.record, other["session_id"], other["seq"])
        self.assertEqual({row["name"] for row in self.engine.costs(_everything(), "person")}, {"u0", "u1", "u2"})

    def test_documented(self) -> None:
        """The queries of the documentation say what is so."""
        days, records, first = [duckdb.sql(each).fetchall() for each in queries("duckdb", self.lake)]
        self.assertEqual(sum(row[2] for row in days), len(self.made))
        self.assertEqual(records, [(len(self.made), len(self.made))])
        self.assertIsInstance(first, list)

    def test_nothing_there(self) -> None:
        """An empty folder has no calls, and is no trouble."""
        empty = EngineReader(ObjectsEngine(folder(self.mktemp())))
        self.assertEqual((empty.requests().items, empty.sessions(), empty.meta()), ([], [], {}))
        self.assertEqual(empty.stats()["totals"]["requests"], 0)


def _everything() -> Any:
    from ccsproxy.store.query import Query

    return Query()
