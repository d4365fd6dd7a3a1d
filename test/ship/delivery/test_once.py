"""A single run: what is there already, beside a service that ships to the same target or without one."""

from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.trial.unittest import TestCase

from ccsproxy.config.shipping import ship_address
from ccsproxy.ship.delivery import once
from ccsproxy.ship.delivery.ledger import Ledger
from ccsproxy.ship.delivery.once import ship_once
from ccsproxy.ship.link import ShipSettings
from ccsproxy.ship.target import Unavailable
from ccsproxy.store.state.shipments import DONE, Position, Shipments
from ccsproxy.store.state.state import State
from test.ship.fakes import FakeTarget
from test.ship.segments import FIRST, SECOND, Segments

URL = "jsonl+https://logs.example/in"


class OnceTests(TestCase):
    """Runs over real segments and a fake target."""

    def setUp(self) -> None:
        """Write two segments."""
        self.segments, self.target = Segments(Path(self.mktemp()).absolute()), FakeTarget()
        self.patch(once, "make_target", lambda around: self.target)
        self.segments.add(FIRST, [1, 2, 3])
        self.segments.close(FIRST)
        self.segments.add(SECOND, [4, 5])
        self.state = State(self.segments.data_dir)
        self.addCleanup(self.state.close)

    async def ship(self, since: float = 0.0) -> Any:
        folder = str(self.segments.data_dir)
        settings = ShipSettings(data_dir=folder, targets=[URL], content="full", host="h", credentials=f"{folder}/no")
        return await ensureDeferred(ship_once(reactor, ship_address(URL), settings, since))

    async def test_everything(self) -> None:
        """Then nothing is left for another run, and the target is told of what is removed later."""
        status = await self.ship()
        self.assertEqual((self.target.taken, status.sent, status.trouble), ([1, 2, 3, 4, 5], 5, ""))
        self.segments.add(SECOND, [6])
        await self.ship()
        self.assertEqual(self.target.taken, [1, 2, 3, 4, 5, 6])
        self.state.forget("s")
        await self.ship()
        self.assertIn("delete s", self.target.asked)
        self.assertEqual(self.state.deletions(), [])
        found = Shipments(self.state).get(URL)
        assert found is not None
        self.assertFalse(found.wanted)

    async def test_beside_the_service(self) -> None:
        """Its position stays where it is; the run has one of its own, which is gone in the end."""
        shipments = Shipments(self.state)
        shipments.begin(URL, Position(FIRST, DONE))
        await self.ship()
        self.assertEqual(self.target.taken, [1, 2, 3, 4, 5])
        self.assertEqual(list(shipments.every()), [URL])
        self.assertEqual(shipments.every()[URL].position, Position(FIRST, DONE))

    async def test_gives_up(self) -> None:
        """A target that is away for long is said so; the next run goes on."""
        self.patch(once, "PATIENCE", 2)
        self.target.faults = [None, Unavailable("it is away"), Unavailable("it is away")]
        status = await self.ship()
        self.assertEqual((status.trouble, self.target.taken), ("it is away", [1, 2, 3]))
        await self.ship()
        self.assertEqual(self.target.taken, [1, 2, 3, 4, 5])

    def test_ledger_of_a_new_data_dir(self) -> None:
        """A data dir that was removed and begun again is noticed."""
        ledger = Ledger(self.segments.data_dir)
        self.addCleanup(ledger.close)
        ledger.begin("t", Position(FIRST, 3))
        for path in self.segments.data_dir.glob("state.sqlite3*"):
            path.unlink()
        self.assertIsNone(ledger.get("t"))
