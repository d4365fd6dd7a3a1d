"""Tests for what `ccsproxy.proxy` does between a write and the end of its turn."""

from test.proxy.server.test_channel import ANSWER, ChannelTestCase, get


class TurnTests(ChannelTestCase):
    """What happens between a write and the end of its turn, when it is sent."""

    def test_a_client_that_leaves_in_the_turn_of_its_request(self) -> None:
        """Nothing goes upstream, where it might be paid for."""
        self.client.channel.dataReceived(get(b"/"))
        self.client.leave()
        self.rig.write_batch.flush()
        self.assertEqual(self.rig.forwarded, [b""])
        self.assertTrue(self.rig.upstream.transport.aborted)
        self.assertEqual(self.outcome()[0], "client_disconnected")
        self.assertIsNone(self.rig.heard[-1].ending.timing.request_sent)

    def test_a_client_that_leaves_in_the_turn_of_its_answer(self) -> None:
        """What was written and not sent does not count as delivered, and the answer not as complete."""
        self.client.send(get(b"/"))
        self.rig.upstream.connection.dataReceived(ANSWER + b"ok")
        self.client.leave()
        self.rig.write_batch.flush()
        ending = self.rig.heard[-1].ending
        self.assertEqual(
            (ending.outcome, ending.response_bytes, ending.delivered_bytes),
            ("client_disconnected", 2, 0),
        )
        self.assertEqual(self.client.got, b"")

    def test_pieces_of_one_turn_leave_in_one_write(self) -> None:
        """Several reads of one turn are one write, and the end is told after it."""
        writes: list[bytes] = []
        self.client.send(get(b"/"))
        self.client.transport.write = writes.append  # type: ignore[method-assign]
        upstream = self.rig.upstream
        for piece in (ANSWER, b"o", b"k"):
            upstream.connection.dataReceived(piece)
        self.assertEqual((writes, self.rig.heard[-1].endings), ([], []))
        self.rig.write_batch.flush()
        self.assertEqual(writes, [ANSWER + b"ok"])
        self.assertEqual(self.outcome(), ("complete", ""))

    def test_the_wait_counts_as_overhead(self) -> None:
        """The time between a read and the end of the turn is the proxy's own."""
        self.client.channel.dataReceived(get(b"/"))
        self.rig.clock.advance(0.25)
        self.rig.write_batch.flush()
        self.rig.upstream.connection.dataReceived(ANSWER + b"ok")
        self.rig.clock.advance(0.5)
        self.rig.write_batch.flush()
        self.assertEqual(self.rig.heard[-1].ending.timing.overhead, 750_000)
