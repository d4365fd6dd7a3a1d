"""Tests of `ccsproxy.proxy.tee` as the consumer that it is: any producer can feed it."""

from typing import Any

from twisted.internet.interfaces import IConsumer, IProtocol
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ccsproxy.exchange.relayed import ResponseHead
from ccsproxy.proxy.tee import ResponseTee


class Sink:
    """Client, tap and relay in one, which write down what they hear."""

    bodiless = False
    spent = 0.0

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def write_head(self, status: int, reason: bytes, lines: bytes, length: int | None) -> None:
        self.heard.append(("head", status))

    def write(self, data: bytes) -> None:
        self.heard.append(("client", data))

    def response_body(self, data: bytes) -> None:
        self.heard.append(("tap", data))

    def response_head(self, head: ResponseHead) -> None:
        self.heard.append(("tap", head.status))

    def finish(self) -> None:
        self.heard.append("whole")

    def break_off(self, verdict: tuple) -> None:
        self.heard.append(verdict[1])

    def flush(self) -> None:
        """Send; all is sent already."""

    def end_body(self) -> None:
        """End; nothing is framed."""


class Response:
    """A response whose body the test produces."""

    code, phrase, version, lines, forward, upload = 200, b"OK", "1.1", b"", b"", None

    def __init__(self, length: object) -> None:
        self.length = length

    def deliverBody(self, protocol: object) -> None:
        """Deliver nothing by itself."""

    def abortConnection(self) -> None:
        """Be broken off."""


class Producer:
    """A push producer that is paused and resumed."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda: self.calls.append(name)


class ConsumerTests(SynchronousTestCase):
    """registerProducer, write, unregisterProducer."""

    def tee(self, length: object) -> ResponseTee:
        self.sink = Sink()
        tee = ResponseTee(self.sink, self.sink, self.sink, Response(length), lambda: 1.0)  # type: ignore[arg-type]
        tee.start()
        self.sink.heard.clear()
        return tee

    def test_interfaces(self) -> None:
        """It is a consumer, and the protocol of an upstream's response."""
        tee = self.tee(None)
        self.assertTrue(verifyObject(IConsumer, tee))
        self.assertTrue(verifyObject(IProtocol, tee))

    def test_split(self) -> None:
        """Each piece goes to the client first, then to the tap; the end is the producer's leave."""
        tee, producer = self.tee(None), Producer()
        tee.registerProducer(producer, True)
        tee.write(b"one")
        tee.write(b"two")
        tee.producer.pauseProducing()
        tee.unregisterProducer()
        expected = [("client", b"one"), ("tap", b"one"), ("client", b"two"), ("tap", b"two"), "whole"]
        self.assertEqual(self.sink.heard, expected)
        self.assertEqual(producer.calls, ["pauseProducing"])

    def test_short(self) -> None:
        """A producer that leaves before the announced length has not produced a whole body."""
        tee = self.tee(9)
        tee.registerProducer(Producer(), True)
        tee.write(b"one")
        tee.unregisterProducer()
        self.assertEqual(self.sink.heard[-1], "upstream_truncated")
        tee.write(b"late")
        tee.unregisterProducer()
        self.assertEqual(len(self.sink.heard), 3)

    def test_pull_producers(self) -> None:
        """A response comes by itself; one that waits to be asked would never."""
        self.assertRaises(ValueError, self.tee(None).registerProducer, Producer(), False)
