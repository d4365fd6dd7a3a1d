"""The handle of a running service (contract, section 9)."""

from collections.abc import Callable
from typing import Any

import attr
from twisted.internet.defer import Deferred

from ccsproxy.runtime.bus import Subscriber


@attr.frozen
class Running:
    """What a program that started ccsproxy holds in its hand.

    :ivar proxy_urls: where clients reach the proxy.
    :ivar api_urls: where the API and the dashboard are, empty with ``--no-api``.
    :ivar upstreams: upstream NAME to its URL.
    :ivar session_id: the id of this run.
    """

    proxy_urls: list[str]
    api_urls: list[str]
    upstreams: dict[str, str]
    session_id: str
    _subscribe: Callable[[Subscriber], Callable[[], None]]
    _health: Callable[[], dict[str, Any]]
    _shutdown: Callable[[], "Deferred[None]"]

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Hear the live events (contract, section 7) as dictionaries.

        :return: a callable that ends the subscription.
        """
        return self._subscribe(subscriber)

    def health(self) -> dict[str, Any]:
        """Return what ``GET /api/health`` says, in constant time."""
        return self._health()

    def shutdown(self) -> "Deferred[None]":
        """Stop: no new connections, streams drained up to the drain timeout, records flushed.

        :return: fires when all of that is done; further calls wait for the same end.
        """
        return self._shutdown()
