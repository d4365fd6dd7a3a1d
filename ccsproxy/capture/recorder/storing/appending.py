"""Records that the store has not acknowledged yet, by the relay of their exchanges."""

from collections import Counter

from twisted.internet.defer import Deferred


class Appending:
    """Counts unacknowledged records, and notifies waiters when there are none left."""

    def __init__(self) -> None:
        self._count: Counter[int] = Counter()
        self._waiting: list[tuple[int | None, Deferred[None]]] = []

    @property
    def total(self) -> int:
        """How many there are."""
        return self._count.total()

    def begun(self, relay: int) -> None:
        """Count one record more of a relay."""
        self._count[relay] += 1

    def over(self, relay: int) -> None:
        """Count one record less of a relay."""
        self._count[relay] -= 1
        self._check()

    def settled(self, relay: int | None) -> Deferred[None]:
        """Wait for the store.

        :param relay: whose records; None for all.
        :return: fires when the store has acknowledged or rejected every one of them.
        """
        done: Deferred[None] = Deferred()
        self._waiting.append((relay, done))
        self._check()
        return done

    def _check(self) -> None:
        # A copy, because a callback may wait again at once.
        for each in self._waiting[:]:
            relay, done = each
            if not (self.total if relay is None else self._count[relay]):
                self._waiting.remove(each)
                done.callback(None)
