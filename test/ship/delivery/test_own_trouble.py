"""Trouble on this side of shipping: a full disk under the positions, clocks that are set, removals that meet."""

from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred

from ccsproxy.ship.delivery.ledger import Ledger
from ccsproxy.ship.delivery.pump import DOUBT
from ccsproxy.ship.target import Unavailable
from ccsproxy.store.state.file import StateError
from ccsproxy.store.state.state import State
from test.ship.delivery.test_pump import PumpCase
from test.ship.segments import FIRST, SECOND


class FullDiskTests(PumpCase):
    """The state of the data dir cannot be written."""

    def fails(self, method: str, times: int) -> None:
        """Have a method of the ledger fail as on a full disk."""
        whole, left = getattr(Ledger, method), [times]

        def failing(ledger: Ledger, *arguments: Any) -> Any:
            if left[0]:
                left[0] -= 1
                raise StateError("The state cannot be written: database or disk is full.")
            return whole(ledger, *arguments)

        self.patch(Ledger, method, failing)

    def test_while_a_position_is_written(self) -> None:
        """What was taken goes again under its name, and so is there once; nothing is passed over."""
        self.fails("move", 3)
        self.segments.add(FIRST, range(1, 10))
        pump = self.start()
        self.assertIn("disk is full", pump.status.trouble)
        self.advance(30)
        self.assertEqual(self.target.taken, list(range(1, 10)))
        self.assertEqual((pump.status.sent, pump.status.state), (9, "ok"))
        self.assertEqual(len({each for each in self.target.asked if each.startswith("send")}), 3)

    def test_before_anything_is_sent(self) -> None:
        """A batch that cannot be noted is not sent: after a crash its repeat would have another name."""
        self.fails("plan", 1000)
        self.segments.add(FIRST, [1, 2])
        self.start()
        self.advance(60)
        self.assertEqual(self.target.taken, [])

    def test_while_a_removal_is_noted(self) -> None:
        """The target is asked once more, which changes nothing there."""
        self.segments.add(FIRST, [1])
        self.start()
        state = State(self.segments.data_dir)
        self.addCleanup(state.close)
        state.forget("s")
        self.fails("deleted", 2)
        self.advance(20)
        self.assertEqual(self.target.asked.count("delete s"), 3)
        self.assertEqual(state.deletions(), [])


class ClockTests(PumpCase):
    """The clock of the machine is set."""

    def test_back_and_forth(self) -> None:
        """Nothing waits for it: pauses are those of a clock that only goes on; a lag is never less than none."""
        self.segments.add(FIRST, [1, 2])
        self.target.faults = [Unavailable("away")]
        pump = self.start()
        for now in (-1e9, 5e9, 0.0):
            pump._clock = lambda now=now: now  # type: ignore[misc]
            said = self.successResultOf(ensureDeferred(pump.report()))
            self.assertGreaterEqual(said.lag_s or 0.0, 0.0)
        self.advance(3)
        self.assertEqual(self.target.taken, [1, 2])

    def test_a_segment_from_the_future(self) -> None:
        """A machine that ran ahead and was set right goes on in a segment behind that of the future."""
        later = FIRST.replace("2026", "2038")
        self.segments.add(later, [1])
        self.start()
        self.segments.close(later)
        self.segments.add(later[:-8] + "ffffffff", [2])
        self.advance(5)
        self.assertEqual(self.target.taken[:1], [1])
        behind = later.replace("000Z", "001Z")
        self.segments.add(behind, [3])
        self.advance(5)
        self.assertIn(3, self.target.taken)


class RemovalTests(PumpCase):
    """Removals at bad moments."""

    def state(self) -> State:
        state = State(self.segments.data_dir)
        self.addCleanup(state.close)
        return state

    def remove(self, session: str) -> None:
        """Cut a session out of the first segment and ask for its removal, as ``rm`` does."""
        self.segments.rewrite(FIRST, lambda head: head.session_id != session, b"\0\0\0\0")
        self.state().forget(session)

    def test_before_it_was_shipped(self) -> None:
        """Nothing of it goes; the target is asked all the same, which may have had it from elsewhere."""
        self.segments.add(FIRST, [1, 2], "gone")
        self.segments.add(FIRST, [3])
        self.segments.close(FIRST)
        self.state().forget("other")
        self.start(begin=None)
        self.remove("gone")
        self.segments.add(SECOND, [4])
        self.advance(5)
        self.assertNotIn(1, self.target.taken)
        self.assertIn("delete gone", self.target.asked)
        self.assertEqual(self.state().deletions(), [])

    def test_while_the_target_is_down(self) -> None:
        """It is owed until the target is back, over a kill, and comes before what was recorded since."""
        self.segments.add(FIRST, [1], "gone")
        self.start()
        self.segments.close(FIRST)
        self.target.faults = [Unavailable("away")] * 4
        self.remove("gone")
        self.advance(1)
        self.pump.stop()
        self.segments.add(SECOND, [2], "gone")
        self.start()
        self.advance(60)
        self.assertEqual(self.target.taken, [1, 2])
        self.assertLess(self.last("delete gone"), self.last("send"))
        self.assertEqual(self.state().deletions(), [])

    def test_while_a_batch_is_under_way(self) -> None:
        """What the batch has of it is taken, and deleted behind it."""
        self.segments.add(FIRST, [1], "gone")
        self.segments.close(FIRST)
        held: Deferred[None] = Deferred()
        self.target.wait = lambda: held  # type: ignore[assignment,return-value]
        self.start()
        self.remove("gone")
        self.target.wait = None
        held.callback(None)
        self.advance(5)
        self.assertEqual(self.target.taken, [1])
        self.assertGreater(self.last("delete gone"), self.last("send"))
        self.assertEqual(self.state().deletions(), [])

    def test_behind_a_batch_that_was_not_acknowledged(self) -> None:
        """It may arrive after the removal: that is owed until it cannot any more, and asked for once more then."""
        self.segments.add(FIRST, [1], "gone")
        self.segments.close(FIRST)
        self.target.faults = [Unavailable("the connection broke off")]
        self.start()
        self.remove("gone")
        self.segments.add(SECOND, [2])
        self.advance(60)
        self.assertEqual((self.target.taken, self.target.asked.count("delete gone")), ([2], 1))
        self.assertEqual([session for _, session in self.state().deletions()], ["gone"])
        self.advance(DOUBT)
        self.assertEqual(self.target.asked.count("delete gone"), 2)
        self.assertEqual(self.state().deletions(), [])

    def test_two_at_once(self) -> None:
        """The same session twice, and another: each is asked for, and nothing is owed in the end."""
        self.segments.add(FIRST, [1], "a")
        self.segments.add(FIRST, [2], "b")
        self.start()
        for session in ("a", "a", "b"):
            self.state().forget(session)
        self.advance(5)
        self.assertEqual(sorted(each for each in self.target.asked if "delete" in each), ["delete a", "delete b"])
        self.assertEqual(self.state().deletions(), [])

    def last(self, what: str) -> int:
        """Return where something was asked for the last time."""
        return max(at for at, each in enumerate(self.target.asked) if each.startswith(what))
