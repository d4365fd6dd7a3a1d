"""Answers that are held for a moment."""

import threading
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.engine.answer_cache import HELD, LONGEST, AnswerCache


class CacheTests(SynchronousTestCase):
    """With a clock of our own."""

    def setUp(self) -> None:
        """Count what is asked."""
        self.now, self.asked = 0.0, list[str]()
        self.cache = AnswerCache(5.0, lambda: self.now)

    def ask(self, statement: str) -> list[Any]:
        """Answer."""
        self.asked.append(statement)
        return [(statement, len(self.asked))]

    def test_held(self) -> None:
        """What was asked a moment ago is not asked again; then it is, and each statement has its own answer."""
        for after in (0.0, 4.9):
            self.now = after
            self.assertEqual(self.cache.get("a", self.ask), [("a", 1)])
        self.assertEqual(self.cache.get("b", self.ask), [("b", 2)])
        self.now = 5.1
        self.assertEqual(self.cache.get("a", self.ask), [("a", 3)])
        self.cache.clear()
        self.assertEqual(self.cache.get("a", self.ask), [("a", 4)])

    def test_bounds(self) -> None:
        """Long answers are not held, and of many the oldest go."""
        long: Any = [(1,)] * (LONGEST + 1)
        for _ in range(2):
            self.assertEqual(len(self.cache.get("long", lambda statement: self.ask(statement) and long)), LONGEST + 1)
        self.assertEqual(self.asked, ["long", "long"])
        for number in range(HELD + 1):
            self.cache.get(f"s{number}", self.ask)
        self.cache.get("s0", self.ask)
        self.assertEqual(self.asked.count("s0"), 2)

    def test_error(self) -> None:
        """An error is nobody's answer, and nobody waits for ever."""

        def fail(statement: str) -> list[Any]:
            raise ZeroDivisionError

        for _ in range(2):
            self.assertRaises(ZeroDivisionError, self.cache.get, "a", fail)
        self.assertEqual(self.cache.get("a", self.ask), [("a", 1)])

    def test_several_at_once(self) -> None:
        """Whoever asks meanwhile waits for the same answer; what was begun before `clear` is nobody's after it."""
        begun, go_on = threading.Event(), threading.Event()
        answers: list[Any] = []

        def slow(statement: str) -> list[Any]:
            rows = self.ask(statement)
            begun.set()
            go_on.wait(30)
            return rows

        threads = [threading.Thread(target=lambda: answers.append(self.cache.get("a", slow))) for _ in range(3)]
        for thread in threads:
            thread.start()
        begun.wait(30)
        self.cache.clear()
        self.assertEqual(self.cache.get("a", self.ask), [("a", 2)])
        go_on.set()
        for thread in threads:
            thread.join(30)
        self.assertEqual(sorted(set(map(str, answers)))[0], str([("a", 1)]))
        self.assertEqual(self.cache.get("a", self.ask), [("a", 2)])
        self.assertEqual(len(self.asked), 2)
