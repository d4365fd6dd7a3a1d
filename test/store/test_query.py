"""Tests of queries: what URLs may ask, and that SQL and search words mean what the filters say."""

import sqlite3

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.query import Query, QueryError, contains_terms, match_expressions, parse_query, parse_time
from test.effort import effort

_TYPED = st.lists(st.sampled_from(['"', "*", "a", "OR", "NEAR(", "-", ":", " ", "^", "b c"])).map("".join)


class ParseTests(SynchronousTestCase):
    """Parameters of a URL become a query, or a sentence that says what is wrong."""

    def test_comma_means_or(self) -> None:
        """Values are split at commas; empty ones are no filter."""
        query = parse_query({"model": "a, b,,a", "upstream": "", "session": "s1"})
        self.assertEqual((query.fields, query.session), ({"model": ("a", "b")}, ("s1",)))

    def test_bad_values_are_named(self) -> None:
        """A value that cannot be meant names its parameter."""
        for name, value in [
            ("limit", "x"),
            ("before", "-1"),
            ("since", "yesterday"),
            ("until", "12"),
            ("limit", "٣"),
        ]:
            error = self.assertRaises(QueryError, parse_query, {name: value})
            self.assertIn(name, str(error))

    def test_times(self) -> None:
        """Times are read as RFC 3339 with any offset, as dates and as seconds."""
        for text in ("2026-11-20T08:00:00Z", "2026-11-20T10:00:00+02:00", "2026-11-20T10:00:00 02:00", "1795161600"):
            self.assertEqual(parse_time(text), 1795161600000, text)
        self.assertEqual(parse_time("2026-11-20"), 1795132800000)

    def test_limit_has_a_bound(self) -> None:
        """No page is larger than the largest."""
        self.assertEqual(parse_query({"limit": "99999999999999999999999"}).limit, 1000)


class MatchTests(SynchronousTestCase):
    """Whatever is typed is a search, never syntax."""

    @settings(max_examples=effort(100), deadline=None)
    @given(
        st.text(max_size=40)
        | st.lists(st.sampled_from(['"', "*", "a", "OR", "NEAR(", "-", ":", " ", "^", "b c"])).map("".join)
    )
    def test_never_an_error(self, typed: str) -> None:
        """No text makes SQLite complain."""
        connection = sqlite3.connect(":memory:")
        connection.execute("CREATE VIRTUAL TABLE t USING fts5 (a, b)")
        for expression in match_expressions(typed):
            connection.execute("SELECT * FROM t WHERE t MATCH ?", (expression,)).fetchall()
        connection.close()

    def test_phrases_words_and_beginnings(self) -> None:
        """Words stand alone, phrases together, a star leaves the end open; so say SQLite and the plain matcher."""
        connection = sqlite3.connect(":memory:")
        connection.execute("CREATE VIRTUAL TABLE t USING fts5 (a)")
        text = "The quick brown fox_trot ran --fast"
        connection.execute("INSERT INTO t VALUES (?)", (text,))
        for typed, wanted in [
            ("brown quick", True), ('"quick brown"', True), ('"brown quick"', False), ("fox_trot", True),
            ("trot_fox", False),
            ("bro*", True), ("bro", False), ("--fast", True), ("slow OR fox", False), ('"quick bro"*', True),
        ]:  # fmt: skip
            sql = "SELECT count(*) FROM t WHERE t MATCH ?"
            found = [connection.execute(sql, (each,)).fetchone()[0] for each in match_expressions(typed)]
            self.assertEqual(all(found), wanted, typed)
            self.assertEqual(contains_terms(Query(q=typed), [text]), wanted, typed)
        connection.close()


class KnownValueTests(SynchronousTestCase):
    """Fields of which all values are known."""

    def test_what_no_request_can_have_is_refused(self) -> None:
        """With what there is; parts of a value do where the language looks for parts."""
        for name, value in (
            ("outcome", "compleet"),
            ("category", "chat"),
            ("status", "2xx"),
            ("outcome", "complete,x"),
            ("dialect", "openai-responses"),
        ):
            self.assertRaises(QueryError, parse_query, {name: value})
        for text in ("outcome:compleet", "-category:chat", "outcome:complete,x"):
            self.assertRaises(QueryError, parse_query, {"q": text})
        parse_query({"outcome": "complete,unclean", "category": "model", "status": "200,529", "model": "whatever"})
        parse_query({"q": "outcome:upstream category:model model:whatever dialect:openai", "dialect": "bedrock"})
