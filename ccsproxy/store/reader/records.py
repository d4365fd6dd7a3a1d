"""Reading complete records from their segments, at the locations given by the index."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from sqlite3 import Connection
from typing import Any, Protocol

import msgspec

from ccsproxy.errors import DataDirError
from ccsproxy.exchange.record import SCHEMA_VERSION
from ccsproxy.exchange.upgrade import upgrade
from ccsproxy.store.reader.lists import batches, marks_of, place_of, places_in_session
from ccsproxy.store.reader.recent import find_place
from ccsproxy.store.reader.source import IndexSource, IndexUnavailable
from ccsproxy.store.segments.compressed import PackedError
from ccsproxy.store.segments.lines import SegmentLines
from ccsproxy.store.summary import Summary, plain_json

#: Segment, offset and length of a line.
Place = tuple[str, int, int]
#: A request's number in its session, with the place of its line.


#: How the JSON of a record ends that needs no upgrade.
_CURRENT = b'"schema_version":%d}' % SCHEMA_VERSION


class NotKept(LookupError):
    """The exchange does not exist, or not any more.

    :ivar expired: whether it existed and its segment has been removed.
    """

    def __init__(self, message: str, expired: bool = False) -> None:
        super().__init__(message)
        self.expired = expired


class RecordUnreadable(DataDirError, LookupError):
    """A record is there and cannot be read, now or ever; the message is one sentence."""


class RecordReader:
    """Reads single records of a data directory, and several of a session together.

    :ivar unreadable: records that were left out of an answer because they cannot be read: session and number, with
        the reason.
    """

    def __init__(self, source: IndexSource, lines: SegmentLines) -> None:
        self.unreadable: dict[tuple[str, int], str] = {}
        self._source, self._lines = source, lines

    def record(self, session_id: str, seq: int) -> dict[str, Any]:
        """Return a record in the current schema version; for an exchange in progress, what is known of it.

        :raises NotKept: if it does not exist.
        :raises RecordUnreadable: if it cannot be read.
        """
        return as_record(self._json(session_id, seq))

    def records(self, session_id: str, seqs: Sequence[int]) -> list[dict[str, Any]]:
        """Return several records of a session (see `record`).

        :raises NotKept: if one of them does not exist.
        """
        found = self.lines(session_id, seqs)
        return [as_record(found[seq]) if seq in found else self.record(session_id, seq) for seq in seqs]

    def lines(self, session_id: str, seqs: Iterable[int]) -> dict[int, bytes]:
        """Return the JSON of several records of a session, for `as_record`, reading each segment only once.

        :return: by number. Missing ones may still exist: the index may not contain them yet.
        """

        def question(connection: Connection) -> dict[int, Place]:
            return places_in_session(connection, session_id, seqs)

        wanted: dict[str, dict[int, tuple[int, int]]] = {}
        for seq, place in self._source.ask(question, dict[int, Place]()).items():
            wanted.setdefault(place[0], {})[seq] = place[1:]
        found = {}
        for name, places in wanted.items():
            read = self._lines.several(name, list(places.values()))
            found.update({seq: read[offset] for seq, (offset, _) in places.items() if offset in read})
        return found

    def each(self, session_id: str, summaries: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Iterate over records of a session, a few megabytes at a time; those that no longer exist are skipped, and
        those that cannot be read are noted in `unreadable`.

        :param summaries: of the records, in the desired order.
        """
        for batch in batches(summaries):
            found = self.lines(session_id, batch)
            for seq in batch:
                line = found.pop(seq, None)
                try:
                    yield as_record(line) if line else self.record(session_id, seq)
                except NotKept:
                    continue
                except RecordUnreadable as reason:
                    self.unreadable[session_id, seq] = str(reason)

    def line(self, session_id: str, seq: int) -> bytes:
        """Return a record's JSON as it was written, without its checksum.

        :raises NotKept: if it does not exist.
        """
        data = self._json(session_id, seq)
        if data.endswith(_CURRENT) and b'"event":"started"' not in data[-60:]:
            return data
        return msgspec.json.encode(self.record(session_id, seq))

    def _json(self, session_id: str, seq: int) -> bytes:
        """Return the JSON of an exchange's line."""
        what = f"request {seq} of session {session_id}"
        place = None
        # Twice: between two steps a segment may be rewritten, and its records have other places then.
        for _ in range(2):
            place = self._source.ask(lambda connection: place_of(connection, session_id, seq), None)
            marks = self._source.ask(marks_of, dict[str, int]())
            for where in (place, None):
                where = where or find_place(self._lines, session_id, seq, marks)
                data = self._one(what, *where) if where else None
                if data is not None:
                    return data
        if place is not None and self._lines.exists(place[0]):
            raise RecordUnreadable(f"The line of {what} in {place[0]} is damaged.")
        if place is not None:
            raise NotKept(f"{what} is no longer kept", expired=True)
        # All that the index has not read was searched, but for what cannot be read.
        unread = "".join(f"; {name} could not be searched: {why}" for name, why in self._lines.skipped.items())
        raise NotKept(f"there is no request {seq} in session {session_id}{unread}")

    def _one(self, what: str, name: str, offset: int, length: int) -> bytes | None:
        try:
            return self._lines.one(name, offset, length)
        except (OSError, PackedError) as reason:
            if not self._lines.exists(name):
                return None
            raise RecordUnreadable(f"The line of {what} in {name} cannot be read at the moment: {reason}.") from None


class Indexed(Protocol):
    """Something that knows how complete the index is."""

    def rebuilding(self) -> bool:
        """Tell whether records are missing in it."""


def not_found(index: Indexed, what: str) -> Exception:
    """Return the error for something that the index does not have: while it is incomplete, that proves nothing.

    :param what: what was asked for, as in "there is no ...".
    """
    if index.rebuilding():
        return IndexUnavailable(f"The index is being rebuilt and has no {what} yet; try again in a moment.")
    return NotKept(f"there is no {what}")


def as_record(data: bytes) -> dict[str, Any]:
    """Parse the JSON of a line as a record in the current schema version; see `Reader.record`."""
    value = _decode(data)
    return _running(value) if value.get("event") == "started" else upgrade(value)


def _decode(data: bytes) -> dict[str, Any]:
    """Parse a line's JSON, including JSON that strict parsers refuse."""
    try:
        value: dict[str, Any] = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError):
        value = msgspec.json.decode(plain_json(data))
    return value


def _running(started: dict[str, Any]) -> dict[str, Any]:
    """Convert the ``started`` line of an exchange to the form of a record; what has not happened yet is null."""
    record = {name: None for name in Summary.__struct_fields__ if name in _OF_RECORDS}
    request = {name: started.get(name) for name in ("method", "path", "headers")} | {"body": None}
    kept = {name: value for name, value in started.items() if name not in {"event", "method", "path", "headers"}}
    return record | kept | {"request": request, "response": None, "usage": None, "error": None, "partial": True}


_OF_RECORDS = frozenset(
    [
        "request_id",
        "ended_at",
        "duration_ms",
        "ttft_ms",
        "dialect",
        "model",
        "response_model",
        "outcome",
        "stop_reason",
    ]
)
