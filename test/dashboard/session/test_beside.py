"""Tests of a session beside a list."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.session.beside import derived_session, selected_session
from ccsproxy.insight.session import Session
from ccsproxy.store.reader.reader import NotKept
from test.dashboard import specimens
from test.dashboard.reading_page import shown
from test.dashboard.session.made import session_of


class OneSession:
    """Insights that know one session."""

    def __init__(self, session: Session | None) -> None:
        self._session = session

    def session(self, sid: str) -> Session:
        if self._session is None:
            raise NotKept("there is no session x")
        return self._session


def service_of(session: Session | None) -> Any:
    """Return a service with these insights."""
    return type("Service", (), {"insights": OneSession(session)})()


class MadeTests(SynchronousTestCase):
    """What is made of a session."""

    def test_once(self) -> None:
        """As long as it does not change: another object is another state of it."""
        session = session_of(specimens.conversation(2, branch_at=0))
        first, again = derived_session(service_of(session), "s"), derived_session(service_of(session), "s")
        assert first is not None and again is not None
        self.assertIs(first.description, again.description)
        other = derived_session(service_of(session_of(specimens.conversation(2, branch_at=0))), "s")
        assert other is not None
        self.assertIsNot(first.description, other.description)
        self.assertEqual(first.description, other.description)

    def test_nothing_yet(self) -> None:
        """Neither of what is not known nor of what has no finished call."""
        self.assertIsNone(derived_session(service_of(None), "s"))
        self.assertIsNone(derived_session(service_of(Session([])), "s"))


class SelectedTests(SynchronousTestCase):
    """What an address selects."""

    def test_none_and_gone(self) -> None:
        """Nothing selected is nothing; what is gone is said in a sentence."""

        class Empty:
            def session_meta(self, sid: str) -> Any:
                raise NotKept("there is no session x")

        reader: Any = Empty()
        self.assertEqual(selected_session(reader, {}, service_of(None)), [])
        (said,) = selected_session(reader, {"sel": "x"}, service_of(None))
        self.assertEqual(shown(said).text, "There is no session x.")
