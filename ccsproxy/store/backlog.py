"""The backlog of records to be written: bounded, counted, and shed in a stated order when it grows too long."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from ccsproxy.exchange.record import Record, Started
from ccsproxy.store.segments.line_apart import LineApart
from ccsproxy.store.segments.long_line import LongLine
from ccsproxy.store.segments.segment import Location

#: Estimated size of a record without its bodies, in bytes.
_METADATA = 4096
#: How many times longer a decoded body may be than its bytes on the wire.
_INFLATION = 8


class Dropped(Exception):
    """A record was not stored.

    :ivar reason: ``queue`` (overload), ``disk``, ``error`` (it could not be encoded) or ``shutdown``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the record was dropped: {reason}")
        self.reason = reason


Settle = Callable[[Location | Dropped], None]


class BacklogEntry:
    """One record or ``started`` line waiting to be written.

    :ivar line: the encoded line, once it exists; a long one is encoded again as it is written.
    :ivar apart: the same with the items of its body separate, where they are known.
    """

    __slots__ = ("apart", "line", "settle", "size", "value")

    def __init__(self, value: Record | Started, size: int, settle: Settle | None) -> None:
        self.value = value
        self.size = size
        self.settle = settle
        self.line: bytes | LongLine = b""
        self.apart: LineApart | None = None


class Backlog:
    """A bounded queue of entries between the reactor and the writer thread; every method may be called from any
    thread.

    Under overload the newest entries degrade first: an entry that does not fit loses its bodies, and is dropped if it
    still does not fit. An eighth of the bytes is reserved for entries without bodies. While hardly anything else
    waits, a record fits whatever its size, and counts only as much as there is room: one huge exchange is not an
    overload.

    :param most_bytes: limit of the estimated bytes.
    :param most_entries: limit of the number of entries.
    :ivar bodies_dropped: how many records were kept without their bodies.
    :ivar taken_in: how many entries were ever accepted. Entries are settled in order, so everything accepted before a
    point in time is settled once `settled_in_all` reaches the value this had then.
    :ivar settled_in_all: how many entries were ever settled.
    """

    def __init__(self, most_bytes: int, most_entries: int) -> None:
        self.bodies_dropped = 0
        self.taken_in = self.settled_in_all = 0
        self._most_bytes = most_bytes
        self._most_entries = most_entries
        self._lock = threading.Lock()
        self._entries: deque[BacklogEntry] = deque()
        self._bytes = 0
        self._accepted = 0
        self._stored = 0
        self._dropped: dict[str, int] = {"queue": 0, "disk": 0, "error": 0, "shutdown": 0}
        self._notes_dropped = 0
        self._queued = 0

    def offer(self, value: Record | Started, settle: Settle | None = None, reason: str = "queue") -> Dropped | None:
        """Accept an entry completely, without bodies, or not at all.

        :param settle: called once, with the location of the line or with `Dropped`, unless this method returns the
        latter.
        :param reason: the reason under which a refusal is counted.
        """
        size = estimate(value)
        with self._lock:
            is_record = isinstance(value, Record)
            self._accepted += is_record
            if self._bytes <= self._most_bytes // 8:
                size = min(size, self._most_bytes * 7 // 8 - self._bytes)
            if isinstance(value, Record) and size > _METADATA and not self._fits(size, self._most_bytes * 7 // 8):
                value, size = without_bodies(value), _METADATA
                self.bodies_dropped += 1
            if not self._fits(size, self._most_bytes):
                return self._refuse(is_record, reason)
            self._entries.append(BacklogEntry(value, size, settle))
            self._bytes += size
            self.taken_in += 1
            self._queued += is_record
        return None

    def take(self, most_bytes: int, most_entries: int) -> list[BacklogEntry]:
        """Take the oldest entries, at least one if there is any; they count as queued until `settled`."""
        with self._lock:
            batch: list[BacklogEntry] = []
            total = 0
            while self._entries and len(batch) < most_entries:
                if batch and total + self._entries[0].size > most_bytes:
                    break  # a huge one is written alone, without a copy
                batch.append(self._entries.popleft())
                total += batch[-1].size
            return batch

    def give_back(self, entries: list[BacklogEntry]) -> None:
        """Put entries back at the front, in order, to be retried."""
        with self._lock:
            self._entries.extendleft(reversed(entries))

    def settled(self, entry: BacklogEntry, reason: str = "") -> None:
        """Count an entry as stored or, with a reason, as dropped."""
        with self._lock:
            self._bytes -= entry.size
            self.settled_in_all += 1
            if not isinstance(entry.value, Record):
                self._notes_dropped += bool(reason)
                return
            self._queued -= 1
            if reason:
                self._dropped[reason] += 1
            else:
                self._stored += 1

    def refuse(self, value: Record | Started, reason: str) -> Dropped:
        """Count something that arrives too late."""
        with self._lock:
            is_record = isinstance(value, Record)
            self._accepted += is_record
            return self._refuse(is_record, reason)

    def __len__(self) -> int:
        return len(self._entries)

    def counts(self) -> dict[str, Any]:
        """Return the counters, in constant time; always ``accepted = stored + dropped + queued``."""
        with self._lock:
            return {
                "accepted": self._accepted,
                "stored": self._stored,
                "dropped": dict(self._dropped),
                "queued": self._queued,
                "queue_bytes": self._bytes,
                "bodies_dropped": self.bodies_dropped,
                "notes_dropped": self._notes_dropped,
            }

    def _fits(self, size: int, most_bytes: int) -> bool:
        return self._bytes + size <= most_bytes and len(self._entries) < self._most_entries

    def _refuse(self, is_record: bool, reason: str) -> Dropped:
        if is_record:
            self._dropped[reason] += 1
        else:
            self._notes_dropped += 1
        return Dropped(reason)


def estimate(value: Record | Started) -> int:
    """Estimate how long a line will be, in bytes, without encoding it."""
    if isinstance(value, Started):
        return _METADATA
    total = _METADATA + _body_size(value.request.body, value.request.body_bytes, value.request.content_encoding)
    response = value.response
    if response is not None:
        total += _body_size(response.body_reassembled, response.body_bytes, response.content_encoding)
        if not isinstance(response.stream, msgspec.UnsetType):
            total += len(response.stream.text) + 20 * len(response.stream.chunks)
        if not isinstance(response.raw_sse_text, msgspec.UnsetType):
            total += len(response.raw_sse_text)
        total += _text_size(response.body_base64)
    return total + _text_size(value.request.body_base64)


def without_bodies(record: Record) -> Record:
    """Return a record without its bodies, with the loss noted in it."""
    request, response = record.request, record.response
    lost = request.body_bytes + (response.body_bytes if response else 0)
    bare = msgspec.structs.replace(request, body=None, body_base64=msgspec.UNSET)
    if response is not None:
        response = msgspec.structs.replace(
            response,
            body_reassembled=None,
            body_base64=msgspec.UNSET,
            raw_sse_text=msgspec.UNSET,
            stream=msgspec.UNSET,
        )
    note = msgspec.structs.replace(
        record.capture,
        faults=[*record.capture.faults, "bodies_dropped"],
        dropped_bytes=record.capture.dropped_bytes + lost,
    )
    return msgspec.structs.replace(record, request=bare, response=response, capture=note)


def _body_size(body: Any, on_wire: int, coding: str | None) -> int:
    if body is None:
        return 0
    if isinstance(body, str | bytes):
        return len(body)
    return on_wire * _INFLATION if coding else on_wire


def _text_size(text: str | msgspec.UnsetType) -> int:
    return 0 if isinstance(text, msgspec.UnsetType) else len(text)
