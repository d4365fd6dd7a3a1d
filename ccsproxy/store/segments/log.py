"""The log: an endless sequence of lines, kept in segments of bounded size and age."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from ccsproxy.store.segments.active import ActiveSegment, Lines
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.segment import Location, headers, segment_name, segments_dir
from ccsproxy.store.settings import StoreSettings


class SegmentLog:
    """Appends lines and rotates segments. Synchronous; used by one thread.

    Syncs and rotations are scheduled by the monotonic clock, so that setting the wall clock delays neither.

    :param newest: the name of the newest existing segment, empty if there is none.
    :param closed: called with the name of each segment to which nothing more will be appended.
    :param clock: seconds since the epoch, for names and headers only.
    :param monotonic: monotonic seconds, for scheduling.
    :param random: source of the ids in the names.
    :ivar suspects: how many segments were abandoned because they could not be synced or cut back.
    :param is_ours: tells whether the data directory is still the locked one.
    :ivar relock: locks it again, or raises ``OSError``.
    :ivar writing: the name of the segment that may still be appended to, empty if there is none. Set before its file
    is created and cleared after its last byte, so that any segment found on disk by any thread *before* reading this,
    and not named by it, is closed.
    """

    def __init__(
        self,
        files: Files,
        data_dir: Path,
        settings: StoreSettings,
        clock: Callable[[], float],
        newest: str = "",
        closed: Callable[[str], None] = lambda name: None,
        random: Callable[[int], bytes] = os.urandom,
        monotonic: Callable[[], float] = time.monotonic,
        is_ours: Callable[[], bool] = lambda: True,
        relock: Callable[[], None] = lambda: None,
    ) -> None:
        self.suspects = 0
        self.writing = ""
        self._files = files
        self._data_dir = data_dir
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._newest = newest
        self._closed = closed
        self._is_ours = is_ours
        self.relock = relock
        self._random = random
        self._current: ActiveSegment | None = None
        self._begun = 0.0
        self._synced_at = 0.0

    @property
    def active(self) -> str:
        """The name of the segment being written, empty if there is none."""
        segment = self._current
        return segment.name if segment else ""

    def append(self, lines: Lines) -> tuple[list[Location], OSError | None]:
        """Append lines, as far as the disk accepts them.

        :return: locations of the lines that count as stored, from the first on, and why the rest do not.
        """
        self._check_ours()
        try:
            segment = self._segment()
        except OSError as refused:
            return [], refused
        size = segment.size
        found, error = segment.append(lines)
        # Acknowledged only once on disk; unsynced lines are cut off again, so that they cannot be stored twice later.
        if found and self._settings.sync == "record":
            try:
                self._sync(segment)
            except OSError as unsynced:
                segment.cut_back(size)
                self._give_up()
                return [], unsynced
        if segment.broken:
            self._give_up()
        return found, error

    def tick(self) -> OSError | None:
        """Sync and rotate when due.

        :return: why that failed; the segment was abandoned then.
        """
        gone = self._check_ours()
        segment, now = self._current, self._monotonic()
        if segment is None:
            return gone
        if self._full(segment, now):
            return self.rotate()
        if self._settings.sync == "interval" and now - self._synced_at >= self._settings.sync_every:
            return self.sync()
        return None

    def recreate_data_dir(self) -> OSError | None:
        """Recreate the data directory if it was removed, even if there is nothing to write.

        :return: why that is impossible.
        """
        self._check_ours()
        try:
            self.relock()
        except OSError as refused:
            return refused
        return None

    def next_tick(self) -> float | None:
        """Return the seconds until `tick` has something to do, or None."""
        segment, now = self._current, self._monotonic()
        if segment is None:
            return None
        holds_something = segment.tally.records or segment.tally.started
        ages = self._settings.rotate_every and holds_something
        waits = [self._begun + self._settings.rotate_every - now] if ages else []
        if self._settings.sync == "interval" and segment.synced < segment.size:
            waits.append(self._synced_at + self._settings.sync_every - now)
        return max(0.0, min(waits)) if waits else None

    def sync(self) -> OSError | None:
        """Sync everything to disk.

        :return: why that failed; the segment was abandoned then.
        """
        if self._current is None or self._current.synced == self._current.size:
            return None
        try:
            self._sync(self._current)
        except OSError as error:
            self._give_up()
            return error
        return None

    def rotate(self) -> OSError | None:
        """Close the current segment; the next line starts a new one.

        :return: why the closed one is not completely on disk.
        """
        segment, self._current = self._current, None
        if segment is None:
            return None
        segment.close(self._clock(), durable=self._settings.sync != "never")
        self.suspects += segment.broken
        self._ended(segment)
        return OSError(f"{segment.path} could not be closed") if segment.broken else None

    def _segment(self) -> ActiveSegment:
        if self._current is not None and self._full(self._current, self._monotonic()):
            self.rotate()
        if self._current is None:
            self._current = self._begin()
        return self._current

    def _check_ours(self) -> OSError | None:
        """Abandon the segment if it, or the data directory around it, was removed: appended data would be lost."""
        if self._current is None or (self._current.is_linked() and self._is_ours()):
            return None
        gone = OSError(f"{self._current.path} was removed while it was written")
        self._give_up()
        return gone

    def _begin(self) -> ActiveSegment:
        self.relock()
        now, options = self._clock(), self._settings
        name = segment_name(now, self._random(4), self._newest)
        header = headers(options, self._clock)(name)
        self._files.make_directory(segments_dir(self._data_dir))
        # Before the file exists, see above: the maintenance must never take it for a closed one.
        self.writing = name
        try:
            segment = ActiveSegment(self._files, self._data_dir, header, durable=options.sync != "never")
        except BaseException:
            self.writing = ""
            raise
        self._newest, self._begun = name, self._monotonic()
        self._synced_at = self._begun
        return segment

    def _full(self, segment: ActiveSegment, now: float) -> bool:
        options = self._settings
        # An empty one never gets too old, or an idle service would create a file per hour for ever.
        if not segment.tally.records and not segment.tally.started:
            return False
        aged = options.rotate_every and now - self._begun >= options.rotate_every
        return bool(aged or (options.rotate_size and segment.size >= options.rotate_size))

    def _sync(self, segment: ActiveSegment) -> None:
        segment.sync()
        self._synced_at = self._monotonic()

    def _give_up(self) -> None:
        segment, self._current = self._current, None
        if segment is not None:
            self.suspects += 1
            segment.abandon()
            self._ended(segment)

    def _ended(self, segment: ActiveSegment) -> None:
        """Hand over a segment to which nothing more will be appended."""
        self.writing = ""
        self._closed(segment.name)
