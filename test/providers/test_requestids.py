"""Tests for `ccsproxy.providers.requestids`."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.providers.requestids import REQUEST_ID_HEADERS, request_id, request_id_of

#: Names of headers, known and not, each once in whatever case.
NAMES = st.lists(
    st.sampled_from([*REQUEST_ID_HEADERS, b"date", b"server"]).flatmap(
        lambda name: st.sampled_from([name, name.title(), name.upper()])
    ),
    unique_by=bytes.lower,
)


class RequestIdTests(SynchronousTestCase):
    """The provider's id of a request is found, whatever it is called."""

    def test_every_name(self) -> None:
        """Each of the known headers is read, in any spelling."""
        for name in REQUEST_ID_HEADERS:
            self.assertEqual(request_id([(b"X", b"y"), (name.title(), b"r1"), (name, b"r2")]), "r1")

    def test_preference(self) -> None:
        """The documented order counts; empty values do not, and a CDN's ray comes last."""
        headers = [(b"cf-ray", b"c"), (b"request-id", b"b"), (b"X-Request-Id", b"a"), (b"anthropic-request-id", b"")]
        self.assertEqual(request_id(headers), "a")
        self.assertEqual(request_id(headers[:1]), "c")
        self.assertIsNone(request_id([]))

    @given(NAMES, st.sampled_from([b"", b"req_1"]))
    def test_of_fields(self, names: list[bytes], first: bytes) -> None:
        """Of fields that come once the same is read as of the lines."""
        lines = [(name, b"id of %b" % name if at else first) for at, name in enumerate(names)]
        fields = {name.decode().lower(): value.decode() for name, value in lines}
        self.assertEqual(request_id_of(fields), request_id(lines))
