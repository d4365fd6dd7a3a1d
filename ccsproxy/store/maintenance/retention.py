"""Retention: removes whole segments, oldest first, that are too old or too many, or when the disk is nearly full."""

import math
import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path

import attr

from ccsproxy.store.observer import IndexObserver
from ccsproxy.store.segments.compressed import PackedError
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.lines import segment_bytes
from ccsproxy.store.segments.rewrite import Rewriter
from ccsproxy.store.segments.scan import contents, read_footer
from ccsproxy.store.segments.segment import Footer, stamp_seconds
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.state.state import State

_DAY = 86400.0
#: Maximum share of the index that counts beside the segments, whatever its size: it shrinks after them.
_LARGEST_SHARE = 1.5


@attr.frozen
class ClosedSegment:
    """A closed segment as seen by retention.

    :ivar size: bytes on the disk.
    :ivar until: when its last line may have been written, seconds since the epoch.
    """

    name: str
    size: int
    until: float


def expired(
    segments: Sequence[ClosedSegment], settings: StoreSettings, now: float, free: int, index: int = 0
) -> list[str]:
    """Select what has to be removed.

    Free space matters only if removing segments can provide enough of it: if other files fill the disk, deleting all
    records would not help.

    :param segments: closed ones, oldest first.
    :param now: seconds since the epoch.
    :param free: free bytes on the file system.
    :param index: bytes of the index, which are attributed to the segments proportionally.
    :return: names, oldest first.
    """
    total = sum(segment.size for segment in segments)
    share = 1 + min(index / total, _LARGEST_SHARE) if total else 1.0
    total = round(total * share)
    # All records together would not free enough: something else fills the disk, and they stay.
    wanted_free = settings.min_free if free + total >= settings.min_free else 0
    gone: list[str] = []
    for segment in segments:
        old = settings.retain_days and now - segment.until > settings.retain_days * _DAY
        much = settings.retain_size and total > settings.retain_size
        if not (old or much or free < wanted_free):
            break
        gone.append(segment.name)
        total -= round(segment.size * share)
        free += round(segment.size * share)
    return gone


def held_back(gone: Sequence[ClosedSegment], waiting: Collection[str], hold: int, short: bool) -> set[str]:
    """Select which of them are kept after all, because some shipping target has not had them yet.

    :param gone: what should be removed, oldest first.
    :param waiting: the segments that were not shipped completely.
    :param hold: how many bytes may be kept for that reason; the oldest are removed first.
    :param short: whether the disk is nearly full: then nothing is kept.
    :return: names.
    """
    held = set[str]()
    for segment in reversed(gone):
        if segment.name in waiting and not short:
            hold -= segment.size
            if hold < 0:
                break
            held.add(segment.name)
    return held


def survey(files: Files, data_dir: Path, names: Sequence[str], now: float) -> list[ClosedSegment]:
    """Determine sizes and ages of segments.

    :param names: all of them, oldest first. The last line of one is older than the first of the next; for the newest,
    the footer says when it was closed, and without one that may have been just now.
    """
    after = [stamp_seconds(name) for name in names[1:]]
    now = min(_closed_at(files, data_dir, names[-1]), now) if names else now
    return [
        ClosedSegment(name, segment_bytes(data_dir, name), until)
        for name, until in zip(names, [*after, now], strict=False)
    ]


def _closed_at(files: Files, data_dir: Path, name: str) -> float:
    try:
        footer = read_footer(files, data_dir, name)
        return datetime.fromisoformat(footer.closed_at).timestamp() if footer else math.inf
    except (OSError, PackedError, ValueError):
        return math.inf


class AgeClock:
    """The time used for the age of records, which a wrong wall clock does not change.

    A clock that jumps ahead by 40 days would make everything expire at once. So a jump is accepted only after the
    clock has kept the new time for a day; until then time continues from where it was.

    :param wall: seconds since the epoch.
    :param steady: monotonic seconds; includes suspended time where the system can tell it.
    :param before: the clock when something was last written, None to trust the current one.
    """

    BELIEVED_AFTER = _DAY
    _JUMP = 3600.0

    def __init__(
        self, wall: Callable[[], float], steady: Callable[[], float] | None = None, before: float | None = None
    ) -> None:
        self._wall = wall
        self._steady = steady or _boot_time
        self._at, self._then = wall() if before is None else before, self._steady()
        self._jumped_at: float | None = None

    def now(self) -> float:
        """Return the time, seconds since the epoch."""
        wall, steady = self._wall(), self._steady()
        expected = self._at + steady - self._then
        if wall - expected <= self._JUMP:
            self._jumped_at = None
            return wall
        if self._jumped_at is None:
            self._jumped_at = steady
        if steady - self._jumped_at < self.BELIEVED_AFTER:
            return expected
        self._at, self._then, self._jumped_at = wall, steady, None
        return wall


def _boot_time() -> float:
    """Return monotonic seconds that include suspended time, where the system supports that."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Retention:
    """Keeps starred records and removes the rest; never removes what it could not read."""

    def __init__(
        self, files: Files, data_dir: Path, rewriter: Rewriter, state: State, observer: IndexObserver
    ) -> None:
        self._files = files
        self._data_dir = data_dir
        self._rewriter = rewriter
        self._state = state
        self._observer = observer

    def is_kept(self, name: str, starred: Collection[str]) -> bool:
        """Tell whether a segment contains only starred sessions.

        :raises OSError: if it cannot be read; likewise `PackedError`.
        """
        sessions = contents(self._files, self._data_dir, name).sessions
        return bool(sessions) and set(sessions) <= set(starred)

    def drop(self, name: str) -> None:
        """Remove a segment; its starred sessions are copied to a new one.

        Setting a star waits until that is done: a session reported as kept is really kept.

        :raises OSError: if the segment cannot be read or written; nothing is lost then.
        """
        held = contents(self._files, self._data_dir, name)
        self._state.raise_marks(held.sessions)
        self._state.with_stars(lambda starred: self._drop(name, held, starred))

    def _drop(self, name: str, held: Footer, starred: Collection[str]) -> None:
        if held.damaged and starred:
            raise OSError(f"{name} has {held.damaged} damaged lines that may be of a starred session; it is kept")
        if set(held.sessions) & set(starred):
            self._rewrite(name, starred, keep=True)
        else:
            self._rewriter.remove(name)
            self._observer.changed()

    def forget(self, name: str, session_id: str) -> bool:
        """Remove a session from a segment, together with lines that may belong to it.

        :return: whether it was there.
        :raises OSError: if the segment cannot be read or written; likewise `PackedError`.
        """
        held = contents(self._files, self._data_dir, name)
        if session_id not in held.sessions and not held.damaged:
            return False
        self._state.raise_marks({session_id: held.sessions.get(session_id, 0)})
        self._rewrite(name, {session_id}, keep=False)
        return session_id in held.sessions

    def _rewrite(self, name: str, sessions: Collection[str], keep: bool) -> None:
        """Rewrite a segment with only these sessions, or without them.

        :param keep: whether the sessions are the ones that stay.
        """
        self._rewriter.rewrite(name, lambda head: (head.session_id in sessions) == keep)
        self._observer.changed()
