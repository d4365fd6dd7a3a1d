"""What is forwarded, read by h11 and by llhttp: they must agree with each other and with what the client meant."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.wire.headers import HOP_BY_HOP
from test.effort import effort
from test.fuzz.fuzz_server import check_forwarded, run
from test.proxy.relay_rig import Client, Rig

TOKEN = st.text("abcXYZ019-_.!#$%&'*+^`|~", min_size=1, max_size=12).map(str.encode)
METHODS = st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"SEARCH"])
TARGETS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40).map(
    lambda text: b"/" + text.encode()
)
VALUES = st.binary(max_size=30).map(
    lambda data: bytes(b for b in data if b in b"\t" or 0x20 <= b != 0x7F).strip(b" \t")
)
NAMES = TOKEN.filter(lambda name: name.lower() not in HOP_BY_HOP and name.lower() not in (b"host", b"expect"))
BODIES = st.one_of(st.none(), st.binary(max_size=200))


class DifferentialTests(SynchronousTestCase):
    """Requests that are meant."""

    @settings(max_examples=effort(100), deadline=None)
    @given(METHODS, TARGETS, st.lists(st.tuples(NAMES, VALUES), max_size=8), BODIES, st.booleans(), st.data())
    def test_what_is_forwarded_is_what_was_meant(self, method, target, fields, body, chunked, data) -> None:
        """Method, target, every field in its order and the body arrive, whatever the reads were."""
        framing = b"" if body is None else b"Content-Length: %d\r\n" % len(body)
        sent_body = body or b""
        if body is not None and chunked:
            framing = b"Transfer-Encoding: chunked\r\n"
            middle = data.draw(st.integers(0, len(body)))
            pieces = [piece for piece in (body[:middle], body[middle:]) if piece]
            sent_body = b"".join(b"%X\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        lines = b"".join(b"%b: %b\r\n" % pair for pair in fields)
        request = b"%b %b HTTP/1.1\r\nHost: localhost\r\n%b%b\r\n%b" % (method, target, lines, framing, sent_body)
        rig = Rig()
        client = Client(rig)
        cut = data.draw(st.integers(0, len(request)))
        client.send(request[:cut])
        client.send(request[cut:])
        if target.partition(b"?")[0].split(b"/")[1] in (b"anthropic", b"openai"):
            return  # the first segment chooses an upstream, and is taken away
        self.assertEqual(client.got, b"", request)
        message = check_forwarded(rig.upstream.got)
        assert message is not None, rig.upstream.got
        self.assertEqual((message[0], message[1], message[3]), (method, target, body or b""))
        expected = [(b"host", b"api.anthropic.com"), *((name.lower(), value) for name, value in fields)]
        got = [pair for pair in message[2] if pair[0] not in (b"content-length", b"transfer-encoding")]
        self.assertEqual(got, expected)
        self.assertEqual(rig.heard[0].request, body or b"")

    def test_what_is_nearly_a_request(self) -> None:
        """Mutations of all vectors: nothing raises, nothing is left, and both readers agree on what got through."""
        run(seed=7, rounds=1500)
