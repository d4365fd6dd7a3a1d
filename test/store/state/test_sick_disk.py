"""A state on a disk that is full or sick: a change is made whole or not at all, and the error is a sentence."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.state.annotations import Annotations
from ccsproxy.store.state.shipments import Position, Shipments
from ccsproxy.store.state.state import State, StateError, mark_key
from test.effort import THOROUGH
from test.store.disks import scratch
from test.store.sqlite_faults import TROUBLES, SqliteFaults, why_not

#: Each change, as it can be done any number of times.
CHANGES: dict[str, Callable[[State], Any]] = {
    "star": lambda state: state.star(["a", "b"]),
    "unstar": lambda state: state.unstar(["kept"]),
    "annotate": lambda state: Annotations(state).change("a", 3, add=["tag"], note="said"),
    "marks": lambda state: state.raise_marks({"a": 7, "b": 9}),
    "forget": lambda state: state.forget("kept"),
    "deleted": lambda state: state.deleted("target", "gone"),
    "move": lambda state: Shipments(state).move("target", Position("20260101T000000000Z-00000001", 10), 3, 1),
    "plan": lambda state: Shipments(state).plan("target", Position("20260101T000000000Z-00000001", 10), 20),
    "missed": lambda state: Shipments(state).missed("20270101T000000000Z-00000001", 5),
    "hosts": lambda state: Shipments(state).add_hosts(["here"]),
    "begin": lambda state: state.begin_jobs(),
    "take": lambda state: state.take_jobs(),
    "erase": lambda state: state.erase(),
}


def said(state: State) -> Any:
    """Return all that a state says."""
    shipments = {name: (each.position, each.planned) for name, each in Shipments(state).every().items()}
    counts = {
        name: (each.sent > 0, each.refused > 0, each.missed > 0) for name, each in Shipments(state).every().items()
    }
    notes = [(each.session_id, each.seq, each.tags, each.note) for each in Annotations(state).every()]
    jobs = state.ask("SELECT state, request FROM jobs")
    return (sorted(state.stars()), notes, state.marks(), shipments, counts, state.deletions(), jobs,
            Shipments(state).hosts())  # fmt: skip


class SickStateTests(SynchronousTestCase):
    """Every change, with a failure at every call below it."""

    def setUp(self) -> None:
        if reason := why_not():
            raise SkipTest(reason)
        self.faults = SqliteFaults()

    def fresh(self) -> Path:
        """Make a state with something of everything."""
        data_dir = scratch(self) / "data"
        data_dir.mkdir()
        state = State(data_dir)
        state.star(["kept"])
        state.raise_marks({"kept": 2})
        Shipments(state).begin("target", Position())
        state.forget("gone")
        state.ask_for(b'{"do":"collect"}')
        state.close()
        return data_dir

    def judge(self, name: str, code: int, calls: tuple[str, ...], at: int, times: int) -> bool:
        """Change a state while a call fails; return whether one did."""
        what = (name, errno.errorcode[code], calls[0], at, times)
        data_dir = self.fresh()
        state = State(data_dir)
        before = said(state)
        if at % 2:  # else the file is opened within the change
            state.stars()
        else:
            state.close()
        self.faults.fail(calls, at, code, times)
        try:
            CHANGES[name](state)
            done = True
        except StateError as reason:
            done = False
            self.assertNotIn("Traceback", str(reason), what)
        failed = self.faults.failed > 0
        self.faults.heal()
        other = State(data_dir)
        found = said(other)
        other.close()
        CHANGES[name](state)  # the same object goes on, without being opened anew by hand
        after = said(state)
        state.close()
        self.assertIn(found, (after,) if done else (before, after), what)
        return failed

    def test_every_change_at_every_call(self) -> None:
        """It is done, or not done and said; the same state works again when the disk does."""
        hit = 0
        with self.faults.installed():
            for name in CHANGES:
                for code, calls in TROUBLES:
                    for times in (1, -1):
                        for at in range(1, 40) if THOROUGH else (1, 2, 3, 6, 11):
                            failed = self.judge(name, code, calls, at, times)
                            hit += failed
                            if not failed and at > 2:
                                break
        self.assertGreater(hit, 5 * len(CHANGES))

    def test_a_passing_error_is_no_damage(self) -> None:
        """What is only said to be broken because it could not be read once, nobody is told to remove."""
        data_dir = self.fresh()
        with self.faults.installed():
            for at in (1, 2, 3, 4):
                state = State(data_dir)
                self.faults.fail(("read", "pread", "pread64"), at, errno.EIO)
                try:
                    state.stars()
                except StateError as reason:
                    self.assertNotIn("remove it", str(reason), at)
                self.faults.heal()
                self.assertEqual(state.stars(), {"kept"})
                state.close()

    def test_marks_outlive_it(self) -> None:
        """A number that was given is known after any failure that was not told."""
        data_dir = self.fresh()
        state = State(data_dir)
        with self.faults.installed():
            for at in range(1, 12):
                self.faults.fail(("pwrite", "pwrite64"), at, errno.ENOSPC)
                try:
                    state.raise_marks({"a": at})
                    told = at
                except StateError:
                    told = 0
                self.faults.heal()
                state.close()
                self.assertGreaterEqual(state.marks().get(mark_key("a"), 0), told)
        state.close()
