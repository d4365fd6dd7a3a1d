"""Retention waits for targets within a limit, and counts what it gave up; removal waits for them, too."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.maintenance.offline import OfflineStore
from ccsproxy.store.maintenance.retention import ClosedSegment, held_back
from ccsproxy.store.segments.lines import segment_bytes
from ccsproxy.store.segments.segment import list_segments
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.state.shipments import DONE, Position, Shipments
from ccsproxy.store.state.state import State
from test.ship.segments import FIRST, SECOND, THIRD, Segments


class HeldBackTests(SynchronousTestCase):
    """The newest stay, as many as the limit allows."""

    gone = [ClosedSegment("a", 100, 1.0), ClosedSegment("b", 100, 2.0), ClosedSegment("c", 100, 3.0)]

    def test_choice(self) -> None:
        """Only what was not shipped, never on a disk that is nearly full."""
        for waiting, hold, short, held in (
            ({"a", "b", "c"}, 1000, False, {"a", "b", "c"}),
            ({"a", "b", "c"}, 250, False, {"b", "c"}),
            ({"a", "c"}, 150, False, {"c"}),
            ({"b"}, 1000, False, {"b"}),
            ({"a", "b", "c"}, 1000, True, set()),
            ({"a", "b", "c"}, 0, False, set()),
        ):
            self.assertEqual(held_back(self.gone, waiting, hold, short), held)


class HoldTests(SynchronousTestCase):
    """A store whose segments are all too old."""

    def setUp(self) -> None:
        """Write three segments; a target has had the first."""
        self.segments = Segments(Path(self.mktemp()).absolute())
        self.segments.data_dir.chmod(0o700)
        (self.segments.data_dir / "segments").chmod(0o700)
        for number, name in enumerate((FIRST, SECOND, THIRD)):
            self.segments.add(name, [number * 2 + 1, number * 2 + 2])
            self.segments.close(name)
        self.state = State(self.segments.data_dir)
        self.addCleanup(self.state.close)
        self.shipments = Shipments(self.state)
        self.shipments.begin("t", Position(FIRST, DONE))

    def collect(self, hold: int) -> list[str]:
        """Remove what is too old, and return what is left."""
        settings = StoreSettings(retain_days=0.0001, retain_size=0, min_free=0, ship_hold=hold)
        with OfflineStore(self.segments.data_dir, settings, clock=lambda: 4e9) as store:
            self.assertEqual(store.collect(), "")
        return [name for name, _ in list_segments(self.segments.data_dir)]

    def missed(self) -> int:
        found = self.shipments.get("t")
        assert found is not None
        return found.missed

    def test_waits(self) -> None:
        """What the target has had goes, the rest stays."""
        self.assertEqual(self.collect(1 << 30), [SECOND, THIRD])
        self.assertEqual(self.missed(), 0)

    def test_up_to_a_limit(self) -> None:
        """Beyond it the oldest goes, and is counted at the target."""
        one = segment_bytes(self.segments.data_dir, THIRD)
        self.assertEqual(self.collect(one), [THIRD])
        self.assertEqual(self.missed(), 2)

    def test_not_for_targets_that_are_not_used(self) -> None:
        """Nor where there never was one."""
        self.shipments.want([])
        self.assertEqual(self.collect(1 << 30), [])
        self.assertEqual(self.missed(), 0)

    def test_removal_waits(self) -> None:
        """It says for which target, and how one is forgotten that is gone for good."""
        with OfflineStore(self.segments.data_dir, StoreSettings()) as store:
            error = self.assertRaises(OSError, store.forget, ["s"])
        self.assertIn("ccsproxy ship --forget t", str(error))
        self.shipments.drop("t")
        with OfflineStore(self.segments.data_dir, StoreSettings()) as store:
            store.forget(["s"])
