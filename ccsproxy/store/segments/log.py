"""The log: an endless row of lines, kept in segments of bounded size and age."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from ccsproxy.exchange import codec
from ccsproxy.exchange.ids import iso_time
from ccsproxy.store.segments.active import ActiveSegment
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.segment import Header, Location, segment_name, segments_dir
from ccsproxy.store.settings import StoreSettings

Lines = Sequence[tuple[codec.RecordHead, bytes]]


class SegmentLog:
    """Appends lines and rotates. Synchronous; used by one thread.

    :param newest: the name of the newest segment there is, empty without any.
    :param closed: told the name of each segment that will not be appended to any more.
    :param clock: seconds since the epoch.
    :param random: where the ids in the names come from.
    :ivar suspects: how many segments were given up because they could not be synced or cut back.
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
    ) -> None:
        self.suspects = 0
        self._files = files
        self._data_dir = data_dir
        self._settings = settings
        self._clock = clock
        self._newest = newest
        self._closed = closed
        self._random = random
        self._current: ActiveSegment | None = None
        self._begun = 0.0
        self._synced_at = 0.0

    @property
    def active(self) -> str:
        """The name of the segment being written, empty when there is none."""
        segment = self._current
        return segment.name if segment else ""

    @property
    def bounds(self) -> tuple[str, str]:
        """The newest name there is and the active one: every name up to the first is closed but for the second.

        May be read in any thread: a segment that is just being made is above the first.
        """
        newest = self._newest
        return newest, self.active

    def append(self, lines: Lines) -> tuple[list[Location], OSError | None]:
        """Append lines, as far as the disk takes them.

        :return: where the lines are that count as stored, from the first on, and why the rest do not.
        """
        try:
            segment = self._segment()
        except OSError as refused:
            return [], refused
        size = segment.size
        found, error = segment.append(lines)
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
        """Sync and rotate when their time has come.

        :return: why that failed; the segment was given up then.
        """
        segment, now = self._current, self._clock()
        if segment is None:
            return None
        if self._full(segment, now):
            return self.rotate()
        if self._settings.sync == "interval" and now - self._synced_at >= self._settings.sync_every:
            return self.sync()
        return None

    def next_tick(self) -> float | None:
        """Return how many seconds there are until `tick` has something to do, or None."""
        segment, now = self._current, self._clock()
        if segment is None:
            return None
        waits = [self._begun + self._settings.rotate_every - now] if self._settings.rotate_every else []
        if self._settings.sync == "interval" and segment.synced < segment.size:
            waits.append(self._synced_at + self._settings.sync_every - now)
        return max(0.0, min(waits)) if waits else None

    def sync(self) -> OSError | None:
        """Force everything to the disk.

        :return: why that failed; the segment was given up then.
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
        """Close the current segment; the next line begins a new one.

        :return: why the closed one is not whole on the disk.
        """
        segment, self._current = self._current, None
        if segment is None:
            return None
        segment.close(self._clock(), durable=self._settings.sync != "never")
        self.suspects += segment.broken
        self._closed(segment.name)
        return OSError(f"{segment.path} could not be closed") if segment.broken else None

    def _segment(self) -> ActiveSegment:
        now = self._clock()
        if self._current is not None and self._full(self._current, now):
            self.rotate()
        if self._current is None:
            name = segment_name(now, self._random(4), self._newest)
            options = self._settings
            header = Header(
                segment=name,
                created_at=iso_time(now),
                writer=options.writer,
                redacted=options.redact,
                run=options.run,
            )
            self._files.make_directory(segments_dir(self._data_dir))
            self._current = ActiveSegment(self._files, self._data_dir, header, durable=options.sync != "never")
            self._newest, self._begun, self._synced_at = name, now, now
        return self._current

    def _full(self, segment: ActiveSegment, now: float) -> bool:
        options = self._settings
        if not segment.tally.records and not segment.tally.started:
            return False
        aged = options.rotate_every and now - self._begun >= options.rotate_every
        return bool(aged or (options.rotate_size and segment.size >= options.rotate_size))

    def _sync(self, segment: ActiveSegment) -> None:
        segment.sync()
        self._synced_at = self._clock()

    def _give_up(self) -> None:
        segment, self._current = self._current, None
        if segment is not None:
            self.suspects += 1
            segment.abandon()
            self._closed(segment.name)
