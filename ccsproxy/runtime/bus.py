"""The in-process event bus: publishers and subscribers of live events."""

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

Event = dict[str, Any]
Subscriber = Callable[[Event], None]


class Bus:
    """Passes each event to every subscriber, in order of publication.

    A subscriber that raises is logged and removed, so that a broken one cannot affect the others.
    """

    _log = Logger()

    def __init__(self) -> None:
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Add a subscriber.

        :return: a callable that removes it again; calling it twice is harmless.
        """
        self._subscribers.append(subscriber)

        def unsubscribe() -> None:
            if subscriber in self._subscribers:
                self._subscribers.remove(subscriber)

        return unsubscribe

    @property
    def has_subscribers(self) -> bool:
        """Whether there is any subscriber."""
        return bool(self._subscribers)

    def publish(self, event: Event) -> None:
        """Pass an event to every subscriber."""
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(event)
            except Exception:
                self._subscribers.remove(subscriber)
                self._log.failure("a subscriber raised and was removed")
