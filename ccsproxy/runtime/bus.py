"""The in-process event bus: publishers and subscribers of live events."""

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

Event = dict[str, Any]
Subscriber = Callable[[Event], None]


class Bus:
    """Hands each event to every subscriber, in the order in which they came.

    A subscriber that raises is reported and dropped, so that one broken listener cannot hurt the others.
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
        """Whether anybody has subscribed."""
        return bool(self._subscribers)

    def publish(self, event: Event) -> None:
        """Hand an event to every subscriber."""
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(event)
            except Exception:
                self._subscribers.remove(subscriber)
                self._log.failure("a subscriber raised and was dropped")
