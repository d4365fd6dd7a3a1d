"""Tests of the client's connections: order, limits in time and size, leaving."""

import attr
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.proxy.server import connection, request_reader
from ccsproxy.proxy.server.last_request import GRACE
from ccsproxy.proxy.server.limits import Limits, connection_cap
from ccsproxy.proxy.server.request_reader import CONTINUE
from test.proxy.relay_rig import Client, Rig

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"

#: The same when the connection ends with it.
LAST_ANSWER = ANSWER[:-2] + b"Connection: close\r\n\r\n"


def get(target: bytes, fields: bytes = b"") -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n" + fields + b"\r\n"


def post(length: int, fields: bytes = b"") -> bytes:
    return b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n%b\r\n" % (length, fields)


class ChannelTestCase(SynchronousTestCase):
    """A relay and one client of it."""

    def setUp(self) -> None:
        self.start()

    def start(self, **limits: float) -> None:
        self.rig = Rig(attr.evolve(Limits(connections=3), **limits))
        self.client = Client(self.rig)

    def answer(self, data: bytes = ANSWER + b"ok") -> None:
        self.rig.upstream.send(data)

    def wait(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.rig.settle(1)

    def outcome(self) -> tuple[str, str]:
        ending = self.rig.heard[-1].ending
        return ending.outcome, ending.kind


class PipelineTests(ChannelTestCase):
    """Requests that are sent ahead."""

    def test_they_are_served_in_order_and_one_at_a_time(self) -> None:
        """The second goes upstream when the first has been answered, however they are cut."""
        requests = get(b"/1") + post(3) + b"abc" + get(b"/2") + b"\r\n" + get(b"/3")
        for step in (0, 1, 7):
            self.start()
            self.client.send(requests, step)
            for number in range(1, 5):
                self.assertEqual(len(self.rig.client.upstreams), number)
                self.answer(ANSWER + b"%02d" % number)
            self.assertEqual(self.client.got, b"".join(ANSWER + b"%02d" % number for number in range(1, 5)))
            targets = [heard.head.target for heard in self.rig.heard]
            self.assertEqual(targets, [b"/1", b"/", b"/2", b"/3"])
            self.assertEqual([heard.ending.outcome for heard in self.rig.heard], ["complete"] * 4)

    def test_a_bad_one_is_refused_in_its_turn(self) -> None:
        """The answers before it are sent, then the refusal, then the end."""
        self.client.send(get(b"/1") + get(b"/2", b"X : y\r\n") + get(b"/3"))
        self.assertEqual(self.client.got, b"")
        self.answer()
        self.assertTrue(self.client.got.startswith(ANSWER + b"ok" + b"HTTP/1.1 400 "))
        self.assertEqual(len(self.rig.client.upstreams), 1)
        self.assertTrue(self.client.transport.closed)

    def test_nothing_follows_a_request_that_closes(self) -> None:
        """What is sent after ``Connection: close`` is not looked at."""
        self.client.send(get(b"/1", b"Connection: close\r\n") + get(b"/2"))
        self.answer()
        self.assertEqual(len(self.rig.client.upstreams), 1)
        self.assertTrue(self.client.transport.closed)

    def test_many_make_the_client_wait(self) -> None:
        """Beyond the limit nothing is read until their turn has come."""
        self.client.send(get(b"/1"))
        self.client.send(get(b"/2", b"X: " + b"a" * 9000 + b"\r\n") * 2)
        self.assertEqual(self.client.transport.paused, 1)
        self.answer()
        self.assertEqual(self.client.transport.paused, 0)
        self.answer()
        self.answer()
        self.assertEqual(self.client.got, (ANSWER + b"ok") * 3)

    def test_the_next_waits_until_the_client_has_read(self) -> None:
        """A client that does not read cannot make us keep one answer after the other."""
        self.client.send(get(b"/1") + get(b"/2"))
        self.client.transport.producer.pauseProducing()
        self.rig.upstream.connection.resume()
        self.answer()
        self.assertEqual(len(self.rig.client.upstreams), 1)
        self.client.transport.producer.resumeProducing()
        self.assertEqual(len(self.rig.client.upstreams), 2)

    def test_half_closed_clients_get_all_answers(self) -> None:
        """Requests that were sent before the end are served."""
        self.client.send(get(b"/1") + get(b"/2"))
        self.client.channel.readConnectionLost()
        self.answer()
        self.answer()
        self.assertEqual(self.client.got, (ANSWER + b"ok") * 2)
        self.assertTrue(self.client.transport.closed)

    def test_an_http_1_0_client_gets_one_answer(self) -> None:
        """Its connection ends with it."""
        self.client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        self.answer()
        self.assertEqual(self.client.got, ANSWER + b"ok")
        self.assertTrue(self.client.transport.closed)


class ExpectTests(ChannelTestCase):
    """``Expect: 100-continue``."""

    def test_the_client_is_told_to_go_on(self) -> None:
        """The upstream is asked, and its word passed on at once."""
        self.client.send(post(2, b"Expect: 100-Continue\r\n"))
        self.assertEqual(self.client.got, b"")
        self.assertIn(b"\r\nExpect: 100-Continue\r\n", self.rig.upstream.got)
        self.rig.upstream.send(CONTINUE)
        self.assertEqual(self.client.got, CONTINUE)
        self.rig.upstream.send(CONTINUE)
        self.client.send(b"ab")
        self.assertTrue(self.rig.upstream.got.endswith(b"\r\n\r\nab"))
        self.answer()
        self.assertEqual(self.client.got, CONTINUE + ANSWER + b"ok")

    def test_upstream_that_says_nothing(self) -> None:
        """A client that waits is told by us after a moment."""
        self.client.send(post(2, b"Expect: 100-continue\r\n"))
        self.wait(2)
        self.assertEqual(self.client.got, CONTINUE)
        self.client.send(b"ab")
        self.answer()
        self.assertEqual(self.client.got, CONTINUE + ANSWER + b"ok")

    def test_upstream_that_refuses(self) -> None:
        """Its answer reaches the client, which has sent nothing; no 100 comes behind it, whatever time passes."""
        refusal = b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"
        self.client.send(post(2, b"Expect: 100-continue\r\n"))
        self.answer(refusal)
        self.wait(100)
        self.assertEqual(self.client.got, refusal)
        self.assertEqual(self.outcome(), ("http_error", "upstream_http_error"))

    def test_upstream_that_answers_without_the_body(self) -> None:
        """A stream goes on for minutes although its client keeps its body: nothing is due any more."""
        self.client.send(post(2, b"Expect: 100-continue\r\n"))
        self.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(5):
            self.wait(50)
            self.answer(b"1\r\nx\r\n")
        self.assertEqual(self.client.got.count(b"1\r\nx\r\n"), 5)
        self.assertNotIn(b"100 Continue", self.client.got)

    def test_body_that_comes_unasked(self) -> None:
        """A client that gives up waiting is not told to go on in the middle of its body."""
        self.client.send(post(2, b"Expect: 100-continue\r\n"))
        self.client.send(b"a")
        self.wait(2)
        self.rig.upstream.send(CONTINUE)
        self.assertEqual(self.client.got, b"")

    def test_not_when_the_body_is_coming(self) -> None:
        """A client that does not wait needs no word."""
        self.client.send(post(2, b"Expect: 100-continue\r\n") + b"a")
        self.assertEqual(self.client.got, b"")

    def test_not_when_the_body_is_too_large(self) -> None:
        """It is refused before it is sent, and before the upstream is contacted."""
        self.client.send(post(65 << 20, b"Expect: 100-continue\r\n"))
        self.assertEqual(self.client.status, 413)
        self.assertEqual(self.rig.forwarded, [])

    def test_not_in_http_1_0(self) -> None:
        """Such a client would not understand it."""
        self.client.send(b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        self.assertEqual(self.client.got, b"")


class DeadlineTests(ChannelTestCase):
    """Every limit in time."""

    def test_a_head_that_drips_is_cut_off(self) -> None:
        """The limit is absolute: bytes do not prolong it."""
        for byte in get(b"/")[:-1]:
            if not self.client.transport.closed:
                self.client.send(bytes([byte]))
            self.wait(1)
        self.assertEqual(self.client.status, 408)
        self.assertEqual(self.outcome(), ("refused", "request_timeout"))
        self.assertTrue(self.client.transport.closed)

    def test_a_silent_connection_is_closed(self) -> None:
        """Without a word, for nothing was asked."""
        self.wait(29)
        self.assertFalse(self.client.transport.closed)
        self.wait(4)
        self.assertTrue(self.client.transport.closed)
        self.assertEqual(self.client.got, b"")
        self.assertEqual(self.rig.heard, [])

    def test_blank_lines_do_not_prolong_it(self) -> None:
        """One is ignored, not more."""
        for _ in range(40):
            if not self.client.transport.closed:
                self.client.send(b"\r\n")
            self.wait(1)
        self.assertTrue(self.client.transport.closed)

    def test_an_idle_connection_is_kept_for_a_while(self) -> None:
        """Between requests the client has two minutes."""
        self.client.send(get(b"/"))
        self.answer()
        self.wait(118)
        self.assertFalse(self.client.transport.closed)
        self.wait(5)
        self.assertTrue(self.client.transport.closed)

    def test_a_waiting_client_is_not_idle(self) -> None:
        """While an answer is under way there is no limit of ours."""
        self.client.send(get(b"/"))
        self.rig.client.pool.timeouts = None
        self.wait(500)
        self.assertFalse(self.client.transport.closed)

    def test_a_body_that_drips_is_cut_off(self) -> None:
        """Less than the least rate over a minute: 408, and the upstream is broken off."""
        self.client.send(post(100000))
        for _ in range(70):
            if not self.client.transport.closed:
                self.client.send(b"a")
            self.wait(1)
        self.assertEqual(self.client.status, 408)
        self.assertTrue(self.rig.upstream.transport.aborted)
        self.assertEqual(self.outcome(), ("refused", "request_timeout"))

    def test_a_body_that_waits_for_the_upstream_is_not_slow(self) -> None:
        """Time in which we did not read does not count."""
        self.start()
        self.rig.client.holding = True
        self.client.send(post(100000) + b"a")
        self.client.send(b"a")
        self.wait(200)
        self.assertEqual(self.client.got, b"")

    def test_a_body_that_comes_is_not_slow(self) -> None:
        """A rate above the least is enough, for as long as it takes."""
        self.client.send(post(100000))
        for _ in range(200):
            self.client.send(b"a" * 120)
            self.wait(1)
        self.assertEqual(self.client.got, b"")

    def test_a_client_that_takes_nothing_is_broken_off(self) -> None:
        """Also when the upstream has finished long ago."""
        self.client.send(get(b"/"))
        self.client.transport.producer.pauseProducing()
        self.rig.upstream.connection.resume()
        self.answer()
        self.wait(295)
        self.assertFalse(self.client.transport.aborted)
        self.wait(8)
        self.assertTrue(self.client.transport.aborted)
        self.assertEqual(self.outcome(), ("client_disconnected", "client_disconnected"))

    def test_a_client_that_takes_little_is_let_be(self) -> None:
        """As long as its system acknowledges something, it is there."""
        held = [1 << 20]
        self.patch(connection, "unacknowledged", lambda _: held[0])
        self.client.send(get(b"/"))
        self.client.transport.producer.pauseProducing()
        for _ in range(5):
            held[0] -= 1
            self.wait(250)
        self.assertFalse(self.client.transport.aborted)
        self.wait(600)
        self.assertTrue(self.client.transport.aborted)

    def test_no_timer_is_left(self) -> None:
        """A connection that has ended leaves nothing behind."""
        self.client.send(get(b"/"))
        self.answer()
        self.client.send(post(9) + b"abc")
        self.client.leave()
        self.wait(100)
        self.assertEqual(self.rig.clock.getDelayedCalls(), [])


class SizeTests(ChannelTestCase):
    """Limits in size that need more than one request to see."""

    def test_a_chunked_body_beyond_the_limit(self) -> None:
        """The upstream is broken off, the client gets 413."""
        self.start(body=10)
        self.client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        self.client.send(b"8\r\n12345678\r\n")
        self.client.send(b"3\r\n")
        self.assertEqual(self.client.status, 413)
        self.assertTrue(self.rig.upstream.transport.aborted)
        self.assertEqual(self.outcome(), ("request_too_large", "request_too_large"))

    def test_a_bad_chunk_during_the_answer_breaks_both_off(self) -> None:
        """There is nothing else to say once an answer has begun."""
        self.client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        self.answer(ANSWER + b"o")
        self.client.send(b"x\r\n")
        self.assertTrue(self.client.transport.closed)
        self.assertTrue(self.rig.upstream.transport.aborted)
        self.assertEqual(self.outcome(), ("refused", "bad_request"))

    def test_too_many_connections(self) -> None:
        """Those beyond the cap get 503, those far beyond nothing."""
        others = [Client(self.rig) for _ in range(3)]
        others[-1].send(get(b"/"))
        self.assertEqual(others[-1].status, 503)
        self.assertEqual(self.outcome(), ("refused", "too_many_connections"))
        self.rig.settle()
        self.client.send(get(b"/"))
        self.assertEqual(len(self.rig.client.upstreams), 1)
        while (channel := self.rig.site.buildProtocol(None)) is not None:
            self.rig.site.opened(channel)
        self.assertEqual(self.rig.site.connections, 3 + 32)

    def test_the_cap_leaves_descriptors(self) -> None:
        """Each connection may need one to its upstream, and some are for the rest."""
        self.assertEqual([connection_cap(4096, limit) for limit in (10, 256, 1024, 1 << 20)], [1, 96, 480, 4096])


class EndTests(ChannelTestCase):
    """Draining and cutting."""

    def drain(self) -> Deferred[None]:
        drained = self.rig.site.drain()
        self.assertNoResult(drained)
        return drained

    def settle_twice(self, seconds: float) -> None:
        """Let a wait pass, and the turn after it."""
        for step in (seconds, 0.0, 0.0):
            self.rig.settle(step)

    def served_once(self) -> None:
        self.client.send(get(b"/"))
        self.answer()
        self.rig.settle()

    def test_idle_connections_are_closed_in_the_next_turn(self) -> None:
        """Nothing is under way, so the site is drained, and has no more connections."""
        self.served_once()
        drained = self.drain()
        self.settle_twice(0)
        self.successResultOf(drained)
        self.assertTrue(self.client.transport.closed)
        self.assertIsNone(self.rig.site.buildProtocol(None))

    def test_what_an_idle_client_had_sent_is_answered(self) -> None:
        """It was in the socket's buffer when the drain began; the answer says that it is the last."""
        self.served_once()
        drained = self.drain()
        self.client.send(get(b"/2"))
        self.settle_twice(5)
        self.assertNoResult(drained)
        self.answer()
        self.settle_twice(0)
        self.successResultOf(drained)
        self.assertEqual(self.client.got, ANSWER + b"ok" + LAST_ANSWER + b"ok")
        self.assertTrue(self.client.transport.closed)

    def test_a_fresh_connection_is_held_for_its_first_request(self) -> None:
        """Whether it was accepted before the drain or in it; the request may take its time."""
        for during in (False, True):
            self.start()
            self.client.leave()
            client = None if during else Client(self.rig)
            self.rig.client.holding = True
            busy = Client(self.rig)
            busy.send(get(b"/busy"))
            drained = self.drain()
            client = client or Client(self.rig)
            self.settle_twice(GRACE - 0.1)
            client.send(get(b"/late"))
            self.settle_twice(10)
            self.assertFalse(client.transport.closed)
            busy.leave()
            self.settle_twice(0)
            self.assertNoResult(drained)
            self.assertEqual(self.rig.site.in_flight, 1)
            self.rig.client.holding = False
            self.rig.client.held[-1][0].callback(None)
            self.answer()
            self.settle_twice(0)
            self.successResultOf(drained)
            self.assertEqual(client.got, LAST_ANSWER + b"ok")
            self.assertEqual((client.transport.closed, self.rig.site.in_flight), (True, 0))

    def test_a_silent_fresh_connection_ends_with_the_grace(self) -> None:
        """Its wait counts from its acceptance, and a client that leaves ends it at once."""
        self.rig.settle(GRACE - 0.2)
        early, late = self.client, Client(self.rig)
        drained = self.drain()
        self.assertEqual(self.rig.site.in_flight, 2)
        self.settle_twice(0.3)
        self.assertEqual((early.transport.closed, late.transport.closed), (True, False))
        self.assertNoResult(drained)
        late.leave()
        self.settle_twice(0)
        self.successResultOf(drained)
        self.assertEqual(self.rig.site.in_flight, 0)
        self.settle_twice(GRACE)
        self.assertEqual(self.rig.site.in_flight, 0)

    def test_a_head_that_has_begun_is_waited_for(self) -> None:
        """It may be cut anywhere; one that never ends is refused by its own limit."""
        for whole in (True, False):
            self.start(head_time=5.0)
            self.client.send(get(b"/")[:-3])
            drained = self.drain()
            self.settle_twice(GRACE)
            self.settle_twice(GRACE)
            self.assertNoResult(drained)
            if whole:
                self.client.send(get(b"/")[-3:])
                self.answer()
                self.settle_twice(0)
                self.assertEqual(self.client.got, LAST_ANSWER + b"ok")
            else:
                for _ in range(12):
                    self.settle_twice(1)
                self.assertEqual(self.client.status, 408)
            self.settle_twice(GRACE)
            self.successResultOf(drained)

    def test_a_cut_ends_the_wait(self) -> None:
        """The drain has its limit."""
        drained = self.drain()
        self.rig.site.cut()
        self.settle_twice(0)
        self.successResultOf(drained)
        self.assertTrue(self.client.transport.closed)

    def test_exchanges_are_waited_for(self) -> None:
        """They end as ever, and then their connections do."""
        self.client.send(get(b"/"))
        drained = self.rig.site.drain()
        self.assertNoResult(drained)
        self.assertEqual(self.rig.site.in_flight, 1)
        self.answer()
        self.rig.settle()
        self.successResultOf(drained)
        self.assertEqual(self.client.got, LAST_ANSWER + b"ok")
        self.assertTrue(self.client.transport.closed)
        self.assertEqual(self.outcome(), ("complete", ""))

    def test_exchanges_can_be_cut(self) -> None:
        """Without an answer yet: 503; in the middle of one: broken off. Both records say ``shutdown``."""
        self.client.send(get(b"/"))
        other = Client(self.rig)
        other.send(get(b"/"))
        self.answer(ANSWER + b"o")
        drained = self.rig.site.drain()
        self.rig.site.cut()
        self.rig.settle()
        self.rig.settle()
        self.successResultOf(drained)
        self.assertEqual((self.client.status, other.transport.closed), (503, True))
        self.assertEqual([heard.ending.outcome for heard in self.rig.heard], ["shutdown", "shutdown"])
        self.assertTrue(all(upstream.transport.aborted for upstream in self.rig.client.upstreams))
        self.assertEqual(self.rig.site.connections, 0)

    def test_a_resource_that_raises_ends_the_connection(self) -> None:
        """A mistake of ours is logged and hurts this connection only."""
        self.rig.site.resource.render = lambda _: 1 / 0
        self.client.send(get(b"/"))
        self.assertTrue(self.client.transport.aborted)
        self.assertEqual(self.rig.site.in_flight, 0)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class DeadClientTests(ChannelTestCase):
    """A client whose system is gone without a word."""

    def test_while_it_waits(self) -> None:
        """It is given up soon, and its upstream with it; one that answers is not."""
        dead = [False]
        self.patch(request_reader, "is_dead", lambda transport, seconds: dead[0] and seconds == 30)
        self.client.send(post(3) + b"abc")
        self.wait(100)
        self.assertFalse(self.client.transport.aborted)
        dead[0] = True
        self.wait(35)
        self.assertTrue(self.client.transport.aborted)
        self.assertTrue(self.rig.upstream.transport.aborted)
        self.assertEqual(self.outcome(), ("client_disconnected", "client_disconnected"))
