"""Credentials in heads: found in each place, and replaced without a trace."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.wire.credentials import credentials, with_credential, without_key

LINES = b"Host: a\r\nX-Api-Key:  k1 \r\naccept: */*\r\nAUTHORIZATION: bearer k2\r\nuser-agent: x\r\n"
TEAM = b"x-api-key: team\r\n"


class CredentialTests(SynchronousTestCase):
    """Finding and replacing."""

    def test_found(self) -> None:
        """In every field and form in which clients show them, with their case kept."""
        self.assertEqual(credentials(LINES, b"/v1"), [b"k1", b"k2"])
        self.assertEqual(credentials(b"Authorization: Basic dTpLZXk=\r\n", b"/"), [b"Key"])
        self.assertEqual(credentials(b"authorization: raw\r\nApi-Key: Ab\r\n", b"/"), [b"raw", b"Ab"])
        self.assertEqual(credentials(b"x-goog-api-key: g\r\n", b"/v1beta/m:g?alt=sse&key=A%2Fb"), [b"g", b"A/b"])
        self.assertEqual(credentials(b"x-api-key: \r\nauthorization: Basic !!\r\nx-key: k\r\n", b"/?monkey=1"), [])

    def test_replaced(self) -> None:
        """One line stands at the first one's place; every other line is as it was."""
        self.assertEqual(
            with_credential(LINES, TEAM), b"Host: a\r\nx-api-key: team\r\naccept: */*\r\nuser-agent: x\r\n"
        )
        self.assertEqual(with_credential(b"Host: a\r\n", TEAM), b"Host: a\r\nx-api-key: team\r\n")

    def test_query(self) -> None:
        """A key in the query goes, and nothing else of it."""
        for target, left in (
            (b"/m:g?key=abc", b"/m:g"),
            (b"/m:g?alt=sse&key=abc", b"/m:g?alt=sse"),
            (b"/m:g?key=abc&alt=sse", b"/m:g?alt=sse"),
            (b"/m:g?a=1&key=abc&b=2", b"/m:g?a=1&b=2"),
            (b"/m:g?monkey=1&x", b"/m:g?monkey=1&x"),
            (b"/m:g?", b"/m:g?"),
        ):
            self.assertEqual(without_key(target), left)

    @given(st.lists(st.sampled_from([b"A: b\r\n", b"x-api-key: k\r\n", b"Authorization: Bearer k\r\n"]), max_size=6))
    def test_any_lines(self, lines: list[bytes]) -> None:
        """Whatever stands where, the client's credentials are gone and the team's is there once."""
        made = with_credential(b"".join(lines), TEAM)
        self.assertEqual(credentials(made, b"/"), [b"team"])
        self.assertEqual(made.count(b"A: b\r\n"), lines.count(b"A: b\r\n"))
