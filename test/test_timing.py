"""Tests of what the suite says of its tests' costs."""

import subprocess
import sys
import time
from pathlib import Path

from twisted.trial.reporter import TestResult
from twisted.trial.unittest import SynchronousTestCase

from test.timing import Cost, by_module, read_costs, record_tests, table


class RecordingTests(SynchronousTestCase):
    """What `record_tests` writes."""

    def test_each_clock(self) -> None:
        """Computing, a child's computing and waiting are told apart."""
        for name in ("startTest", "stopTest"):
            self.patch(TestResult, name, getattr(TestResult, name))
        file = Path(self.mktemp())
        record_tests(file)
        result = TestResult()
        for work in (_compute, _compute_in_a_child, lambda: time.sleep(0.2)):
            result.startTest(self)  # type: ignore[no-untyped-call]
            work()
            result.stopTest(self)  # type: ignore[no-untyped-call]
        computing, by_child, waiting = read_costs(file)
        self.assertEqual(computing.name, self.id())
        self.assertGreater(computing.own, 0.1)
        self.assertEqual(computing.children, 0)
        self.assertGreater(by_child.children, 0.1)
        self.assertGreater(waiting.waited, 0.15)
        self.assertLess(waiting.processor, 0.1)


def _compute() -> None:
    until = time.process_time() + 0.12
    while time.process_time() < until:
        pass


def _compute_in_a_child() -> None:
    code = "import time\nwhile time.process_time() < 0.15: pass"
    subprocess.run([sys.executable, "-S", "-c", code], check=True)


class TableTests(SynchronousTestCase):
    """What the runner prints at its end."""

    COSTS = [
        Cost("test.a.ATests.test_x", 3, 1, 0),
        Cost("test.a.ATests.test_y", 2, 1, 0.5),
        Cost("test.b.B.t", 9, 0, 2),
    ]

    def test_modules(self) -> None:
        """The tests of a module are added up."""
        self.assertEqual(by_module(self.COSTS), [Cost("test.a", 5, 2, 0.5), Cost("test.b", 9, 0, 2)])

    def test_order(self) -> None:
        """The dearest are first, by processor time and by waiting, and no more than were asked for."""
        names = [line.split()[-1] for line in table(self.COSTS, 1).splitlines() if line.startswith(" ")]
        self.assertEqual(names, ["test.a", "test.b.B.t", "test.b.B.t"])

    def test_nothing_ran(self) -> None:
        """A job that broke off before its first test has no costs."""
        self.assertEqual(read_costs(Path("nowhere")), [])
