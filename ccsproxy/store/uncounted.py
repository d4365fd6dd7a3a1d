"""The durable part of knowing which answers have been counted: those whose calls told no usage."""

from collections.abc import Callable, Sequence

from twisted.logger import Logger

from ccsproxy.store.state.state import State, StateError


class UncountedAnswers:
    """Keeps the names of answers that were begun without usage, so that fetching one after a restart counts it.

    Every method is called in the reactor's thread. `add` returns at once; `remove` returns when the change is on
    disk, because the record that counts the answer must never become durable first: that would count it twice. It is
    called only when a stored answer or the results of a batch are fetched for the first time.

    :param state: where the names are kept.
    :param call: runs a job in the store's writer thread; jobs run in their order.
    """

    _log = Logger()

    def __init__(self, state: State, call: Callable[[Callable[[], None]], None]) -> None:
        self._state, self._call = state, call
        self._failing = False

    def names(self) -> list[str]:
        """Return the names, oldest first; none if the state cannot be read, which the store reports."""
        try:
            return self._state.uncounted()
        except StateError:
            return []

    def add(self, names: Sequence[str]) -> None:
        """Store names of uncounted answers."""
        self._later(lambda: self._state.add_uncounted(names))

    def remove(self, name: str) -> bool:
        """Remove a name, because its answer is counted now.

        :return: whether it is removed for good; if not, the answer must not be counted.
        """
        if not self._changed(lambda: self._state.remove_uncounted(name)):
            return False
        # Once more behind an `add` that is still waiting.
        self._later(lambda: self._state.remove_uncounted(name))
        return True

    def _later(self, change: Callable[[], None]) -> None:
        def job() -> None:
            self._changed(change)

        self._call(job)

    def _changed(self, change: Callable[[], None]) -> bool:
        try:
            change()
        except StateError as reason:
            if not self._failing:
                self._log.warn("fetched answers and batches may stay uncounted: {reason}", reason=reason)
            self._failing = True
            return False
        self._failing = False
        return True
