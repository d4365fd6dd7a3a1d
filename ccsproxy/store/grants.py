"""Granting wishes: a running store does what commands ask it for (see `ccsproxy.store.control`)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import attr
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ccsproxy.store.control import Granted, Wish, WishBox
from ccsproxy.store.settings import StoreSettings


class Granting(Protocol):
    """What a store can do."""

    settings: StoreSettings

    def forget(self, session_id: str) -> Deferred[int]:
        """Remove a session."""

    def collect(self, settings: StoreSettings) -> Deferred[str]:
        """Remove what is not to be kept."""


class Grants:
    """Looks for wishes in the thread of the upkeep, and has the store grant them.

    :param reactor: used for ``callFromThread``.
    :param call: runs a job in the thread of the upkeep.
    """

    _log = Logger()

    def __init__(
        self, store: Granting, wishes: WishBox, reactor: Any, call: Callable[[Callable[[], None]], None]
    ) -> None:
        self._store, self._wishes, self._reactor, self._call = store, wishes, reactor, call
        self._opened = False

    def look(self) -> None:
        """Take the wishes that are there; called in the thread of the upkeep."""
        try:
            if not self._opened:
                self._wishes.open()
                self._opened = True
            found = self._wishes.take()
        except OSError:  # a sick disk is told of by what must write to it; wishes wait
            return
        for taken, wish in found:
            self._reactor.callFromThread(self._begin, taken, wish)

    def _begin(self, taken: Path, wish: Wish) -> None:
        """Grant a wish, and answer where that cannot delay the reactor."""
        done = Deferred.fromCoroutine(grant(self._store, wish)).addErrback(self._failed)
        done.addCallback(lambda granted: self._call(lambda: self._wishes.answer(taken, granted)))
        done.addErrback(lambda failure: self._log.failure("a wish could not be answered", failure))

    def _failed(self, failure: Failure) -> Granted:
        self._log.warn("a wish could not be granted: {error}", error=failure.value)
        return Granted(trouble=str(failure.value))


async def grant(store: Granting, wish: Wish) -> Granted:
    """Do what is asked for.

    :raises Exception: whatever the store fails with.
    """
    if wish.do == "forget":
        return Granted({session: await store.forget(session) for session in wish.sessions})
    if wish.do == "collect":
        wanted = {"retain_days": wish.retain_days, "retain_size": wish.retain_size}
        given: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
        return Granted(trouble=await store.collect(attr.evolve(store.settings, **given)))
    return Granted(trouble=f"this service does not know how to {wish.do}")
