"""Tests for `ccsproxy.proxy.server.request_body`: bodies that are handed over whole."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.proxy.server.request_body import RequestBody


class Paused:
    """A source that counts."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_body(self) -> None:
        self.calls.append("resume")


class Taking:
    """A consumer that keeps what it is given."""

    def __init__(self) -> None:
        self.got: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.got.append(data)


class WholeBodyTests(SynchronousTestCase):
    """A body that is all there needs no producer."""

    def setUp(self) -> None:
        self.source = Paused()

    def test_it_is_handed_over_once(self) -> None:
        """It is joined from what waited, and nothing is left for a second taker."""
        body = RequestBody(self.source, 6)
        body.begin_with(b"abc", whole=False)
        body.received(b"def")
        body.finished()
        self.assertEqual(body.take_buffered(), b"abcdef")
        self.assertIsNone(body.take_buffered())
        self.assertEqual((body.size, body.whole), (6, True))

    def test_one_that_is_still_to_come_is_not(self) -> None:
        """What is there stays where it is."""
        body = RequestBody(self.source, 6)
        body.begin_with(b"abc", whole=False)
        self.assertIsNone(body.take_buffered())
        taking = Taking()
        body.startProducing(taking)  # type: ignore[arg-type]
        self.assertEqual(taking.got, [b"abc"])

    def test_one_of_unknown_length_is_not(self) -> None:
        """It has to be framed in chunks on its way."""
        body = RequestBody(self.source, None)
        body.begin_with(b"abc", whole=True)
        self.assertIsNone(body.take_buffered())

    def test_one_whose_length_was_a_lie_is_not(self) -> None:
        """The upload finds that out and breaks the connection off."""
        body = RequestBody(self.source, 4)
        body.begin_with(b"abc", whole=True)
        self.assertIsNone(body.take_buffered())
