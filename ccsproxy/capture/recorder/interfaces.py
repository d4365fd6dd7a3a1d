"""What the recorder uses from other packages, as interfaces, so that each can be replaced and can fail on its own."""

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

#: Computes the cost of a call from model, usage, time of the start, the upstream's NAME and its address.
Price = Callable[[str | None, Usage | None, str, str, str], Cost]


class Reader(Protocol):
    """Reads one response body, its content coding already removed."""

    @property
    def timed(self) -> bool:
        """Return whether all times are determined, so that further data may arrive in larger pieces."""

    def watch(self, watcher: StreamWatcher) -> None:
        """Register an observer of the events of a stream; called before the first bytes."""

    def feed(self, data: bytes, at_ms: float) -> None:
        """Take the next bytes, and when they arrived in milliseconds since the exchange began."""

    def borrow(self, kept: Callable[[], bytes | bytearray]) -> None:
        """Use a body that the caller keeps anyway, if it is not a stream, instead of copying it."""

    def overflow(self) -> None:
        """Stop keeping what follows; only its counts and its ending are read."""

    def finish(self, whole: bool, at_ms: float | None = None) -> DecodedResponse:
        """Process the end, and the time when it arrived; return the decoded response."""


class Dialect(Protocol):
    """The kind of call of an exchange."""

    @property
    def name(self) -> str:
        """The dialect's name in records."""

    @property
    def category(self) -> str:
        """The kind of call, a value of `ccsproxy.exchange.outcome.Category`."""

    @property
    def model(self) -> str | None:
        """The model that the request names; None if none."""

    def reader(self, facts: Facts) -> Reader:
        """Make a reader for the response."""


class DurableAnswers(Protocol):
    """Remembers answers without usage across restarts (`ccsproxy.store.uncounted`)."""

    def names(self) -> Iterable[str]:
        """Return their names, oldest first."""

    def add(self, names: Sequence[str]) -> None:
        """Keep names; returns at once."""

    def remove(self, name: str) -> bool:
        """Remove a name durably; return whether that succeeded."""


class Store(Protocol):
    """Where records go (`ccsproxy.store.Store`)."""

    @property
    def uncounted(self) -> DurableAnswers:
        """The answers without usage; available after `open`."""

    def open(self, alive: Mapping[str, float | None]) -> Deferred[Any]:
        """Recover what an earlier process left; exchanges that are alive are not recorded as unclean.

        :param alive: by id, the earliest time at which each may have been recorded; None for moments ago.
        """

    def last_seq(self, session_id: str) -> int:
        """Return the last number in a session, 0 for none."""

    def started(self, started: Started) -> None:
        """Note that an exchange has begun."""

    def append(self, record: Record) -> Deferred[Any]:
        """Write a record; fires when the kernel has the complete line."""

    def health(self) -> dict[str, Any]:
        """Return the store's state."""

    def recreate_data_dir(self) -> None:
        """Recreate the data dir if it was removed; called once a second."""

    def close(self) -> Deferred[None]:
        """Sync everything to disk and release the data dir."""


@attr.frozen
class Interpreters:
    """The recorder's access to the pure packages.

    :ivar detect: determines the dialect.
    :ivar identify: identifies the caller from headers, target and the parsed body (None if unknown).
    """

    detect: Callable[[Facts], Dialect]
    identify: Callable[[RawHeaders, bytes, Any], Client]
