"""Tests of upstream connections: one exchange after the other, and every way in which one can stop."""

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.proxy.upstream import request_limits
from ccsproxy.proxy.upstream.link import Timeouts
from test.proxy.upstream_wire import Collector, ScriptedBody, Wire

HEAD = b"GET / HTTP/1.1\r\nHost: u\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"


class RequestTests(SynchronousTestCase):
    """What is written upstream."""

    def test_a_request_is_written_as_given(self) -> None:
        """Method, target and fields go out byte for byte, in one write."""
        wire = Wire()
        fields = b"x-ODD:  y\xff\r\nx-ODD:\r\nHost: h\r\n"
        wire.connection.request(b"mEthod", b"/a%2F?b=[|]&", fields, None, wire.marks)
        expected = b"mEthod /a%2F?b=[|]& HTTP/1.1\r\nx-ODD:  y\xff\r\nx-ODD:\r\nHost: h\r\n\r\n"
        self.assertEqual(wire.transport.value(), expected)

    def test_a_line_end_in_a_head_is_never_written(self) -> None:
        """What would be a second request or field raises, and nothing leaves."""
        cases = [
            (b"GET", b"/ HTTP/1.1\r\nX: y", b""),
            (b"GET", b"/a b", b""),
            (b"G\nET", b"/", b""),
            (b"GET", b"/", b"A: b\r\n\r\nGET / HTTP/1.1\r\n"),
            (b"GET", b"/", b"\r\nA: b\r\n"),
            (b"GET", b"/", b"A: b\rc\r\n"),
            (b"GET", b"/", b"A\n: b\r\n"),
            (b"GET", b"/", b"A: b"),
        ]
        for method, target, fields in cases:
            wire = Wire()
            self.assertRaises(ValueError, wire.connection.request, method, target, fields, None, wire.marks)
            self.assertEqual(wire.transport.value(), b"")

    def test_a_body_that_is_there_goes_out_with_the_head(self) -> None:
        """Head and body are one write when the body is written while it is started."""
        wire = Wire()
        writes: list[bytes] = []
        wire.transport.write = writes.append
        wire.ask(b"POST", ScriptedBody(5, (b"he", b"llo"), True), headers=[(b"Content-Length", b"5")])
        self.assertEqual(writes, [b"POST / HTTP/1.1\r\nHost: u\r\nContent-Length: 5\r\n\r\nhello"])

    def test_a_body_of_unknown_length_is_chunked(self) -> None:
        """Pieces become chunks as they come; an empty piece is none."""
        wire = Wire()
        body = ScriptedBody()
        wire.ask(b"POST", body)
        head = b"POST / HTTP/1.1\r\nHost: u\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.assertEqual(wire.transport.value(), head)
        for piece in (b"hello", b"", b"x" * 16):
            body.consumer.write(piece)
        self.assertIsNone(wire.marks.request_sent)
        body.finished.callback(None)
        self.assertEqual(wire.transport.value(), head + b"5\r\nhello\r\n10\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n")
        self.assertIsNotNone(wire.marks.request_sent)

    def test_a_body_of_the_wrong_length_breaks_the_connection_off(self) -> None:
        """Neither a short nor a long body reaches the upstream as if it were whole."""
        for pieces, how in (((b"hell",), "shorter"), ((b"hello!",), "longer"), ((b"hello", b"!"), "longer")):
            wire = Wire()
            body = ScriptedBody(5)
            wire.ask(b"POST", body)
            for piece in pieces:
                body.consumer.write(piece)
            if how == "shorter":
                body.finished.callback(None)
            self.assertTrue(wire.transport.aborted)
            self.assertEqual((wire.error.kind, wire.error.status), ("request_body_mismatch", 400))
            self.assertIn(how, wire.error.message)
            self.assertNotIn(b"!", wire.transport.value())
            self.assertEqual(body.calls, ["stop"])

    def test_a_body_whose_source_fails_breaks_the_connection_off(self) -> None:
        """A client that leaves in the middle of its body leaves no request that looks whole."""
        wire = Wire()
        body = ScriptedBody()
        wire.ask(b"POST", body)
        body.finished.errback(Failure(ConnectionLost()))
        self.assertTrue(wire.transport.aborted)
        self.assertNotIn(b"0\r\n\r\n", wire.transport.value())

    def test_the_upstream_pauses_and_resumes_the_upload(self) -> None:
        """The transport's producer is the body's, as long as the body lasts."""
        wire = Wire()
        body = ScriptedBody()
        wire.ask(b"POST", body)
        self.assertTrue(wire.transport.streaming)
        wire.transport.producer.pauseProducing()
        wire.transport.producer.resumeProducing()
        self.assertEqual(body.calls, ["pause", "resume"])
        body.finished.callback(None)
        self.assertIsNone(wire.transport.producer)


class FullSocketTests(SynchronousTestCase):
    """An upload into a socket that takes no more is paused at once, not when a buffer of ours is full."""

    def test_what_waits_pauses_the_producer(self) -> None:
        """The producer is paused once and resumed once, however many pieces waited."""
        wire = Wire()
        body = ScriptedBody()
        wire.ask(b"POST", body)
        wire.connection.send = lambda data: False
        body.consumer.write(b"x")
        body.consumer.write(b"y")
        self.assertEqual(body.calls, ["pause"])
        wire.transport.producer.resumeProducing()
        wire.transport.producer.resumeProducing()
        self.assertEqual(body.calls, ["pause", "resume"])


class EarlyResponseTests(SynchronousTestCase):
    """A response may come before the request is finished."""

    def test_an_early_refusal_stops_the_upload(self) -> None:
        """The refusal is delivered, the rest of the body is not wanted, and the connection is not used again."""
        wire = Wire()
        body = ScriptedBody(1000)
        wire.ask(b"POST", body)
        body.consumer.write(b"x")
        wire.connection.dataReceived(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        self.assertEqual(
            (wire.outcome.code, wire.collector.body, wire.collector.ending), (413, b"no", "ResponseDone")
        )
        self.assertEqual(body.calls, ["stop"])
        body.consumer.write(b"more")
        self.assertNotIn(b"more", wire.transport.value())
        self.assertEqual((wire.pool.idle_count, wire.pool.live_count), (0, 0))

    def test_an_early_answer_that_goes_on_lets_the_upload_go_on(self) -> None:
        """An upstream that answers while it reads gets the rest of the body, until its answer is whole."""
        wire = Wire()
        body = ScriptedBody()
        wire.ask(b"POST", body)
        wire.connection.dataReceived(OK)
        body.consumer.write(b"x")
        self.assertTrue(wire.transport.value().endswith(b"1\r\nx\r\n"))
        wire.connection.dataReceived(b"hello")
        self.assertEqual((wire.collector.ending, body.calls, wire.pool.idle_count), ("ResponseDone", ["stop"], 0))


class TimeoutTests(SynchronousTestCase):
    """Each limit has its own error; waiting for ourselves is nobody's fault."""

    limits = Timeouts(connect=10, first_byte=60, idle=30)

    def test_first_byte(self) -> None:
        """No head within the limit of the request's end is a 504; not earlier, and at most a second later."""
        wire = Wire(self.limits)
        wire.ask()
        wire.clock.advance(59.9)
        self.assertIsNone(wire.outcome)
        wire.clock.advance(1.2)
        self.assertEqual((wire.error.kind, wire.error.status), ("first_byte_timeout", 504))
        self.assertTrue(wire.transport.aborted)
        self.assertEqual(wire.clock.getDelayedCalls(), [])

    def test_first_byte_counts_from_the_end_of_the_request(self) -> None:
        """A slow upload does not use up the upstream's time."""
        wire = Wire(self.limits)
        body = ScriptedBody()
        wire.ask(b"POST", body)
        wire.clock.advance(500)
        body.finished.callback(None)
        wire.clock.advance(59)
        self.assertIsNone(wire.outcome)
        wire.clock.advance(3)
        self.assertEqual(wire.error.kind, "first_byte_timeout")

    def test_interims_are_signs_of_life(self) -> None:
        """An upstream that says 102 now and then has as much time again each time, and no more."""
        wire = Wire(self.limits)
        wire.ask()
        for _ in range(40):
            wire.clock.advance(40)
            wire.connection.dataReceived(b"HTTP/1.1 102 P\r\n\r\n")
        self.assertIsNone(wire.outcome)
        wire.clock.advance(62)
        self.assertEqual(wire.error.kind, "first_byte_timeout")

    def test_interims_before_the_request_is_sent(self) -> None:
        """They move no limit that has not begun."""
        wire = Wire(self.limits)
        body = ScriptedBody()
        wire.ask(b"POST", body)
        wire.connection.dataReceived(b"HTTP/1.1 100 C\r\n\r\n")
        wire.clock.advance(500)
        self.assertIsNone(wire.outcome)

    def test_a_dead_connection(self) -> None:
        """Whose system acknowledges nothing is given up after 30 s, long before the limit of a slow answer."""
        dead = [False]
        self.patch(request_limits, "is_dead", lambda transport, seconds: dead[0] and seconds == 30)
        wire = Wire(Timeouts(first_byte=600))
        wire.ask()
        wire.clock.advance(100)
        self.assertIsNone(wire.outcome)
        dead[0] = True
        wire.clock.advance(32)
        self.assertEqual((wire.error.kind, wire.error.status), ("connection_dead", 502))
        self.assertTrue(wire.transport.aborted)
        self.assertEqual(wire.clock.getDelayedCalls(), [])

    def test_nobody_looks_at_a_body(self) -> None:
        """Once the head is there, only the body's own limit counts: keep-alive probes find a dead peer."""
        self.patch(request_limits, "is_dead", lambda transport, seconds: True)
        wire = Wire(Timeouts(idle=100))
        wire.ask()
        wire.connection.dataReceived(OK)
        wire.clock.advance(90)
        self.assertEqual(wire.collector.ending, "")

    def test_idle_in_the_body(self) -> None:
        """Each piece starts the limit anew; a body that stands still is broken off."""
        wire = Wire(self.limits)
        wire.ask()
        wire.connection.dataReceived(OK)
        for _ in range(4):
            wire.clock.advance(29)
            wire.connection.dataReceived(b"x")
        self.assertEqual(wire.collector.ending, "")
        wire.clock.advance(31.5)
        self.assertEqual(wire.collector.endings[0].value.kind, "idle_timeout")
        self.assertTrue(wire.transport.aborted)
        self.assertEqual(wire.clock.getDelayedCalls(), [])

    def test_a_pause_of_ours_does_not_count(self) -> None:
        """While the client reads nothing the upstream is not to blame."""
        wire = Wire(self.limits)
        wire.ask()
        wire.connection.dataReceived(OK + b"h")
        wire.outcome.pauseProducing()
        wire.clock.advance(1000)
        self.assertEqual(wire.collector.ending, "")
        wire.outcome.resumeProducing()
        wire.clock.advance(32)
        self.assertEqual(wire.collector.endings[0].value.kind, "idle_timeout")

    def test_an_upload_that_nobody_takes(self) -> None:
        """An upstream that takes nothing of a body is given up, one that takes some is not."""
        wire = Wire(self.limits)
        wire.ask(b"POST", ScriptedBody())
        wire.transport.producer.pauseProducing()
        wire.clock.advance(20)
        wire.transport.producer.resumeProducing()
        wire.clock.advance(100)
        self.assertIsNone(wire.outcome)
        wire.transport.producer.pauseProducing()
        wire.clock.advance(32)
        self.assertEqual(wire.error.kind, "idle_timeout")

    def test_the_end_of_a_stall_leaves_the_response_its_limit(self) -> None:
        """An upstream that answers early, then takes the body, then stands still, is broken off in time."""
        wire = Wire(self.limits)
        wire.ask(b"POST", ScriptedBody())
        wire.transport.producer.pauseProducing()
        wire.clock.advance(5)
        wire.connection.dataReceived(OK + b"h")
        wire.clock.advance(5)
        wire.transport.producer.resumeProducing()
        wire.clock.advance(32)
        self.assertEqual(wire.collector.endings[0].value.kind, "idle_timeout")

    def test_a_stall_that_goes_on_beside_the_response(self) -> None:
        """A response that flows is not cut because the request's body is not taken."""
        wire = Wire(self.limits)
        wire.ask(b"POST", ScriptedBody())
        wire.connection.dataReceived(OK)
        wire.transport.producer.pauseProducing()
        for _ in range(3):
            wire.clock.advance(20)
            wire.connection.dataReceived(b"x")
        self.assertEqual(wire.collector.ending, "")

    def test_zero_is_never(self) -> None:
        """Limits that are switched off arm no timer but the one that looks for dead connections."""
        wire = Wire(Timeouts(0, 0, 0))
        wire.ask()
        wire.connection.dataReceived(OK)
        wire.clock.advance(40)
        self.assertEqual(wire.clock.getDelayedCalls(), [])


class CancellationTests(SynchronousTestCase):
    """Whoever leaves takes the upstream connection along, at once."""

    def assertLeft(self, wire: Wire) -> None:
        self.assertTrue(wire.transport.aborted)
        self.assertEqual((wire.pool.live_count, wire.pool.idle_count), (0, 0))
        self.assertEqual(wire.clock.getDelayedCalls(), [])
        wire.lose(ConnectionLost())

    def test_before_the_head(self) -> None:
        """Cancelling the request breaks the connection off."""
        wire = Wire()
        waiting = wire.ask()
        waiting.cancel()
        self.assertIsInstance(wire.error, CancelledError)
        self.assertLeft(wire)

    def test_in_the_middle_of_the_head(self) -> None:
        """The same with half a head."""
        wire = Wire()
        waiting = wire.ask()
        wire.connection.dataReceived(OK[:20])
        waiting.cancel()
        self.assertLeft(wire)

    def test_during_the_upload(self) -> None:
        """The body's source hears of it too."""
        wire = Wire()
        body = ScriptedBody()
        waiting = wire.ask(b"POST", body)
        waiting.cancel()
        self.assertEqual(body.calls, ["stop"])
        self.assertLeft(wire)

    def test_between_head_and_body(self) -> None:
        """A response nobody wants the body of can be dropped."""
        wire = Wire()
        wire.ask(deliver=False)
        wire.connection.dataReceived(OK)
        self.assertEqual(wire.transport.producerState, "paused")
        wire.outcome.abortConnection()
        self.assertLeft(wire)

    def test_in_the_body(self) -> None:
        """Each way in which a transport is told to end breaks it off, and the protocol hears nothing more."""
        for way in ("abortConnection", "loseConnection", "stopProducing"):
            wire = Wire()
            wire.ask()
            wire.connection.dataReceived(OK + b"h")
            getattr(wire.outcome, way)()
            self.assertLeft(wire)
            self.assertEqual((wire.collector.body, wire.collector.endings), (b"h", []))

    def test_while_paused(self) -> None:
        """A pause does not delay the end."""
        wire = Wire()
        wire.ask()
        wire.connection.dataReceived(OK + b"h")
        wire.outcome.pauseProducing()
        wire.outcome.stopProducing()
        self.assertLeft(wire)

    def test_an_old_response_cannot_touch_the_next(self) -> None:
        """A response that has ended is no longer bound to its connection."""
        wire = Wire()
        wire.ask()
        wire.connection.dataReceived(OK + b"hello")
        old, wire.collector = wire.outcome, Collector()
        wire.ask()
        for way in ("pauseProducing", "resumeProducing", "abortConnection", "stopProducing"):
            getattr(old, way)()
        wire.connection.dataReceived(OK + b"again")
        self.assertEqual((wire.collector.body, wire.transport.aborted), (b"again", False))


class DeliveryTests(SynchronousTestCase):
    """How the body reaches its protocol."""

    def test_pause_and_resume_reach_the_transport(self) -> None:
        """Backpressure goes through at once."""
        wire = Wire()
        wire.ask()
        wire.connection.dataReceived(OK + b"h")
        wire.outcome.pauseProducing()
        self.assertEqual(wire.transport.producerState, "paused")
        wire.outcome.resumeProducing()
        self.assertEqual(wire.transport.producerState, "producing")

    def test_the_upstream_waits_until_somebody_wants_the_body(self) -> None:
        """Between head and deliverBody nothing is read and nothing lost."""
        wire = Wire()
        wire.ask(deliver=False)
        wire.connection.dataReceived(OK + b"he")
        self.assertEqual(wire.transport.producerState, "paused")
        wire.outcome.deliverBody(wire.collector)
        self.assertEqual((wire.collector.pieces, wire.transport.producerState), ([b"he"], "producing"))
        wire.connection.dataReceived(b"llo")
        self.assertEqual((wire.collector.ending, wire.pool.idle_count), ("ResponseDone", 1))

    def test_what_came_with_the_head_is_there_at_once(self) -> None:
        """A receiver that asks for the body in the head's turn has it when `deliverBody` returns."""
        wire = Wire()
        pieces: list[bytes] = []
        waiting = wire.ask()
        waiting.addCallback(lambda _: pieces.extend(wire.collector.pieces))
        wire.connection.dataReceived(OK + b"he")
        self.assertEqual(pieces, [b"he"])

    def test_a_pause_with_the_head_holds_what_came_with_it(self) -> None:
        """A receiver that pauses before its first piece gets that piece when it resumes."""
        wire = Wire()
        waiting = wire.ask(deliver=False)
        waiting.addCallback(lambda _: wire.outcome.pauseProducing())
        waiting.addCallback(lambda _: wire.outcome.deliverBody(wire.collector))
        wire.connection.dataReceived(OK + b"he")
        self.assertEqual((wire.collector.pieces, wire.transport.producerState), ([], "paused"))
        wire.outcome.resumeProducing()
        self.assertEqual((wire.collector.pieces, wire.transport.producerState), ([b"he"], "producing"))

    def test_a_cut_while_a_piece_is_held(self) -> None:
        """The held piece comes before the end, and the end is honest."""
        wire = Wire()
        waiting = wire.ask(deliver=False)
        waiting.addCallback(lambda _: wire.outcome.pauseProducing())
        waiting.addCallback(lambda _: wire.outcome.deliverBody(wire.collector))
        wire.connection.dataReceived(OK + b"he")
        wire.lose(ConnectionLost())
        self.assertEqual((wire.collector.body, wire.collector.ending), (b"he", "UpstreamTruncated"))

    def test_a_body_that_ended_before_anybody_wanted_it(self) -> None:
        """A connection lost meanwhile is told with the body, whole or cut as it was."""
        for rest, body, ending in ((b"hello", b"hello", "ResponseDone"), (b"he", b"he", "UpstreamTruncated")):
            wire = Wire()
            wire.ask(deliver=False)
            wire.connection.dataReceived(OK + rest)
            wire.lose(ConnectionDone())
            wire.outcome.deliverBody(wire.collector)
            self.assertEqual((wire.collector.body, wire.collector.ending), (body, ending))

    def test_a_connection_paused_at_the_end_reads_again(self) -> None:
        """A client that paused in the last piece does not leave the connection deaf."""
        wire = Wire()
        wire.ask()
        wire.connection.dataReceived(OK + b"hell")
        wire.outcome.pauseProducing()
        wire.connection.dataReceived(b"o")
        self.assertEqual((wire.transport.producerState, wire.pool.idle_count), ("producing", 1))

    def test_a_receiver_that_raises(self) -> None:
        """It is logged, and ends its own exchange only."""

        class Broken(Protocol):
            def dataReceived(self, data: bytes) -> None:
                raise RuntimeError("broken")

        wire = Wire()
        wire.ask(deliver=False)
        wire.connection.dataReceived(OK)
        wire.outcome.deliverBody(Broken())
        wire.connection.dataReceived(b"h")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertTrue(wire.transport.aborted)

    def test_corked_reads_are_one_piece(self) -> None:
        """Several TLS records of one read arrive as one."""
        wire = Wire()
        wire.ask()
        wire.connection.dataReceived(OK)
        wire.connection.hold_reads()
        for piece in (b"h", b"ell", b"o"):
            wire.connection.dataReceived(piece)
        self.assertEqual(wire.collector.pieces, [])
        wire.connection.flush_reads()
        self.assertEqual((wire.collector.pieces, wire.collector.ending), ([b"hello"], "ResponseDone"))
