"""Tests of ``ccsproxy ship``: how far targets are, their tables, and forgetting one."""

import json

from ccsproxy.store.state.shipments import Position, Shipments
from ccsproxy.store.state.state import State
from ccsproxy.tools.store import ship
from test.tools.storing import StoreCommandCase


class ShipTests(StoreCommandCase):
    """What needs no network."""

    def begin(self, target: str) -> None:
        """Note a target that has taken something."""
        state = State(self.data_dir)
        shipments = Shipments(state)
        shipments.begin(target, Position())
        shipments.move(target, Position("20261120-080000-000", 10), sent=5, refused=1)
        state.forget("a-session")
        state.close()

    def test_never_shipped(self) -> None:
        """It says so, and makes no state by looking."""
        status, said, _ = self.call(ship)
        self.assertEqual(status, 0)
        self.assertIn("Nothing has been shipped yet", said)
        self.assertFalse((self.data_dir / "state.sqlite3").exists())

    def test_how_far(self) -> None:
        """What a target took, refused, missed and owes; one that is not used any more says so."""
        self.begin("clickhouse+https://h/db")
        said = self.call(ship)[1]
        self.assertIn("5 accepted, 1 rejected, 0 missed, 1 deletions pending; at 20261120-080000-000", said)
        (row,) = json.loads(self.call(ship, "--json")[1])
        self.assertEqual((row["sent"], row["used"]), (5, True))

    def test_forget(self) -> None:
        """A target is forgotten with what it owes; one that is not known is a sentence."""
        self.begin("file:///x")
        self.assertEqual(self.call(ship, "--forget", "file:///x")[0], 0)
        self.assertIn("Nothing has been shipped yet", self.call(ship)[1])
        self.assertEqual(self.call(ship, "--forget", "file:///x")[0], 1)

    def test_schema(self) -> None:
        """The tables of ClickHouse; others have none, and what is no target is a sentence."""
        status, said, _ = self.call(ship, "--schema")
        self.assertEqual(status, 0)
        self.assertIn("CREATE TABLE", said)
        for url in ("file:///tmp/x", "nonsense"):
            self.assertEqual(self.call(ship, "--schema", url)[0], 2)
