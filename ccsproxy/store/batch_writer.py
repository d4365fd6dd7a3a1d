"""The writer without its thread: encodes and appends the records of the backlog, and survives a sick disk."""

from collections.abc import Callable
from pathlib import Path

from twisted.logger import Logger

from ccsproxy.exchange import codec
from ccsproxy.exchange.record import Record
from ccsproxy.store.backlog import Backlog, BacklogEntry, Dropped, without_bodies
from ccsproxy.store.observer import FreshLine, IndexObserver
from ccsproxy.store.segments.files import Files, remove_if_there, write_all
from ccsproxy.store.segments.line_apart import encode_apart
from ccsproxy.store.segments.lines import SegmentLine
from ccsproxy.store.segments.log import SegmentLog
from ccsproxy.store.segments.long_line import LongLine
from ccsproxy.store.segments.segment import LONGEST_LINE, Location

#: The maximum size of one write, in estimated bytes and entries.
_BATCH_BYTES = 4 << 20
_BATCH_ENTRIES = 256

#: How many seconds batches are written before syncs, acknowledgements and jobs get their turn.
SLICE = 0.25
#: Seconds before a failing disk is retried; well below the five within which a healthy one must be used again.
PAUSE = 1.0


class BatchWriter:
    """Moves entries from the backlog to the log. Synchronous; used by one thread.

    While the disk fails everything waits in the backlog, which drops what exceeds its limits.

    :param clock: monotonic seconds.
    :ivar trouble: why nothing can be stored at the moment, empty if all is well.
    :ivar failures: how many operations failed.
    """

    _log = Logger()

    def __init__(
        self,
        files: Files,
        data_dir: Path,
        backlog: Backlog,
        log: SegmentLog,
        observer: IndexObserver,
        clock: Callable[[], float],
    ) -> None:
        self.trouble = ""
        self.failures = 0
        self._files = files
        self._data_dir = data_dir
        self._backlog = backlog
        self._lines = log
        self._observer = observer
        self._clock = clock
        self._retry_at = 0.0

    def turn(self) -> float | None:
        """Do the pending work, for at most `SLICE` seconds: under steady load the backlog is never empty.

        :return: seconds until there is work even if nothing new arrives, or None.
        """
        if self.trouble and self._clock() < self._retry_at:
            return self._retry_at - self._clock()
        # Without this, an idle service would report a repaired disk as failing until its next record.
        if self.trouble and not len(self._backlog):
            self._probe()
        self._write_for(SLICE)
        if not self.trouble or self._clock() >= self._retry_at:
            self._failed(self._lines.tick())
        if self.trouble:
            return max(0.0, self._retry_at - self._clock())
        return 0.0 if len(self._backlog) else self._lines.next_tick()

    def finish(self) -> None:
        """Write what is left, try a failing disk once more, drop what it does not accept, and close the segment."""
        self._retry_at = 0.0
        self.turn()
        while len(self._backlog) and not self.trouble:
            self.turn()
        reason = "disk" if self.trouble else "shutdown"
        for entry in self._backlog.take(1 << 62, 1 << 62):
            self._settle(entry, Dropped(reason))
        self._failed(self._lines.rotate())

    def recreate_data_dir(self) -> None:
        """Recreate the data directory if it was removed; an obstacle is retried like any other failure."""
        self._failed(self._lines.recreate_data_dir())

    def _write_for(self, seconds: float) -> None:
        """Write batches until nothing waits, the disk fails, or the time is over."""
        until = self._clock() + seconds
        while len(self._backlog) and not self._failed(self._write_batch()):
            if self._clock() >= until:
                break

    def _write_batch(self) -> OSError | None:
        batch = [entry for entry in self._backlog.take(_BATCH_BYTES, _BATCH_ENTRIES) if self._encode(entry)]
        if not batch:
            return None
        try:
            found, error = self._lines.append([(_head(entry), entry.line) for entry in batch])
        except Exception:
            self._log.failure("records could not be appended")
            for entry in batch:
                self._settle(entry, Dropped("error"))
            return None
        # At the front, in order: what the disk refused is written before what arrived later.
        self._backlog.give_back(batch[len(found) :])
        for place, entry in zip(found, batch, strict=False):
            self._settle(entry, place)
        if found:
            self._tell(len(found), [_fresh(*each) for each in zip(found, batch, strict=False)])
        if error is None:
            self._recovered()
        return error

    def _encode(self, entry: BacklogEntry) -> bool:
        """Encode an entry; a record whose bodies cannot be encoded is kept without them."""
        while not entry.line:
            try:
                line = self._line_of(entry)
                if len(line) > LONGEST_LINE:
                    raise ValueError(f"a line of {len(line)} bytes is longer than readers accept")
                entry.line = line
            except Exception:
                self._log.failure("a record could not be encoded")
                # Already tried without bodies: it cannot be encoded at all.
                if not isinstance(entry.value, Record) or "bodies_dropped" in entry.value.capture.faults:
                    self._settle(entry, Dropped("error"))
                    return False
                entry.value = without_bodies(entry.value)
        return True

    def _line_of(self, entry: BacklogEntry) -> bytes | LongLine:
        """Encode an entry; one of many megabytes only to see that it can be: it is encoded again as it is written."""
        value = entry.value
        if isinstance(value, Record):
            if entry.size > _BATCH_BYTES:
                try:
                    return LongLine(value)
                except (TypeError, ValueError, OverflowError, RecursionError):
                    pass  # it is written as a whole, with escapes
            else:
                entry.apart = encode_apart(value)
        return codec.encode(value) if entry.apart is None else entry.apart.line

    def _settle(self, entry: BacklogEntry, result: Location | Dropped) -> None:
        self._backlog.settled(entry, result.reason if isinstance(result, Dropped) else "")
        if entry.settle is not None:
            entry.settle(result)

    def _tell(self, number: int, lines: list[FreshLine | None]) -> None:
        try:
            self._observer.wrote(number, [each for each in lines if each is not None])
        except Exception:
            self._log.failure("the index refused what was written")

    def _probe(self) -> None:
        """Find out whether the disk accepts data again, when there is no record to write."""
        path = self._data_dir / "probe.tmp"
        try:
            self._lines.relock()
            remove_if_there(self._files, path)
            fd = self._files.create(path)
            try:
                # Larger than the free rest of a full file system's last block: a single byte would fit there, and a
                # record would not.
                data = bytes(1 << 16)
                if write_all(self._files, fd, data) < len(data):
                    raise OSError("the disk accepts only part of a write")
                self._files.sync(fd)
            finally:
                self._files.close(fd)
                remove_if_there(self._files, path)
        except OSError as error:
            self._failed(error)
        else:
            self._recovered()

    def _failed(self, error: OSError | None) -> bool:
        if error is None:
            return False
        self.failures += 1
        if not self.trouble:
            self._log.error("records cannot be stored at the moment and are queued: {error}", error=error)
        self.trouble = error.strerror or str(error)
        self._retry_at = self._clock() + PAUSE
        return True

    def _recovered(self) -> None:
        if self.trouble:
            self._log.info("records are stored again")
        self.trouble = ""


def _fresh(place: Location, entry: BacklogEntry) -> FreshLine | None:
    """Return a line that was just written, as who reads it from its segment would find it; None for a long one."""
    if isinstance(entry.line, LongLine):
        return None
    return place.segment, SegmentLine(place.offset, place.length, entry.line, True, entry.apart)


def _head(entry: BacklogEntry) -> codec.RecordHead:
    value = entry.value
    event = "record" if isinstance(value, Record) else "started"
    return codec.RecordHead(id=value.id, seq=value.seq, session_id=value.session_id, event=event)
