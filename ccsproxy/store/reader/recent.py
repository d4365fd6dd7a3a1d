"""The newest exchanges, read from the ends of segments while the index cannot provide them."""

from collections.abc import Iterator

import attr
import msgspec

from ccsproxy.store.index.texts.previews import preview_of
from ccsproxy.store.index.texts.record_texts import request_texts, response_texts, tool_names
from ccsproxy.store.query import Query, contains_terms, matches
from ccsproxy.store.reader.pages import Row
from ccsproxy.store.segments.lines import SegmentLine, SegmentLines
from ccsproxy.store.summary import Entry, Price, Summary, order_key, read_entry, set_cost, summarise

#: How many bytes of the newest segments are read.
WINDOW = 16 << 20


def recent_rows(lines: SegmentLines, query: Query, price: Price, window: int = WINDOW) -> list[Row]:
    """Return a page of the newest exchanges, newest first, like `request_rows`.

    :param price: returns what a call costs.
    :param window: how many bytes at the end of the store are read.
    """
    found: dict[str, Row] = {}
    for entry in _entries(lines, window):
        row = _row(entry, query, price)
        if row is None or (entry.started and entry.id in found):
            continue
        found[entry.id] = row
    rows = [row for row in found.values() if matches(query, row[1]) and _in_page(query, row[0])]
    return sorted(rows, key=lambda row: row[0], reverse=True)[: query.limit]


def find_place(lines: SegmentLines, session_id: str, seq: int, marks: dict[str, int]) -> tuple[str, int, int] | None:
    """Search for an exchange in what the index has not read, newest segments first.

    :param marks: how far the index has read each segment, -1 for completely read ones.
    :return: segment, offset and length of its line; a record's in preference to its ``started`` line's.
    """
    number, session = b'"seq":%d,' % seq, b'"session_id":' + msgspec.json.encode(session_id)
    begun: tuple[str, int, int] | None = None
    for name in reversed(lines.names()):
        done = marks.get(name, 0)
        for line in lines.scan(name, done) if done >= 0 else ():
            if number not in line.data or session not in line.data:
                continue
            entry = _entry(line)
            if entry is None or entry.seq != seq or entry.session_id != session_id:
                continue
            if not entry.started:
                return name, line.offset, line.length
            begun = begun or (name, line.offset, line.length)
        if begun is not None:
            return begun
    return None


def _entries(lines: SegmentLines, window: int) -> Iterator[Entry]:
    """Yield the entries in the last bytes of the store, newest segment first."""
    for name in reversed(lines.names()):
        size = lines.size(name)
        if size is None:
            return
        for line in lines.scan(name, max(size - window, 0)):
            entry = _entry(line)
            if entry is not None:
                yield entry
        window -= size
        if window <= 0:
            return


def _row(entry: Entry, query: Query, price: Price) -> Row | None:
    """Make a row from an entry, null if it does not contain the search words."""
    row = summarise(entry)
    if query.q or not entry.started:
        texts = _texts(entry)
        if query.q and not contains_terms(query, [text for _, text in texts]):
            return None
        _describe(row, entry, price)
    return order_key(row.started_at, row.id), row, None


def finished_row(entry: Entry, price: Price) -> Summary:
    """Make the summary of a record, including everything derived from its bodies and the price list.

    :param price: returns what a call costs.
    """
    row = summarise(entry)
    _describe(row, entry, price)
    return row


def _describe(row: Summary, entry: Entry, price: Price) -> None:
    if not entry.started:
        set_cost(row, entry, price)
    answer = None
    if entry.response is not None:
        try:
            answer = msgspec.json.decode(entry.response.body_reassembled)
            row.tools = tool_names(answer)
        except (msgspec.DecodeError, RecursionError):
            row.tools = []
    if not entry.started:
        found = preview_of(entry, answer, row.tools)
        row.purpose, row.about, row.preview = found.purpose, found.about, found.line


def _texts(entry: Entry) -> list[tuple[str, str]]:
    try:
        texts = list(request_texts(bytes(entry.request.body)))
        return texts + (
            list(response_texts(msgspec.json.decode(entry.response.body_reassembled))) if entry.response else []
        )
    except (msgspec.DecodeError, RecursionError):
        return []


def _entry(line: SegmentLine) -> Entry | None:
    try:
        return read_entry(line.json) if line.good else None
    except ValueError:
        return None


def _in_page(query: Query, key: int) -> bool:
    return (query.ceiling is None or key < query.ceiling) and (query.floor is None or key >= query.floor)


@attr.define
class Tail:
    """Follows the segments like ``tail -f``: each record once, in the order of writing.

    :ivar price: returns what a call costs.
    :ivar places: how far each segment has been read; empty for a tail that starts now.
    """

    lines: SegmentLines
    price: Price
    places: dict[str, int] = attr.field(factory=dict)

    def begin(self) -> None:
        """Skip everything that exists."""
        for name in self.lines.names():
            size = self.lines.size(name)
            self.places[name] = -1 if size is None else sum(line.length for line in self.lines.scan(name))

    def poll(self) -> Iterator[Summary]:
        """Yield what was written since the last call; what cannot be read now is yielded by a later one."""
        try:
            names = self.lines.names()
        except OSError:
            return
        for name in names:
            done = self.places.setdefault(name, 0)
            if done < 0 or self.lines.size(name) == done:
                continue
            for line in self.lines.scan(name, done):
                self.places[name] = line.offset + line.length
                entry = _entry(line)
                if entry is not None and not entry.started:
                    yield finished_row(entry, self.price)
            if self.lines.closed(name):
                self.places[name] = -1
