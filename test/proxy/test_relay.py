"""Tests for `ccsproxy.proxy.relay` and `ccsproxy.proxy.tee`, over the whole relay in memory."""

from twisted.internet.error import ConnectionLost
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.config.values import upstream
from ccsproxy.proxy.resource import ProxyResource, route_to
from ccsproxy.proxy.upstream.link import Timeouts
from test.proxy.relay_rig import Client, Rig

GET = b"GET /v1/models?a=%2F HTTP/1.1\r\nhOst: localhost:8787\r\nX-b: 2\r\nx-B: 1\r\n\r\n"
POST = b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n"
ANSWER = b"HTTP/1.1 200 Fine by me\r\nX-c: 1\r\nContent-Length: 5\r\nx-C: 2\r\n\r\nhello"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
STREAMED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class RelayTestCase(SynchronousTestCase):
    """A relay and one client of it."""

    def begin(self, request: bytes = GET, **options: object) -> None:
        self.rig = Rig(**options)
        self.client = Client(self.rig)
        self.client.send(request)

    def answer(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.rig.upstream.send(piece)

    def ended(self, outcome: str, kind: str = "") -> None:
        self.rig.settle()
        (heard,) = self.rig.heard
        self.assertEqual((heard.ending.outcome, heard.ending.kind), (outcome, kind))
        self.assertEqual(self.rig.site.in_flight, 0)
        self.ending = heard.ending


class ForwardTests(RelayTestCase):
    """What is passed on, unchanged."""

    def test_a_request_and_its_answer_pass_unchanged(self) -> None:
        """Only ``Host`` is another; the answer keeps phrase, spelling and order."""
        self.begin()
        self.assertEqual(
            self.rig.upstream.got,
            b"GET /v1/models?a=%2F HTTP/1.1\r\nhOst: api.anthropic.com\r\nX-b: 2\r\nx-B: 1\r\n\r\n",
        )
        self.answer(ANSWER)
        self.assertEqual(self.client.got, ANSWER)
        self.ended("complete")
        self.assertEqual(self.rig.heard[0].response, b"hello")

    def test_an_answer_cut_anywhere_arrives_the_same(self) -> None:
        """Whatever the reads, the client gets the same bytes."""
        for place in range(1, len(ANSWER)):
            self.begin()
            self.answer(ANSWER[:place], ANSWER[place:])
            self.assertEqual(self.client.got, ANSWER)

    def test_a_body_is_forwarded_as_it_arrives(self) -> None:
        """The first byte is upstream before the last one is here."""
        self.begin(POST)
        self.client.send(b"h")
        self.assertTrue(self.rig.upstream.got.endswith(b"\r\n\r\nh"))
        self.client.send(b"ello")
        self.answer(ANSWER)
        self.ended("complete")
        self.assertEqual(self.rig.heard[0].request, b"hello")
        self.assertEqual((self.ending.request_bytes, self.ending.request_whole), (5, True))

    def test_hop_by_hop_fields_end_here(self) -> None:
        """Both ways, with what ``Connection`` names; essentials cannot be named."""
        fields = b"Connection: x-a, Authorization\r\nX-A: 1\r\nTE: trailers\r\nKeep-Alive: 5\r\nAuthorization: k\r\n"
        self.begin(GET[:-2] + fields + b"\r\n")
        self.assertTrue(self.rig.upstream.got.endswith(b"x-B: 1\r\nAuthorization: k\r\n\r\n"))
        self.answer(ANSWER.replace(b"X-c: 1\r\n", b"Connection: x-d\r\nX-D: 1\r\nKeep-Alive: 1\r\nX-c: 1\r\n"))
        self.assertEqual(self.client.got, ANSWER)
        names = [name for name, _ in self.rig.heard[0].head.headers]
        self.assertIn(b"TE", names)

    def test_a_stream_is_passed_on_piece_by_piece(self) -> None:
        """Each read is written in its turn, as one chunk, and the end is the end."""
        self.begin()
        self.answer(STREAM)
        self.assertEqual(self.client.got, STREAMED)
        self.client.transport.clear()
        self.answer(b"5\r\nevent\r\n3\r\n: a\r\n")
        self.assertEqual(self.client.got, b"8\r\nevent: a\r\n")
        self.client.transport.clear()
        self.answer(b"0\r\nX: y\r\n\r\n")
        self.assertEqual(self.client.got, b"0\r\nX: y\r\n\r\n")
        self.ended("complete")
        self.assertEqual(self.ending.trailers, [(b"X", b"y")])

    def test_trailers_that_came_with_the_head(self) -> None:
        """They leave behind the last chunk, without those that frame the message or concern one connection."""
        self.begin()
        fields = b"X: y\r\nContent-Length: 3\r\nConnection: x\r\nTransfer-Encoding: chunked\r\nHost: h\r\nx-Z:  1\r\n"
        self.answer(STREAM + b"5\r\nevent\r\n0\r\n" + fields + b"\r\n")
        self.assertTrue(self.client.got.endswith(b"5\r\nevent\r\n0\r\nX: y\r\nx-Z: 1\r\n\r\n"))
        self.ended("complete")
        self.assertEqual(len(self.ending.trailers), 6)

    def test_head_and_first_piece_leave_together(self) -> None:
        """What comes in one read leaves in one write, before capture is told."""
        self.begin()
        writes: list[bytes] = []
        self.client.transport.write = writes.append
        self.answer(STREAM + b"5\r\nevent\r\n0\r\n\r\n")
        self.assertEqual(writes, [STREAMED + b"5\r\nevent\r\n0\r\n\r\n"])

    def test_answers_without_bodies(self) -> None:
        """HEAD, 204 and 304 end with their heads, and keep their lengths."""
        for request, answer in (
            (GET.replace(b"GET", b"HEAD"), b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"),
            (GET, b"HTTP/1.1 204 No\r\nX: y\r\n\r\n"),
            (GET, b"HTTP/1.1 304 \r\nContent-Length: 7\r\n\r\n"),
        ):
            self.begin(request)
            self.answer(answer)
            self.assertEqual(self.client.got, answer)
            self.ended("complete")
            self.client.send(GET)
            self.assertEqual(len(self.rig.client.upstreams), 2)

    def test_an_answer_that_ends_with_its_connection(self) -> None:
        """HTTP/1.1 clients get chunks, HTTP/1.0 ones the end of the connection; the record says it is unverified."""
        head = b"HTTP/1.1 200 OK\r\nX: y\r\n"
        for request, expected in (
            (GET, head + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
            (b"GET / HTTP/1.0\r\n\r\n", head + b"\r\nhello"),
        ):
            self.begin(request)
            self.answer(head + b"\r\nhello")
            self.rig.upstream.lose()
            self.assertEqual(self.client.got, expected)
            self.ended("complete")
            self.assertTrue(self.ending.eof_unverified)
            self.assertEqual(self.client.transport.closed, request != GET)

    def test_an_error_of_the_upstream_is_passed_on_and_named(self) -> None:
        """Its answer is the client's answer, its record says ``http_error``."""
        self.begin()
        self.answer(ANSWER.replace(b"200 Fine by me", b"529 Overloaded"))
        self.assertEqual(self.client.status, 529)
        self.ended("http_error", "upstream_http_error")

    def test_timing_and_sizes_are_reported(self) -> None:
        """Each mark is microseconds since the request's first byte."""
        self.begin()
        self.rig.settle(2)
        self.answer(ANSWER[:-5])
        self.rig.settle(1)
        self.answer(ANSWER[-5:-1])
        self.rig.settle(1)
        self.answer(ANSWER[-1:])
        self.ended("complete")
        timing = self.ending.timing
        marks = timing.connected, timing.request_sent, timing.headers, timing.first_byte, timing.last_byte
        self.assertEqual(marks, (0, 0, 2000000, 3000000, 4000000))
        self.assertEqual((self.ending.response_bytes, self.ending.delivered_bytes), (5, 5))


class UpstreamFailureTests(RelayTestCase):
    """What becomes of an upstream that fails."""

    def test_no_answer_is_a_502(self) -> None:
        """The client gets JSON with the kind, and may go on; the record has the answer."""
        self.begin()
        self.rig.upstream.lose(ConnectionLost())
        self.assertIn(b'{"error":{"type":"upstream_error","message":"', self.client.got)
        self.assertEqual(self.client.status, 502)
        self.ended("upstream_error", "upstream_reset_before_response")
        self.assertEqual(self.rig.heard[0].answer.status, 502)
        self.client.send(GET)
        self.assertEqual(len(self.rig.client.upstreams), 2)

    def test_a_late_answer_is_a_504(self) -> None:
        """The first-byte timeout is the upstream's, not the client's."""
        self.begin(timeouts=Timeouts(first_byte=5))
        self.rig.settle(7)
        self.assertEqual(self.client.status, 504)
        self.ended("upstream_timeout", "first_byte_timeout")

    def test_a_cut_stream_is_broken_off(self) -> None:
        """No end is written, the connection is aborted; the record has the kind of a stream."""
        self.begin()
        self.answer(STREAM, b"5\r\nevent\r\n")
        self.rig.upstream.lose()
        self.assertTrue(self.client.transport.closed)
        self.assertFalse(self.client.got.endswith(b"0\r\n\r\n"))
        self.ended("upstream_truncated", "sse_truncated")
        self.assertFalse(self.ending.response_whole)

    def test_a_cut_body_is_broken_off_wherever_it_is_cut(self) -> None:
        """Cut at any byte, no answer looks complete."""
        stream = STREAM.replace(b"text/event-stream", b"text/plain") + b"5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n"
        for answer in (ANSWER, stream):
            for place in range(1, len(answer)):
                self.begin()
                self.answer(answer[:place])
                self.rig.upstream.lose()
                if self.client.status == 502:
                    self.ended("upstream_error", "upstream_reset_before_response")
                else:
                    self.assertTrue(self.client.transport.closed, place)
                    self.ended("upstream_truncated", "upstream_truncated")

    def test_a_stream_that_stands_still_is_broken_off(self) -> None:
        """The idle timeout has an outcome of its own."""
        self.begin(timeouts=Timeouts(idle=5))
        self.answer(STREAM, b"5\r\nevent\r\n")
        self.rig.settle(7)
        self.assertTrue(self.client.transport.closed)
        self.ended("upstream_timeout", "idle_timeout")

    def test_what_the_proxy_itself_lost(self) -> None:
        """An exchange says for how long the process did not run meanwhile; what was before it does not count."""
        for before, meanwhile, told in ((50.0, 4.25, 4_250_000), (50.0, 0.2, 0)):
            self.begin()
            self.rig.stalled = before
            self.client.send(b"")
            self.begin()
            begun = self.rig.stalled
            self.rig.stalled = begun + meanwhile
            self.answer(ANSWER)
            self.ended("complete")
            self.assertEqual(self.ending.timing.stalled, told)

    def test_the_version_twice(self) -> None:
        """A 404 to a path with the version of base path and client is explained in the record."""
        for base, request, status, hinted in (
            ("/v1", GET, b"404", True),
            ("/api/v1", GET, b"404", True),
            ("/v1", GET, b"403", False),
            ("/v1", GET.replace(b"/v1/models", b"/models"), b"404", False),
            ("", GET, b"404", False),
        ):
            one = upstream(f"x=https://api.example{base}")
            self.rig = Rig()
            self.rig.client.clock = self.rig.clock
            way = route_to(one, self.rig.client)
            self.rig.site.resource = ProxyResource({"x": way}, way, self.rig.relays)
            self.client = Client(self.rig)
            self.client.send(request)
            self.answer(ANSWER.replace(b"200", status))
            self.ended("http_error", "upstream_http_error")
            self.assertEqual("remove v1 from --upstream" in self.ending.message, hinted, (base, request))

    def lagging(self, request: bytes = GET) -> None:
        """Begin a stream whose client does not read on, and cut it."""
        self.begin(request)
        self.answer(STREAM, b"5\r\nevent\r\n")
        self.client.transport.producer.pauseProducing()
        self.rig.upstream.lose()

    def test_a_client_that_lags_gets_what_there_is(self) -> None:
        """A cut stream ends for its client when that has taken what has come before, and not before."""
        self.lagging()
        self.rig.settle(60)
        self.assertFalse(self.client.transport.closed)
        self.assertEqual(self.rig.heard[-1].endings, [])
        self.client.transport.producer.resumeProducing()
        self.rig.settle()
        self.assertTrue(self.client.transport.closed)
        self.assertFalse(self.client.transport.aborted)
        self.ended("upstream_truncated", "sse_truncated")
        self.assertEqual(self.ending.delivered_bytes, 5)

    def test_a_client_that_lags_and_leaves(self) -> None:
        """The truncation came first, and stays the outcome."""
        self.lagging()
        self.client.leave()
        self.rig.settle()
        self.ended("upstream_truncated", "sse_truncated")

    def test_a_client_that_lags_and_stops_for_good(self) -> None:
        """It is given up like one in the middle of a response."""
        self.lagging()
        self.rig.settle(400)
        self.assertTrue(self.client.transport.aborted)
        self.ended("upstream_truncated", "sse_truncated")

    def test_a_client_that_lags_when_the_proxy_stops(self) -> None:
        """It gets some seconds, or none when a second signal has come."""
        for patience in (5.0, 0.0):
            self.lagging()
            self.rig.site.cut(patience)
            self.rig.settle()
            self.assertEqual(self.client.transport.aborted, not patience)
            self.rig.settle(8)
            self.assertTrue(self.client.transport.aborted)
            self.ended("upstream_truncated", "sse_truncated")
            self.rig.site.draining = False

    def test_a_whole_response_that_the_stop_cuts(self) -> None:
        """It was whole, and its client was cut off from it by us."""
        self.begin()
        self.client.transport.producer.pauseProducing()
        self.answer(ANSWER)
        self.rig.site.cut(5.0)
        self.rig.settle(8)
        self.ended("shutdown", "shutdown")

    def test_a_body_that_ends_with_its_connection_is_reset(self) -> None:
        """A client of HTTP/1.0 cannot tell a cut stream from a whole one, but by a reset."""
        self.begin(GET.replace(b"HTTP/1.1", b"HTTP/1.0"))
        self.answer(STREAM, b"5\r\nevent\r\n")
        self.rig.upstream.lose()
        self.rig.settle()
        self.assertTrue(self.client.got.endswith(b"event"))
        self.assertTrue(self.client.transport.aborted)
        self.ended("upstream_truncated", "sse_truncated")

    def test_an_early_answer_ends_the_connection(self) -> None:
        """It is relayed whole; the rest of the upload is not read as a request."""
        self.begin(POST)
        self.client.send(b"h")
        self.answer(ANSWER.replace(b"200", b"401"))
        self.assertTrue(self.client.got.endswith(b"hello"))
        self.ended("http_error", "upstream_http_error")
        self.assertTrue(self.client.transport.closed)
        self.assertFalse(self.client.transport.aborted)
        self.assertFalse(self.ending.request_whole)

    def test_a_client_that_raises_is_a_502(self) -> None:
        """Whatever goes wrong while asking, the client is answered and the exchange recorded."""
        self.rig = Rig()
        self.rig.client.send = lambda *_: 1 / 0
        self.client = Client(self.rig)
        self.client.send(GET)
        self.assertEqual(self.client.status, 502)
        self.ended("upstream_error", "upstream_error")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class ClientGoneTests(RelayTestCase):
    """A client that leaves takes its upstream with it, in every phase."""

    def gone(self) -> None:
        self.client.leave()
        self.ended("client_disconnected", "client_disconnected")

    def test_while_a_connection_is_made(self) -> None:
        """The attempt is cancelled."""
        self.rig = Rig()
        self.rig.client.holding = True
        self.client = Client(self.rig)
        self.client.send(GET)
        self.gone()
        self.assertTrue(self.rig.client.held[0][0].called)
        self.assertEqual(self.rig.client.upstreams, [])

    def test_during_the_upload(self) -> None:
        """The upstream's connection is aborted, its request is not whole."""
        self.begin(POST + b"he")
        self.gone()
        self.assertTrue(self.rig.upstream.transport.aborted)
        self.assertEqual((self.ending.request_bytes, self.ending.request_whole), (2, False))

    def test_before_the_answer(self) -> None:
        """Nobody pays for an answer that nobody reads."""
        self.begin(POST + b"hello")
        self.gone()
        self.assertTrue(self.rig.upstream.transport.aborted)

    def test_in_the_middle_of_the_answer(self) -> None:
        """What had been delivered is counted."""
        self.begin()
        self.answer(STREAM, b"5\r\nevent\r\n")
        self.gone()
        self.assertTrue(self.rig.upstream.transport.aborted)
        self.assertEqual((self.ending.response_bytes, self.ending.delivered_bytes), (5, 5))

    def test_while_the_upstream_waits(self) -> None:
        """Also when the upstream had been paused."""
        self.begin()
        self.answer(STREAM, b"5\r\nevent\r\n")
        self.client.transport.producer.pauseProducing()
        self.assertEqual(self.rig.upstream.transport.paused, 1)
        self.gone()
        self.assertTrue(self.rig.upstream.transport.aborted)

    def test_before_it_has_taken_everything(self) -> None:
        """A response that is whole and not delivered is not complete."""
        self.begin()
        self.answer(ANSWER[:-2])
        self.client.transport.producer.pauseProducing()
        self.rig.upstream.connection.resume()
        self.answer(ANSWER[-2:])
        self.assertEqual(self.rig.heard[0].endings, [])
        self.gone()

    def test_half_closed_clients_get_their_answers(self) -> None:
        """A client that only sends no more is waited for; then the connection is closed."""
        self.begin()
        self.client.channel.readConnectionLost()
        self.rig.settle(10)
        self.answer(ANSWER)
        self.assertEqual(self.client.got, ANSWER)
        self.ended("complete")
        self.assertTrue(self.client.transport.closed)

    def test_half_closed_clients_that_leave_are_noticed(self) -> None:
        """Within a tenth of a second, although nothing is read from them."""
        self.begin()
        self.client.channel.readConnectionLost()
        self.rig.settle(10)
        self.rig.gone.add(self.client.transport)
        self.rig.settle(0.1)
        self.ended("client_disconnected", "client_disconnected")
        self.assertTrue(self.rig.upstream.transport.aborted)

    def test_a_half_closed_upload_is_a_client_gone(self) -> None:
        """The rest of the body cannot come any more."""
        self.begin(POST + b"he")
        self.client.channel.readConnectionLost()
        self.ended("client_disconnected", "client_disconnected")
        self.assertTrue(self.rig.upstream.transport.aborted)


class BackpressureTests(RelayTestCase):
    """Who waits for whom."""

    def test_a_slow_client_slows_the_upstream(self) -> None:
        """The upstream is paused and resumed with the client's transport."""
        self.begin()
        self.answer(STREAM)
        self.client.transport.producer.pauseProducing()
        self.assertEqual(self.rig.upstream.transport.paused, 1)
        self.client.transport.producer.resumeProducing()
        self.assertEqual(self.rig.upstream.transport.paused, 0)

    def test_a_slow_upstream_slows_the_client(self) -> None:
        """The client's transport is paused and resumed with the upstream's."""
        self.begin(POST.replace(b": 5", b": 500"))
        self.client.send(b"a" * 10)
        self.rig.upstream.transport.producer.pauseProducing()
        self.assertEqual(self.client.transport.paused, 1)
        self.rig.upstream.transport.producer.resumeProducing()
        self.assertEqual(self.client.transport.paused, 0)

    def test_a_body_waits_for_its_connection(self) -> None:
        """Until there is a connection, one read is kept and the client waits."""
        self.rig = Rig()
        self.rig.client.holding = True
        self.client = Client(self.rig)
        self.client.send(POST.replace(b": 5", b": 9"))
        self.client.send(b"hello")
        self.assertEqual(self.client.transport.paused, 1)
        self.rig.client.held[0][0].callback(None)
        self.assertEqual(self.client.transport.paused, 0)
        self.client.send(b"yous")
        self.assertTrue(self.rig.upstream.got.endswith(b"helloyous"))

    def test_a_client_that_leaves_while_its_upload_waits_is_noticed(self) -> None:
        """Nothing is read from it, so it is looked at."""
        self.begin(POST.replace(b": 5", b": 500") + b"a")
        self.rig.upstream.transport.producer.pauseProducing()
        self.rig.gone.add(self.client.transport)
        self.rig.settle(0.1)
        self.ended("client_disconnected", "client_disconnected")
        self.assertTrue(self.rig.upstream.transport.aborted)


class RaisingCapture:
    """A capture that raises at a given call."""

    def __init__(self, call: str) -> None:
        self._call = call

    def begin(self, head: object) -> "RaisingCapture":
        self._may_raise("begin")
        return self

    def __getattr__(self, name: str) -> object:
        return lambda *_: self._may_raise(name)

    def _may_raise(self, name: str) -> None:
        if name == self._call:
            raise RuntimeError(name)


class RaisingCaptureTests(RelayTestCase):
    """Capture can fail; the client does not notice."""

    def test_the_client_gets_everything(self) -> None:
        """Whatever call raises, the answer is the same, and the failure is counted."""
        for call in ("begin", "request_body", "response_head", "response_body", "end"):
            self.begin(POST + b"hello", capture=RaisingCapture(call))
            self.answer(ANSWER)
            self.assertEqual(self.client.got, ANSWER, call)
            self.assertEqual(self.rig.guarded.failures, 1)
            self.client.send(GET)
            self.assertEqual(len(self.rig.client.upstreams), 2)
        self.assertTrue(self.flushLoggedErrors(RuntimeError))


class LoopTests(RelayTestCase):
    """A request from ourselves is not relayed."""

    def test_it_is_refused(self) -> None:
        """An address of our own connections is seen, and nothing is forwarded."""
        self.rig = Rig()
        self.rig.client.locals.add(("127.0.0.1", 50001))
        self.client = Client(self.rig)
        self.client.send(GET)
        self.assertEqual(self.client.status, 508)
        self.assertEqual(self.rig.forwarded, [])
        self.ended("refused", "loop_refused")
