"""Tests for `ccsproxy.runtime.write_batch`."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.runtime.write_batch import Turn


class Link:
    """Something with bytes to send, which may have more when it has sent them, or fail."""

    def __init__(self, turn: Turn, again: int = 0, fails: bool = False) -> None:
        self.turn, self.again, self.fails = turn, again, fails
        self.sent = 0

    def flush(self) -> None:
        self.sent += 1
        if self.fails:
            raise ValueError("sending went wrong")
        if self.again:
            self.again -= 1
            self.turn.add(self)


class TurnTests(SynchronousTestCase):
    """When what is written is sent."""

    def setUp(self) -> None:
        self.turn = Turn()

    def test_at_once_while_nobody_flushes(self) -> None:
        """Under a reactor that is not ours nothing waits."""
        link = Link(self.turn, again=1)
        self.turn.add(link)
        self.assertEqual((link.sent, self.turn.waiting), (2, []))

    def test_together_at_the_end(self) -> None:
        """Everybody who has something sends it when the turn ends, in order, and only once."""
        self.turn.collecting = True
        links = [Link(self.turn) for _ in range(3)]
        for link in links:
            self.turn.add(link)
        self.assertEqual([link.sent for link in links], [0, 0, 0])
        self.turn.flush()
        self.turn.flush()
        self.assertEqual([link.sent for link in links], [1, 1, 1])

    def test_what_comes_while_sending_is_sent_too(self) -> None:
        """Nothing is left for a turn that may be long in coming."""
        self.turn.collecting = True
        link = Link(self.turn, again=2)
        self.turn.add(link)
        self.turn.flush()
        self.assertEqual((link.sent, self.turn.waiting), (3, []))

    def test_one_that_fails_stops_no_other(self) -> None:
        """A mistake is logged, and the rest is sent."""
        self.turn.collecting = True
        bad, good = Link(self.turn, fails=True), Link(self.turn)
        self.turn.add(bad)
        self.turn.add(good)
        self.turn.flush()
        self.assertEqual(good.sent, 1)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
