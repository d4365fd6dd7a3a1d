"""Stars, tags and notes: kept, found by the query language, gone with their session."""

import sqlite3
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.query import Query, parse_query
from ccsproxy.store.reader.reader import Reader
from ccsproxy.store.state.annotations import AnnotationError, Annotations
from ccsproxy.store.state.state import NAME, State
from test.insight.stored import store_world
from test.store.corpus import Corpus


class AnnotationCase(SynchronousTestCase):
    """A data dir with a dozen calls."""

    def setUp(self) -> None:
        self.dir = Path(self.mktemp()).absolute()
        self.records = list(Corpus().records(12))
        store_world(self.dir, self.records)
        self.state = State(self.dir)
        self.addCleanup(self.state.close)
        self.annotations = Annotations(self.state)
        self.first, self.last = self.records[0], self.records[-1]

    def asked(self, text: str) -> set[tuple[str, int]]:
        reader = Reader(self.dir)
        self.addCleanup(reader.close)
        return {(each["session_id"], each["seq"]) for each in reader.requests(parse_query({"q": text})).items}


class AnnotationTests(AnnotationCase):
    """What is written, and what finds it."""

    def test_written_and_read(self) -> None:
        session, seq = self.first["session_id"], self.first["seq"]
        self.annotations.change(session, seq, starred=True, add=["cache", "bug"], note="why?")
        self.annotations.change(session, seq, remove=["bug"])
        got = self.annotations.one(session, seq)
        self.assertEqual((got.starred, got.tags, got.note), (True, ("cache",), "why?"))
        self.annotations.change(session, seq, starred=False, remove=["cache"], note="")
        self.assertEqual(self.annotations.every(), [])

    def test_found(self) -> None:
        session, seq = self.first["session_id"], self.first["seq"]
        other = self.last["session_id"]
        self.annotations.change(session, seq, add=["cache"], note="look at the Prefix")
        self.annotations.change(other, add=["good"], starred=True)
        whole = {(each["session_id"], each["seq"]) for each in self.records}
        of_other = {place for place in whole if place[0] == other}
        self.assertEqual(self.asked("tag:cache"), {(session, seq)})
        self.assertEqual(self.asked("note:prefix"), {(session, seq)})
        self.assertEqual(self.asked("tag:good"), of_other)
        self.assertEqual(self.asked("starred:yes"), of_other)
        self.assertEqual(self.asked("starred:no"), whole - of_other)
        self.assertEqual(self.asked("-tag:cache"), whole - {(session, seq)})
        self.assertEqual(self.asked("tag:nothing"), set())
        reader = Reader(self.dir)
        self.assertEqual(reader.totals(parse_query({"q": "tag:cache"}))["requests"], 1)
        self.assertEqual(len(reader.requests(Query()).items), 12)

    def test_session_star_is_the_one_that_keeps(self) -> None:
        session = self.first["session_id"]
        self.annotations.change(session, starred=True)
        self.assertEqual(self.state.stars(), {session})
        self.state.unstar([session])
        self.assertFalse(self.annotations.one(session).starred)
        self.state.star([session])
        self.assertTrue(self.annotations.one(session).starred)

    def test_call_star_keeps_nothing(self) -> None:
        self.annotations.change(self.first["session_id"], self.first["seq"], starred=True)
        self.assertEqual(self.state.stars(), frozenset())

    def test_refused(self) -> None:
        for tag in ("two words", "a,b", "a:b", "", "x" * 65):
            with self.assertRaises(AnnotationError):
                self.annotations.change("s", add=[tag])
        with self.assertRaises(AnnotationError):
            self.annotations.change("s", note="x" * 20_001)

    def test_gone_with_the_session(self) -> None:
        """Nothing of a removed session's notes is left, not even in the file's pages."""
        session = self.first["session_id"]
        self.annotations.change(session, 1, note="a plain-to-find-note")
        self.state.forget(session)
        self.state.erase()
        self.state.close()
        self.assertEqual(Annotations(self.state).every(), [])
        for path in self.dir.glob(NAME + "*"):
            self.assertNotIn(b"plain-to-find", path.read_bytes())

    def test_brought_up(self) -> None:
        """A file of the first version keeps its stars and gets what later ones brought."""
        self.state.star(["kept"])
        self.state.close()
        connection = sqlite3.connect(self.dir / NAME)
        for table in ("annotations", "hosts", "uncounted"):
            connection.execute(f"DROP TABLE {table}")
        for _, column, *_ in connection.execute("PRAGMA table_info(positions)").fetchall()[4:]:
            connection.execute(f"ALTER TABLE positions DROP COLUMN {column}")
        connection.execute("PRAGMA user_version = 1")
        connection.commit()
        connection.close()
        state = State(self.dir)
        self.addCleanup(state.close)
        Annotations(state).change("kept", note="still")
        self.assertEqual((state.stars(), Annotations(state).one("kept").note), ({"kept"}, "still"))
