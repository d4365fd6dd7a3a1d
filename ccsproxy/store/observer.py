"""The interface between the writing half of the store and the index: what was written, in order."""

from typing import Protocol

#: What `IndexObserver.left_of_forgotten` says while nothing is in the way.
AT_WORK = "the index is being rewritten"


class IndexObserver(Protocol):
    """Who wants to hear of every change to the segments.

    All methods are called in threads of the store, never in the reactor's; they return at once (work is queued) and
    do not raise. Whatever is missed can be read again from the segments: the index is derived.
    """

    def wrote(self, lines: int) -> None:
        """Hear that so many lines are with the kernel."""

    def changed(self) -> None:
        """Hear that segments came, went or were compressed: which, the folder tells."""

    def forgotten(self) -> None:
        """A session was removed because the user said so: nothing of it shall stay, not even in deleted rows."""

    def left_of_forgotten(self) -> str:
        """Say why something of what was forgotten may still be there, empty when nothing is."""


class NullObserver:
    """An observer for a store without an index."""

    def wrote(self, lines: int) -> None:
        """Ignore what was written."""

    def changed(self) -> None:
        """Ignore what became of segments."""

    def forgotten(self) -> None:
        """Ignore that a session was removed."""

    def left_of_forgotten(self) -> str:
        """Have nothing that could be left."""
        return ""
