"""Interfaces of what the recorder uses from other packages, so that each can be replaced and can fail on its own."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import attr
from twisted.internet.defer import Deferred

from ccsproxy.dialects.answer import DecodedResponse
from ccsproxy.dialects.facts import Facts
from ccsproxy.dialects.protocol import StreamWatcher
from ccsproxy.exchange.record import Client, Record, Started
from ccsproxy.exchange.relayed import RawHeaders
from ccsproxy.exchange.usage import Usage
from ccsproxy.providers.cost import Cost

#: What a call costs: model, usage, time of the start, the upstream's NAME and its address.
Price = Callable[[str | None, Usage | None, str, str, str], Cost]


class Reader(Protocol):
    """Reads one response body, its content coding already removed."""

    @property
    def timed(self) -> bool:
        """Whether all that it says about times is settled, so that what follows may come in larger pieces."""

    def watch(self, watcher: StreamWatcher) -> None:
        """Show the events of a stream to somebody else as well; called before the first bytes."""

    def feed(self, data: bytes, at_ms: float) -> None:
        """Take the next bytes, and when they arrived in milliseconds since the exchange began."""

    def borrow(self, kept: Callable[[], bytes | bytearray]) -> None:
        """Take a body that is no stream from who keeps it anyway, when it ends."""

    def overflow(self) -> None:
        """Note that nothing is kept of what follows: only its counts and its ending are read."""

    def finish(self, whole: bool, at_ms: float | None = None) -> DecodedResponse:
        """Take the end, and when it came, and say what was read."""


class Dialect(Protocol):
    """What kind of call an exchange is."""

    @property
    def name(self) -> str:
        """The dialect's name, as records have it."""

    @property
    def category(self) -> str:
        """The kind of call, a value of `ccsproxy.exchange.outcome.Category`."""

    @property
    def model(self) -> str | None:
        """The model asked for."""

    def reader(self, facts: Facts) -> Reader:
        """Make a reader for the response."""


class DurableAnswers(Protocol):
    """Remembers across restarts which answers were begun without usage (`ccsproxy.store.uncounted`)."""

    def names(self) -> Iterable[str]:
        """Return their names, oldest first."""

    def add(self, names: Sequence[str]) -> None:
        """Keep names; returns at once."""

    def remove(self, name: str) -> bool:
        """Remove a name durably, and tell whether that was possible."""


class Store(Protocol):
    """Where records go (`ccsproxy.store.Store`)."""

    @property
    def uncounted(self) -> DurableAnswers:
        """The answers whose usage has not been told; used after `open`."""

    def open(self, alive: Mapping[str, float | None]) -> Deferred[Any]:
        """Recover what an earlier process left; exchanges that are alive are not closed as unclean.

        :param alive: by id, since when each may have been recorded, None for moments ago.
        """

    def last_seq(self, session_id: str) -> int:
        """Return the last number that a session has had, 0 for none."""

    def started(self, started: Started) -> None:
        """Note that an exchange has begun."""

    def append(self, record: Record) -> Deferred[Any]:
        """Write a record; fires when its whole line is with the kernel."""

    def health(self) -> dict[str, Any]:
        """Return the store's state."""

    def recreate_data_dir(self) -> None:
        """Begin the data dir anew where it was removed; asked once a second."""

    def close(self) -> Deferred[None]:
        """Force everything to the disk and let go."""


@attr.frozen
class Interpreters:
    """What the pure rooms know of an exchange.

    :ivar detect: which dialect it speaks.
    :ivar identify: who calls, from headers, target and the parsed body (None when it is unknown).
    """

    detect: Callable[[Facts], Dialect]
    identify: Callable[[RawHeaders, bytes, Any], Client]
