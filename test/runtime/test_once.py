"""What is done once, however often it is asked for."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.runtime.once import Once


class OnceTests(SynchronousTestCase):
    """One piece of work, and all who wait for it."""

    def setUp(self) -> None:
        self.begun, self.told = 0, list[Any]()
        self.work: Deferred[Any] = Deferred()

        async def work() -> Any:
            self.begun += 1
            return await self.work

        self.once = Once(work, self.told.append)

    def test_all_hear_of_its_end(self) -> None:
        """Whoever asks while it is done waits; whoever asks afterwards need not."""
        first, second = self.once.run(), self.once.run()
        self.assertNoResult(first)
        self.work.callback("done")
        for each in (first, second, self.once.run()):
            self.assertIsNone(self.successResultOf(each))
        self.assertEqual((self.begun, self.told), (1, ["done"]))

    def test_a_failure_ends_it_too(self) -> None:
        """It is told to one, and waiting is over for all."""
        waiting = self.once.run()
        self.work.errback(ValueError("no"))
        self.successResultOf(waiting)
        self.assertIsInstance(self.told[0], Failure)

    def test_asking_again_from_what_waited(self) -> None:
        """A callback that asks once more is answered at once, and does not begin it anew."""
        answers: list[Any] = []
        self.once.run().addCallback(lambda _: self.once.run()).addCallback(answers.append)
        self.work.callback(None)
        self.assertEqual((answers, self.begun), ([None], 1))
