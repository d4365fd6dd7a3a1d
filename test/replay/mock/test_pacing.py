"""Tests of writing an answer at its times: slow readers, readers that leave, both at once."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from ccsproxy.exports.mock.answers import RecordedAnswer
from ccsproxy.replay.mock.pacing import Pacer
from test.effort import effort


class FakeRequest:
    """A request that remembers when what was written, and how it ended."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.responseHeaders = clock, Headers({"Server": ["twisted"]})
        self.code, self.ended, self.producer = 0, "", None
        self.written: list[tuple[float, bytes]] = []
        self.gone: Deferred[None] = Deferred()

    def notifyFinish(self) -> Deferred[None]:
        return self.gone

    def setResponseCode(self, code: int, message: Any = None) -> None:
        self.code = code

    def setHeader(self, name: bytes, value: bytes) -> None:
        self.responseHeaders.setRawHeaders(name, [value])

    def write(self, data: bytes) -> None:
        self.written.append((self.clock.seconds(), data))

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def finish(self) -> None:
        self.ended = "finished"

    def loseConnection(self) -> None:
        self.ended = "cut"


def answer(*pieces: tuple[float, bytes], ends: bool = True) -> RecordedAnswer:
    return RecordedAnswer(200, "OK", (("A", "b"), ("A", "c")), 0.5, pieces, ends)


class PacingTests(SynchronousTestCase):
    """One answer."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.request = FakeRequest(self.clock)

    def start(self, given_: RecordedAnswer) -> None:
        Pacer(self.clock, self.request, given_).start()

    def test_at_its_times(self) -> None:
        self.start(answer((1.0, b"a"), (1.0, b"b"), (2.5, b"c")))
        self.clock.pump([0.25] * 12)
        self.assertEqual(self.request.written, [(0.5, b""), (1.0, b"a"), (1.0, b"b"), (2.5, b"c")])
        self.assertEqual((self.request.ended, self.request.producer), ("finished", None))
        self.assertEqual(list(self.request.responseHeaders.getAllRawHeaders()), [(b"A", [b"b", b"c"])])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_body_has_its_length(self) -> None:
        self.start(answer((1.0, b"abc")))
        self.clock.advance(1)
        self.assertEqual(self.request.responseHeaders.getRawHeaders("content-length"), ["3"])

    def test_cut_off(self) -> None:
        """What was broken off is broken off again, and tells no length."""
        self.start(answer((1.0, b"abc"), ends=False))
        self.clock.advance(1)
        self.assertEqual(
            (self.request.ended, self.request.responseHeaders.hasHeader("content-length")), ("cut", False)
        )

    def test_a_slow_reader(self) -> None:
        """Nothing is written while it does not read; afterwards all that is due, and the rest at its times."""
        self.start(answer((1.0, b"a"), (2.0, b"b"), (9.0, b"c")))
        self.clock.advance(1)
        self.request.producer.pauseProducing()  # type: ignore[attr-defined]
        self.clock.pump([1.0] * 4)
        self.assertEqual(self.request.written[-1][1], b"a")
        self.request.producer.resumeProducing()  # type: ignore[attr-defined]
        self.assertEqual(self.request.written[-1], (5.0, b"b"))
        self.clock.advance(4)
        self.assertEqual((self.request.written[-1], self.request.ended), ((9.0, b"c"), "finished"))

    def test_a_reader_that_leaves_while_it_is_slow(self) -> None:
        """Nothing is written after that, nor waited for, and no end is made."""
        self.start(answer((1.0, b"a"), (2.0, b"b")))
        self.clock.advance(1)
        producer: Any = self.request.producer
        producer.pauseProducing()
        self.request.gone.callback(None)
        producer.resumeProducing()
        self.clock.advance(9)
        self.assertEqual(
            (self.request.written[-1][1], self.request.ended, self.clock.getDelayedCalls()), (b"a", "", [])
        )

    def test_a_reader_that_leaves_before_the_head(self) -> None:
        self.start(answer((1.0, b"a")))
        self.request.gone.callback(None)
        self.assertEqual((self.request.written, self.clock.getDelayedCalls()), ([], []))

    @given(
        st.lists(st.tuples(st.integers(0, 40), st.binary(min_size=1, max_size=3)), max_size=8),
        st.lists(st.tuples(st.sampled_from(["pause", "resume", "wait"]), st.integers(1, 9)), max_size=20),
    )
    @settings(max_examples=effort(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_however_it_is_read(self, pieces: list[tuple[int, bytes]], steps: list[tuple[str, int]]) -> None:
        """All of it in its order, nothing before its time, nothing while paused."""
        self.setUp()
        due = sorted(pieces, key=lambda piece: piece[0])
        answer = RecordedAnswer(200, "OK", (), 0.0, tuple((float(at), data) for at, data in due))
        producer = Pacer(self.clock, self.request, answer)
        producer.start()
        self.clock.advance(0)
        for step, seconds in steps:
            before = len(self.request.written)
            if step == "pause":
                producer.pauseProducing()
                self.clock.advance(seconds)
                self.assertEqual(len(self.request.written), before)
            elif step == "resume":
                producer.resumeProducing()
            self.clock.advance(seconds if step == "wait" else 0)
        producer.resumeProducing()
        self.clock.pump([1.0] * 41)
        self.assertEqual([data for _, data in self.request.written if data], [data for _, data in due])
        for (at, _), (wanted, _) in zip([each for each in self.request.written if each[1]], due, strict=True):
            self.assertGreaterEqual(at, wanted)
        self.assertEqual(self.request.ended, "finished")
