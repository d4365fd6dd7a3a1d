"""The interface between the writing half of the store and the index: what was written, in order."""

from collections.abc import Sequence
from typing import Protocol

from ccsproxy.store.segments.lines import SegmentLine

#: A line, and the segment it was written to.
FreshLine = tuple[str, SegmentLine]
#: The result of `IndexObserver.left_of_forgotten` while nothing has failed.
AT_WORK = "the index is being rewritten"


class IndexObserver(Protocol):
    """Receives notice of every change to the segments.

    All methods are called in threads of the store, never in the reactor's; they return at once (work is queued) and
    do not raise. Anything missed can be read again from the segments: the index is derived.
    """

    def wrote(self, lines: int, fresh: Sequence[FreshLine] = ()) -> None:
        """``lines`` lines have been written to the kernel.

        :param fresh: the lines themselves, which need not be read from their segment then.
        """

    def changed(self) -> None:
        """Segments were added, removed or compressed; the directory shows which."""

    def forgotten(self) -> None:
        """A session was removed at the user's request: nothing of it may remain, not even in deleted rows."""

    def left_of_forgotten(self) -> str:
        """Return why something of what was forgotten may still exist, empty if nothing does."""


class NullObserver:
    """An observer for a store without an index."""

    def wrote(self, lines: int, fresh: Sequence[FreshLine] = ()) -> None:
        """Ignore what was written."""

    def changed(self) -> None:
        """Ignore what became of segments."""

    def forgotten(self) -> None:
        """Ignore that a session was removed."""

    def left_of_forgotten(self) -> str:
        """Return that nothing is left."""
        return ""
