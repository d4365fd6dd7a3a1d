"""How far each target of shipping has come."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.state.shipments import DONE, Position, Shipment, Shipments, lies_before, unshipped
from ccsproxy.store.state.state import State

OLD, NEW, NEWER = "20261130T100000000Z-0000000a", "20261130T110000000Z-0000000a", "20261130T120000000Z-0000000a"
#: What replaces NEW, sorting before and behind it.
BEFORE, BEHIND = "20261130T110000000Z-00000000", "20261130T110000000Z-ffffffff"


class ShipmentCase(SynchronousTestCase):
    """A state with a target."""

    def setUp(self) -> None:
        """Begin to ship to one target."""
        folder = Path(self.mktemp())
        folder.mkdir()
        self.state = State(folder)
        self.addCleanup(self.state.close)
        self.shipments = Shipments(self.state)
        self.shipments.begin("one", Position(OLD, 100, "abc"))

    def position(self) -> Position:
        """Return where the target is."""
        return self.shipments.every()["one"].position


class PositionTests(ShipmentCase):
    """Positions go forward only."""

    def test_begin_once(self) -> None:
        """A target that is known stays where it is."""
        self.shipments.begin("one", Position(NEWER, 5))
        self.assertEqual(self.position(), Position(OLD, 100, "abc"))

    def test_never_back(self) -> None:
        """A late confirmation of something older changes nothing; each target has its own."""
        self.shipments.begin("two", Position(OLD, 1))
        for segment, offset in ((OLD, 90), (NEW, 1), (OLD, 900), (NEW, 0)):
            self.shipments.move("one", Position(segment, offset), sent=1)
        shipped = self.shipments.every()
        self.assertEqual(shipped["one"].position, Position(NEW, 1))
        self.assertEqual((shipped["one"].sent, shipped["two"].position), (1, Position(OLD, 1)))

    def test_what_replaces_a_segment_begins_anew(self) -> None:
        """Whichever way its name sorts."""
        self.shipments.move("one", Position(NEW, 500))
        self.shipments.move("one", Position(BEFORE, 10))
        self.assertEqual(self.position(), Position(BEFORE, 10))
        self.shipments.move("one", Position(BEHIND, 0))
        self.assertEqual(self.position(), Position(BEHIND, 0))

    def test_a_plan_holds_until_the_batch_is_confirmed(self) -> None:
        """What was sent and not confirmed is sent again as it was."""
        self.shipments.plan("one", Position(OLD, 120, "def"), 300)
        planned = self.shipments.every()["one"]
        self.assertEqual((planned.planned, planned.position), (300, Position(OLD, 120, "def")))
        self.shipments.move("one", Position(OLD, 300), sent=2, refused=1)
        shipped = self.shipments.get("one")
        assert shipped is not None
        self.assertEqual((shipped.planned, shipped.sent, shipped.refused), (0, 2, 1))

    def test_return(self) -> None:
        """Where a file lost lines, everything is sent again."""
        self.shipments.move("one", Position(OLD, 300))
        self.shipments.return_to("one", Position(OLD, 0))
        self.assertEqual(self.position(), Position(OLD, 0))

    def test_drop(self) -> None:
        """A target that is forgotten owes nothing."""
        self.state.forget("s")
        self.assertEqual(self.state.deletions(), [("one", "s")])
        self.shipments.drop("one")
        self.assertEqual((self.shipments.get("one"), self.state.deletions()), (None, []))


class HoldTests(ShipmentCase):
    """What retention waits for."""

    def test_the_slowest_wanted_target_counts(self) -> None:
        """One that is no longer shipped to holds nothing."""
        self.shipments.begin("two", Position(NEW, DONE))
        segments = (OLD, NEW, NEWER)
        self.assertEqual(unshipped(segments, self.shipments.every().values()), set(segments))
        self.shipments.want(["two"])
        self.assertEqual(unshipped(segments, self.shipments.every().values()), {NEWER})
        self.assertEqual(unshipped(segments, []), set())

    def test_a_rewritten_segment_that_was_shipped_is_done(self) -> None:
        """Nothing of what replaces it is left to ship."""
        self.assertFalse(lies_before(Position(NEW, DONE), BEHIND))
        self.assertTrue(lies_before(Position(NEW, 5), BEFORE))
        self.assertTrue(lies_before(Position(), OLD))

    def test_missed(self) -> None:
        """What is removed too early is counted at those that had not had it."""
        self.shipments.begin("two", Position(NEW, DONE))
        self.shipments.begin("three", Position(NEW, 7))
        self.shipments.missed(NEW, 12)
        counts = {name: each.missed for name, each in self.shipments.every().items()}
        self.assertEqual(counts, {"one": 12, "two": 0, "three": 12})
        self.assertEqual(Shipment("x").missed, 0)
