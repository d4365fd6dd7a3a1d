"""Tests of the cache of what is derived from whole sessions."""

import threading

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.reader.calls import Stamp
from ccsproxy.store.reader.session_cache import SessionCache


class SessionCacheTests(SynchronousTestCase):
    """A value is derived once for each state of a session."""

    def setUp(self) -> None:
        self.cache: SessionCache[str] = SessionCache(2)
        self.derived: list[str] = []

    def value(self, session_id: str, stamp: Stamp | None) -> str:
        """Ask for a value, which says how often one was derived."""

        def derive(name: str) -> str:
            self.derived.append(name)
            return f"{name}{len(self.derived)}"

        return self.cache.get(session_id, stamp, derive)

    def test_the_same_state(self) -> None:
        """Nothing is derived twice from one state."""
        self.assertEqual([self.value("a", Stamp(1, 1)), self.value("a", Stamp(1, 1))], ["a1", "a1"])

    def test_another_state(self) -> None:
        """A call more, or another last call, makes another state; the former is forgotten."""
        stamps = [Stamp(1, 1), Stamp(2, 1), Stamp(2, 2), Stamp(1, 1)]
        self.assertEqual([self.value("a", stamp) for stamp in stamps], ["a1", "a2", "a3", "a4"])

    def test_unknown_sessions(self) -> None:
        """A session that is not there now may be there a moment later."""
        self.assertEqual([self.value("a", None), self.value("a", None)], ["a1", "a2"])

    def test_the_limit(self) -> None:
        """Whichever was asked for longest ago gives way."""
        stamp = Stamp(1, 1)
        for name in ("a", "b", "a", "c", "a", "b"):
            self.value(name, stamp)
        self.assertEqual(self.derived, ["a", "b", "c", "b"])

    def test_two_threads(self) -> None:
        """A thread does not wait for a session that another one derives from."""
        begun, go_on = threading.Event(), threading.Event()

        def slow(name: str) -> str:
            begun.set()
            go_on.wait(10)
            return name

        thread = threading.Thread(target=self.cache.get, args=("slow", Stamp(1, 1), slow))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(go_on.set)
        self.assertTrue(begun.wait(10))
        self.assertEqual(self.value("quick", Stamp(1, 1)), "quick1")

    def test_a_failure(self) -> None:
        """What cannot be derived is not kept, and is tried again."""

        def fail(name: str) -> str:
            raise OSError(name)

        self.assertRaises(OSError, self.cache.get, "a", Stamp(1, 1), fail)
        self.assertEqual(self.value("a", Stamp(1, 1)), "a1")
