"""Tests of the addresses of the pages."""

from urllib.parse import parse_qs, unquote, urlsplit

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard import address
from ccsproxy.dashboard.routes import find

_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


class AddressTests(SynchronousTestCase):
    """Every view has one, whatever a session is called."""

    @given(_NAMES, st.integers(1, 10**9))
    def test_a_name_is_one_segment(self, sid: str, seq: int) -> None:
        """A slash, a question mark or a blank in it leads nowhere else."""
        for path in (address.exchange(sid, seq), address.diff(sid, seq, seq + 1), address.session(sid)):
            segments = urlsplit(path).path.strip("/").split("/")
            self.assertEqual(unquote(segments[1]), sid)
            find([unquote(segment) for segment in segments])

    @given(_NAMES)
    def test_values_come_back(self, value: str) -> None:
        """What a query says is read as it was written; nothing is not written."""
        query = parse_qs(urlsplit(address.requests(q=value, model="")).query, keep_blank_values=True)
        self.assertEqual(query, {"q": [value]})

    def test_forms(self) -> None:
        """The overview of a call needs no name; a part of a page joins a query that is there."""
        self.assertEqual(address.exchange("s", 1, "overview"), "/x/s/1")
        self.assertEqual(address.exchange("s", 1, "raw", q="x"), "/x/s/1?view=raw&q=x")
        self.assertEqual(address.part("/x/s/1"), "/x/s/1?part=beside")
        self.assertEqual(address.part("/x/s/1?q=x"), "/x/s/1?q=x&part=beside")
        self.assertEqual(address.export("s", None, "md"), "/api/export/s?format=md")
        self.assertEqual(address.compared("a/1", "b/2"), "/diff?a=a%2F1&b=b%2F2")
        self.assertEqual((address.record("a b", 3), address.sessions()), ("/api/requests/a%20b/3", "/sessions"))
