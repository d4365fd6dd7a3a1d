"""The pump: at least once, in order, patient with a target that has trouble, and honest about what is refused."""

from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.ship.delivery.backoff import Backoff
from ccsproxy.ship.delivery.ledger import Ledger
from ccsproxy.ship.delivery.pump import POLL, REFUSED_IN_A_ROW, Pump
from ccsproxy.ship.delivery.source import RecordSource
from ccsproxy.ship.target import Unavailable
from ccsproxy.store.segments.segment import plain_path
from ccsproxy.store.state.shipments import Position, Shipments
from ccsproxy.store.state.state import State
from test.ship.fakes import FakeTarget, at_once
from test.ship.segments import FIRST, SECOND, Segments
from test.store.records import record


class PumpCase(SynchronousTestCase):
    """A pump over real segments and a fake target, in a time that only the test moves."""

    def setUp(self) -> None:
        """Make a data dir."""
        self.segments = Segments(Path(self.mktemp()))
        self.clock, self.target = Clock(), FakeTarget()
        self.ended: list[Any] = []

    def start(self, begin: Position | None = Position(), until: str | None = None) -> Pump:  # noqa: B008  (frozen)
        """Start a pump, as a process does that has just begun."""
        ledger = Ledger(self.segments.data_dir)
        self.addCleanup(ledger.close)
        source = RecordSource(self.segments.data_dir, "h")
        pump = self.pump = Pump(
            self.clock, "t", self.target, source, ledger, True, at_once, Backoff(lambda: 1.0), self.clock.seconds
        )
        ensureDeferred(pump.run(begin, until)).addBoth(self.ended.append)
        return pump

    def advance(self, seconds: float) -> None:
        """Let time pass, in small steps."""
        self.clock.pump([0.25] * round(seconds * 4))


class OrderTests(PumpCase):
    """Everything goes, in its order, once."""

    def test_everything(self) -> None:
        """Batch by batch; what is written later follows when it is looked for, or at once when there is news."""
        self.segments.add(FIRST, range(1, 11))
        pump = self.start()
        self.advance(5)
        self.assertEqual(self.target.taken, list(range(1, 11)))
        self.segments.add(FIRST, [11])
        self.advance(POLL)
        self.assertEqual(self.target.taken[-1], 11)
        self.advance(1)
        self.segments.add(FIRST, [12])
        pump.poke()
        self.assertEqual((self.target.taken[-1], pump.status.sent, pump.status.state), (12, 12, "ok"))

    def test_a_new_target_begins_with_what_comes(self) -> None:
        """What is there already is for a single run."""
        self.segments.add(FIRST, [1, 2])
        self.start(begin=None)
        self.segments.add(FIRST, [3])
        self.advance(POLL)
        self.assertEqual(self.target.taken, [3])

    def test_until(self) -> None:
        """A single run ends when all is taken."""
        self.segments.add(FIRST, range(1, 11))
        self.start(until=FIRST)
        self.advance(0.25)
        self.assertEqual((self.target.taken, self.ended), (list(range(1, 11)), [None]))
        self.assertEqual(self.target.asked[-1], "close")

    def test_finish(self) -> None:
        """At the end of a run what is left goes at once, though it would have waited for more."""
        self.segments.add(FIRST, [1])
        pump = self.start()
        self.segments.add(FIRST, [2])
        pump.finish()
        self.assertEqual((self.target.taken, self.ended), ([1, 2], [None]))

    def test_finish_with_a_dead_target(self) -> None:
        """Nobody waits for that one."""
        self.target.faults = [Unavailable("it is away")] * 100
        self.segments.add(FIRST, [1])
        pump = self.start()
        self.advance(10)
        pump.finish()
        self.assertEqual((self.target.taken, self.ended), ([], [None]))


class TroubleTests(PumpCase):
    """A target that is down, slow or overloaded."""

    def test_the_same_batch_again(self) -> None:
        """Though more was written meanwhile; with pauses that grow, or are as long as it asks for."""
        self.segments.add(FIRST, [1, 2])
        self.target.faults = [Unavailable("it is away"), Unavailable("it answered 503", retry_after=30)]
        pump = self.start()
        self.segments.add(FIRST, [3])
        self.assertEqual((pump.status.state, pump.status.trouble), ("waiting", "it is away"))
        self.advance(29)
        self.assertEqual(self.target.taken, [])
        self.advance(5)
        self.assertEqual(self.target.taken, [1, 2, 3])
        self.assertEqual(len(set(self.target.asked[1:4])), 1)
        self.assertEqual((pump.status.state, pump.status.trouble, pump.status.retries), ("ok", "", 2))

    def test_a_lost_acknowledgement(self) -> None:
        """What the target has had already is sent again under the same name, so that it can tell."""
        self.segments.add(FIRST, range(1, 7))
        self.target.lost = 2
        self.start()
        self.advance(10)
        self.assertEqual(self.target.taken, [1, 2, 3, 4, 5, 6])

    def test_killed_between_any_two_steps(self) -> None:
        """The next process sends what was under way under the same name, though more was written."""
        self.segments.add(FIRST, [1, 2])
        self.target.wait = Deferred
        self.start()
        self.target.wait = None
        self.target.lost = 1
        self.segments.add(FIRST, [3])
        self.start()
        self.start()
        self.advance(10)
        self.assertEqual(sorted(set(self.target.taken)), [1, 2, 3])
        self.assertEqual(self.target.taken[:2], [1, 2])
        self.assertEqual(len({each for each in self.target.asked if each.startswith("send")}), 2)

    def test_a_fault_of_ours(self) -> None:
        """Is logged, and neither ends the pump nor passes anything over."""
        self.segments.add(FIRST, [1])
        self.target.faults = [ValueError("oh")]  # type: ignore[list-item]
        self.start()
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.advance(5)
        self.assertEqual(self.target.taken, [1])

    def test_cut_by_a_power_failure(self) -> None:
        """A file that lost lines is sent again, so that those in their place are not missed."""
        self.segments.add(FIRST, [1, 2])
        self.start()
        self.advance(3)
        path = plain_path(self.segments.data_dir, FIRST)
        path.write_bytes(path.read_bytes()[:-700])
        self.segments.add(FIRST, [3, 4])
        self.advance(5)
        self.assertEqual(self.target.taken[-2:], [3, 4])

    def test_stop(self) -> None:
        """Ends a pause at once."""
        self.target.faults = [Unavailable("away")] * 9
        self.segments.add(FIRST, [1])
        self.start().stop()
        self.assertEqual(self.ended, [None])


class RefusalTests(PumpCase):
    """Records that a target will never take."""

    def test_one_bad_record_takes_no_other_with_it(self) -> None:
        """It is found by halves, counted, and passed over."""
        self.segments.add(FIRST, range(1, 13))
        self.target.poison = {3, 10}
        pump = self.start()
        self.advance(5)
        self.assertEqual(self.target.taken, [1, 2, 4, 5, 6, 7, 8, 9, 11, 12])
        self.assertEqual((pump.status.sent, pump.status.refused), (10, 2))

    def test_a_target_that_takes_nothing(self) -> None:
        """Is set up wrong: records are not given up for that."""
        count = REFUSED_IN_A_ROW + 10
        self.segments.add(FIRST, range(1, count + 1))
        self.target.poison = set(range(1, count + 1))
        pump = self.start()
        self.advance(60)
        self.assertEqual(pump.status.state, "waiting")
        self.assertIn("rejects every record", pump.status.trouble)
        self.target.poison = set()
        self.advance(120)
        self.assertEqual(self.target.taken[-1], count)

    def test_records_with_secrets(self) -> None:
        """Are counted as refused."""
        self.segments.begin(FIRST, redacted=False)
        self.segments.add(FIRST, [1, 2])
        self.segments.add(SECOND, [3])
        pump = self.start()
        self.advance(5)
        self.assertEqual((self.target.taken, pump.status.refused, pump.status.sent), ([3], 2, 1))


class DeletionTests(PumpCase):
    """What is removed here is removed there."""

    def test_after_what_is_under_way(self) -> None:
        """And again until the target has done it."""
        self.segments.add(FIRST, [1])
        self.start()
        state = State(self.segments.data_dir)
        self.addCleanup(state.close)
        state.forget("s")
        self.target.faults = [Unavailable("away")]
        self.advance(5)
        self.assertEqual(self.target.asked[-2:], ["delete s", "delete s"])
        self.assertEqual(state.deletions(), [])

    def test_rewritten_meanwhile(self) -> None:
        """The batch that was under way loses what was removed, and nothing else."""
        self.segments.add(FIRST, [1, 2], "gone")
        self.segments.add(FIRST, [3, 4])
        self.target.faults = [Unavailable("away")]
        self.start()
        self.segments.close(FIRST)
        self.segments.rewrite(FIRST, lambda head: head.session_id != "gone", b"\0\0\0\0")
        self.advance(5)
        self.assertEqual(self.target.taken, [3, 4])


class WholeTests(PumpCase):
    """Targets that take closed segments."""

    def test_closed_ones(self) -> None:
        """Each once it is closed, and its records are counted."""
        self.target.whole_segments = True
        self.segments.add(FIRST, [1, 2])
        self.segments.close(FIRST)
        self.segments.add(SECOND, [3])
        pump = self.start()
        self.advance(3)
        self.assertEqual((self.target.taken, pump.status.sent), ([FIRST], 2))
        self.segments.close(SECOND)
        self.advance(3)
        self.assertEqual(self.target.taken, [FIRST, SECOND])


class ReportTests(PumpCase):
    """How a target stands."""

    def test_report(self) -> None:
        """Its position and how far it is behind; nothing that was said."""
        self.segments.add(FIRST, [1])
        pump = self.start()
        said = self.successResultOf(ensureDeferred(pump.report())).as_dict()
        self.assertEqual((said["state"], said["lag_bytes"], said["position"]["segment"]), ("ok", 0, FIRST))
        state = State(self.segments.data_dir)
        self.addCleanup(state.close)
        self.assertEqual(Shipments(state).every()["t"].position.offset, said["position"]["offset"])

    def test_down_from_the_beginning(self) -> None:
        """How old what waits is, is told though no batch was ever made; no more once all is well."""
        made = msgspec.structs.replace(record(1), ended_at="2026-11-20T10:00:05.000Z")
        self.segments.add(FIRST, [made, 2])
        failing = [True]

        async def open() -> None:
            if failing[0]:
                raise Unavailable("away")

        self.target.open = open  # type: ignore[method-assign]
        pump = self.start()
        pump._clock = lambda: 1_795_168_805.0 + 3600  # an hour later
        said = self.successResultOf(ensureDeferred(pump.report()))
        self.assertEqual((said.state, said.lag_s), ("waiting", 3600.0))
        self.assertGreater(said.lag_bytes or 0, 0)
        failing[0] = False
        self.advance(5)
        said = self.successResultOf(ensureDeferred(pump.report()))
        self.assertEqual((said.state, said.lag_s, said.lag_bytes), ("ok", 0.0, 0))
