"""Tests for `ccsproxy.runtime.write_batch`."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.runtime.write_batch import WriteBatch


class Link:
    """Something with bytes to send, which may have more when it has sent them, or fail."""

    def __init__(self, write_batch: WriteBatch, again: int = 0, fails: bool = False) -> None:
        self.write_batch, self.again, self.fails = write_batch, again, fails
        self.sent = 0

    def flush(self) -> None:
        self.sent += 1
        if self.fails:
            raise ValueError("sending went wrong")
        if self.again:
            self.again -= 1
            self.write_batch.add(self)


class TurnTests(SynchronousTestCase):
    """When what is written is sent."""

    def setUp(self) -> None:
        self.write_batch = WriteBatch()

    def test_at_once_while_nobody_flushes(self) -> None:
        """Under a reactor that is not ours nothing waits."""
        link = Link(self.write_batch, again=1)
        self.write_batch.add(link)
        self.assertEqual((link.sent, self.write_batch.waiting), (2, []))

    def test_together_at_the_end(self) -> None:
        """Everybody who has something sends it when the turn ends, in order, and only once."""
        self.write_batch.collecting = True
        links = [Link(self.write_batch) for _ in range(3)]
        for link in links:
            self.write_batch.add(link)
        self.assertEqual([link.sent for link in links], [0, 0, 0])
        self.write_batch.flush()
        self.write_batch.flush()
        self.assertEqual([link.sent for link in links], [1, 1, 1])

    def test_what_comes_while_sending_is_sent_too(self) -> None:
        """Nothing is left for a turn that may be long in coming."""
        self.write_batch.collecting = True
        link = Link(self.write_batch, again=2)
        self.write_batch.add(link)
        self.write_batch.flush()
        self.assertEqual((link.sent, self.write_batch.waiting), (3, []))

    def test_one_that_fails_stops_no_other(self) -> None:
        """A mistake is logged, and the rest is sent."""
        self.write_batch.collecting = True
        bad, good = Link(self.write_batch, fails=True), Link(self.write_batch)
        self.write_batch.add(bad)
        self.write_batch.add(good)
        self.write_batch.flush()
        self.assertEqual(good.sent, 1)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
