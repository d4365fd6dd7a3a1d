"""Tests of commands' store: what they change while no service runs."""

import sqlite3
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.index.follower import bring_up
from ccsproxy.store.maintenance.offline import OfflineStore
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.state.state import NAME, State
from test.store.corpus import Corpus, Segments


class ForgetTests(SynchronousTestCase):
    """Removing sessions."""

    def setUp(self) -> None:
        self.data_dir = Path(self.mktemp()).absolute()
        self.data_dir.mkdir(mode=0o700)
        self.session = Segments(self.data_dir).fill(6, Corpus())[0]["session_id"]
        bring_up(self.data_dir)

    def forget(self, *sessions: str) -> dict[str, int]:
        with OfflineStore(self.data_dir, StoreSettings(writer="test")) as store:
            return store.forget(sessions)

    def test_while_another_program_has_the_state_open(self) -> None:
        """The name of the session is in none of its files, although SQLite keeps them for the other."""
        State(self.data_dir).star([self.session])
        other = sqlite3.connect(self.data_dir / NAME)
        self.addCleanup(other.close)
        other.execute("SELECT count(*) FROM stars").fetchone()
        self.assertEqual(self.forget(self.session), {self.session: 1})
        for path in self.data_dir.glob("*"):
            if path.is_file():
                self.assertNotIn(self.session.encode(), path.read_bytes(), path.name)

    def test_what_is_not_there(self) -> None:
        """It is counted as none, each once, and nothing is asked of a later service."""
        self.assertEqual(self.forget("none", "none"), {"none": 0})
        state = State(self.data_dir)
        self.addCleanup(state.close)
        self.assertEqual(state.take_jobs(), [])
