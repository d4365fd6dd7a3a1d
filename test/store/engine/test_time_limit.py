"""The time limit of a question that needs several statements."""

import threading

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.engine.engine import EngineError
from ccsproxy.store.engine.time_limit import TimeLimit


class TimeLimitTests(SynchronousTestCase):
    """One clock, several threads."""

    def setUp(self) -> None:
        self.now = 0.0
        self.limit = TimeLimit(lambda: self.now)

    def test_shared_by_statements(self) -> None:
        """What one statement takes is missing from the next; behind the end nothing more is asked."""
        self.assertEqual(self.limit.left(60), 60)
        with self.limit.question(100):
            self.assertEqual(self.limit.left(60), 60)
            self.now = 70
            self.assertEqual(self.limit.left(60), 30)
            self.now = 100
            self.assertIn("shorter time range", str(self.assertRaises(EngineError, self.limit.left, 60)))
        self.assertEqual(self.limit.left(60), 60)

    def test_own_for_each_thread(self) -> None:
        """A question does not limit what another thread answers meanwhile."""
        found: list[float] = []
        with self.limit.question(1):
            self.now = 2
            other = threading.Thread(target=lambda: found.append(self.limit.left(60)))
            other.start()
            other.join()
        self.assertEqual(found, [60])

    def test_after_a_failure(self) -> None:
        """A question that failed leaves no limit behind."""

        def fail() -> None:
            with self.limit.question(1):
                raise ValueError

        self.assertRaises(ValueError, fail)
        self.now = 5
        self.assertEqual(self.limit.left(60), 60)
