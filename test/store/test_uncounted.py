"""Tests of remembering across restarts which answers have not been counted."""

from collections.abc import Callable
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.state.state import MOST_UNCOUNTED, State
from ccsproxy.store.uncounted import UncountedAnswers


class UncountedAnswersTests(SynchronousTestCase):
    """Names that outlive the process."""

    def setUp(self) -> None:
        """Collect the jobs of the writer, which run when a test says so."""
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.jobs: list[Callable[[], None]] = []
        self.uncounted = self.open()

    def open(self) -> UncountedAnswers:
        """Open the state as a new process does."""
        state = State(self.directory)
        self.addCleanup(state.close)
        return UncountedAnswers(state, self.jobs.append)

    def work(self) -> None:
        """Run the writer's jobs."""
        jobs, self.jobs[:] = self.jobs[:], []
        for job in jobs:
            job()

    def test_restart(self) -> None:
        """What was added is there for the next process, what was removed is not."""
        self.uncounted.add(["a", "b"])
        self.uncounted.add(["b", "c"])
        self.work()
        self.assertTrue(self.uncounted.remove("b"))
        self.assertEqual(self.open().names(), ["a", "c"])

    def test_removed_while_it_is_added(self) -> None:
        """A name that is removed before the writer has added it is gone when the writer is done."""
        self.uncounted.add(["a"])
        self.assertTrue(self.uncounted.remove("a"))
        self.work()
        self.assertEqual(self.open().names(), [])

    def test_most(self) -> None:
        """The oldest are dropped."""
        self.uncounted.add([f"{number}" for number in range(MOST_UNCOUNTED + 5)])
        self.work()
        names = self.open().names()
        self.assertEqual((len(names), names[0]), (MOST_UNCOUNTED, "5"))

    def test_state_that_cannot_be_used(self) -> None:
        """Nothing is counted, and one warning says why."""
        directory = Path(self.mktemp())
        directory.mkdir()
        directory.joinpath("state.sqlite3").write_bytes(b"no database" * 200)
        uncounted = UncountedAnswers(State(directory), self.jobs.append)
        self.assertEqual(uncounted.names(), [])
        uncounted.add(["a"])
        self.work()
        self.assertFalse(uncounted.remove("a"))
