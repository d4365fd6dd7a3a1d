"""The durable state of a target: its position and its pending deletions, across threads and restarts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ccsproxy.store.state.shipments import Position, Shipment, Shipments
from ccsproxy.store.state.state import NAME, State

_T = TypeVar("_T")


class Ledger:
    """The part of a data directory's state used by shipping. Synchronous; may be used from several threads.

    Invariant: a data directory that was removed and recreated is detected before the next use; its targets start
    again.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / NAME
        self._state = State(data_dir)
        self._shipments = Shipments(self._state)
        self._inode = 0

    def get(self, target: str) -> Shipment | None:
        """Return the state of a target, null if it was never shipped to."""
        return self._with(lambda: self._shipments.get(target))

    def begin(self, target: str, position: Position) -> Shipment:
        """Store a target's start position, unless the target is known, and return its state."""
        self._with(lambda: self._shipments.begin(target, position))
        return self._with(lambda: self._shipments.get(target)) or Shipment(target)

    def plan(self, target: str, position: Position, end: int) -> None:
        """Store the start and end of the batch that is about to be sent."""
        self._with(lambda: self._shipments.plan(target, position, end))

    def move(self, target: str, position: Position, sent: int, refused: int) -> None:
        """Store what a target has accepted and rejected, and its new position."""
        self._with(lambda: self._shipments.move(target, position, sent, refused))

    def return_to(self, target: str, position: Position) -> None:
        """Go back and send a target again what follows a position."""
        self._with(lambda: self._shipments.return_to(target, position))

    def rest(self, target: str) -> None:
        """Note that the service does not ship to a target, so that retention does not wait for it."""
        self._with(lambda: self._shipments.rest(target))

    def drop(self, target: str) -> None:
        """Remove a target and its position."""
        self._with(lambda: self._shipments.drop(target))

    def deletions(self, target: str) -> list[str]:
        """Return the sessions that a target still has to delete."""
        return [session for _, session in self._with(lambda: self._state.deletions(target))]

    def deleted(self, target: str, session_id: str) -> None:
        """Note that a target has deleted a session."""
        self._with(lambda: self._state.deleted(target, session_id))

    def close(self) -> None:
        """Let go of the file."""
        self._state.close()

    def _with(self, work: Callable[[], _T]) -> _T:
        # SQLite would continue in a deleted file, and every position would be lost with it.
        if self._inode and self._inode != _inode(self._path):
            self._state.close()
        found: Any = work()
        self._inode = _inode(self._path)
        return found


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0
