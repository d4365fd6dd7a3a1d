"""Tests of verifying that a proxy is transparent."""

from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.launch.measuring.wire import WireExchange, built_in, verify_wire
from ccsproxy.launch.measuring.wire_messages import Incoming, RawMessage, difference, read_message
from ccsproxy.launch.measuring.wire_recorded import recorded_exchanges
from test.effort import effort
from test.exports.records import make_record

HEAD = b"HTTP/1.1 200 OK\r\nA: b\r\n"
MESSAGES = (
    (HEAD + b"Content-Length: 4\r\n\r\nbody", b"body", True),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2;x=y\r\ndy\r\n0\r\n\r\n", b"body", True),
    (HEAD + b"\r\nbody", b"body", True),
    (HEAD + b"Content-Length: 5\r\n\r\nbody", b"body", False),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n", b"bo", False),
    (b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n", b"", True),
    (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"", True),
    (b"GET / HTTP/1.1\r\nHo", b"", False),
)


def read(data: bytes, cuts: list[int] | None = None) -> RawMessage:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts or []), len(data)]
    pieces = iter([piece for a, b in pairwise(places) if (piece := data[a:b])])
    return read_message(Incoming(lambda: next(pieces, b"")))


class MessageTests(SynchronousTestCase):
    """Messages as bytes."""

    @given(st.sampled_from(MESSAGES), st.lists(st.integers(0, 90), max_size=12))
    @settings(max_examples=effort(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_at_every_split(self, given_: tuple[bytes, bytes, bool], cuts: list[int]) -> None:
        data, body, whole = given_
        message = read(data, cuts)
        self.assertEqual((message.body, message.whole), (body, whole))

    def test_one_behind_another(self) -> None:
        """What follows a message is the next one's."""
        pieces = iter([MESSAGES[1][0] + MESSAGES[0][0]])
        incoming = Incoming(lambda: next(pieces, b""))
        self.assertEqual([read_message(incoming).body for _ in range(2)], [b"body", b"body"])

    def test_differences(self) -> None:
        """Each is named; Host, the fields of a connection and where chunks begin are none."""
        one = read(MESSAGES[0][0])
        for other, words in (
            (b"HTTP/1.1 201 OK\r\nA: b\r\nContent-Length: 4\r\n\r\nbody", "201"),
            (b"HTTP/1.1 200 OK\r\na: b\r\nContent-Length: 4\r\n\r\nbody", "without [b'A: b'], with [b'a: b']"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nA: b\r\n\r\nbody", "order"),
            (b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 4\r\n\r\nboDy", "from byte 2 on"),
        ):
            self.assertIn(words, difference(one, read(other)))
        asked = b"GET / HTTP/1.1\r\nHost: %b\r\nConnection: %b\r\nX-Hop: 1\r\n\r\n"
        self.assertEqual(difference(read(asked % (b"a", b"X-Hop")), read(asked % (b"b", b"close, x-hop"))), "")
        self.assertEqual(difference(read(MESSAGES[1][0]), read(MESSAGES[1][0].replace(b"2;x=y", b"2"))), "")
        self.assertIn("cut off", difference(RawMessage(b"a"), RawMessage(b"a", whole=False)))


class VerifyTests(SynchronousTestCase):
    """A proxy of its own, started for it."""

    timeout = 120

    def test_equal_and_not(self) -> None:
        """Everything that agents send, and a recorded call; and that a difference would be seen."""
        recorded = [each for each in recorded_exchanges([make_record()]) if b"Host: {host}" in each.request]
        self.assertEqual(len(recorded), 1)
        # A page of another site is refused by the proxy and by nobody else: the one difference.
        page = b"GET / HTTP/1.1\r\nHost: {host}\r\nOrigin: https://evil.example\r\n\r\n"
        odd = WireExchange("odd", page, [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])
        results = verify_wire([*built_in(), *recorded, odd])
        self.assertEqual([each for each in results[:-1] if not each.equal], [])
        self.assertIn("403", results[-1].answer)
