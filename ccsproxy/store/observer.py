"""The seam between the writing half of the store and the index: what the writer tells, in the order it happened."""

from collections.abc import Sequence
from typing import Protocol

import attr

from ccsproxy.exchange.record import Record, Started
from ccsproxy.store.segments.segment import Location

#: What `IndexObserver.left_of_forgotten` says while nothing is in the way.
AT_WORK = "the index is being rewritten"


@attr.frozen
class Written:
    """One line that is with the kernel.

    :ivar location: where it is.
    :ivar value: what it says.
    """

    location: Location
    value: Record | Started


class IndexObserver(Protocol):
    """Who wants to hear of every change to the segments.

    All methods are called in threads of the store, never in the reactor's; they return at once (work is queued) and
    do not raise. Whatever is missed can be read again from the segments: the index is derived.
    """

    def wrote(self, batch: Sequence[Written]) -> None:
        """Take the lines of one write."""

    def closed(self, segment: str) -> None:
        """A segment got its footer and will not grow any more."""

    def renamed(self, segment: str) -> None:
        """A closed segment is compressed now: only its file changed, locations stay true."""

    def removed(self, segment: str) -> None:
        """A segment is gone (expired, or its records were carried over into another)."""

    def added(self, segment: str) -> None:
        """A whole closed segment appeared at once (records carried over); its lines were not announced by `wrote`."""

    def forgotten(self) -> None:
        """A session was removed because the user said so: nothing of it shall stay, not even in deleted rows."""

    def left_of_forgotten(self) -> str:
        """Say why something of what was forgotten may still be there, empty when nothing is."""


class NullObserver:
    """An observer for a store without an index."""

    def wrote(self, batch: Sequence[Written]) -> None:
        """Ignore a batch of written records."""

    def closed(self, segment: str) -> None:
        """Ignore that a segment was closed."""

    def renamed(self, segment: str) -> None:
        """Ignore that a segment was renamed."""

    def removed(self, segment: str) -> None:
        """Ignore that a segment was removed."""

    def added(self, segment: str) -> None:
        """Ignore that a segment was added."""

    def forgotten(self) -> None:
        """Ignore that a session was removed."""

    def left_of_forgotten(self) -> str:
        """Have nothing that could be left."""
        return ""
