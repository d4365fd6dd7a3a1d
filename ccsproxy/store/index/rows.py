"""The rows of ``requests``: a compact `Summary` of every exchange.

Values that many requests share (models, paths, sessions, outcomes, ...) are stored once in ``names`` and counted
there, which also gives the possible values of filters. Times are stored relative to the order key, which already
contains the milliseconds, and ids as bytes.
"""

import sqlite3
import typing
from collections import Counter
from typing import Any

import msgspec

from ccsproxy.exchange.ids import iso_time
from ccsproxy.store.index.schema import COLUMNS, NAMED, USUAL
from ccsproxy.store.summary import KEY_BITS, Summary, milliseconds, order_key

#: How many names a writer remembers, so that odd values do not fill its memory.
_REMEMBERED = 50_000

_PLACE = {name: place for place, name in enumerate(COLUMNS)}
_NAMED = [(name, _PLACE[name]) for name in NAMED]
_ID, _STARTED, _ENDED, _TOOLS = (_PLACE[name] for name in ("id", "started_at", "ended_at", "tools"))
_FLAGS = [_PLACE[name] for name in ("partial", "has_error")]
#: The name of the tools of all that a request calls, one a line, and of each of them.
TOOL = "tool"

Columns = typing.Sequence[Any]


class RowWriter:
    """Writes summaries as columns, within the index's transactions, and counts the uses of names.

    Invariant: after `flush`, the count of a name is the number of rows that have it.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[str, Any], int] = {}
        self._gained: Counter[int] = Counter()

    def columns(self, key: int, row: Summary) -> list[Any]:
        """Return the columns of a row that is written."""
        values: list[Any] = list(msgspec.structs.astuple(row))
        values[_TOOLS] = "\n".join(row.tools) or None
        for field, place in _NAMED:
            if values[place] is not None:
                values[place] = number = self.name(field, values[place])
                self._gained[number] += 1
        values[_ID] = _packed_id(row.id)
        begun = key >> KEY_BITS
        values[_STARTED] = None if row.started_at == iso_time(begun / 1000) else row.started_at
        values[_ENDED] = _since(begun, row.ended_at)
        return values

    def removed(self, columns: Columns) -> None:
        """Update the counts of the names in a removed row."""
        for _, place in _NAMED:
            if columns[place] is not None:
                self._gained[columns[place]] -= 1

    def call_tools(self, key: int, tools: list[str], sign: int = 1) -> None:
        """Note, or with a sign of -1 forget, which tools a request calls."""
        for tool in tools:
            number = self.name(TOOL, tool)
            self._gained[number] += sign
            self._connection.execute(_CALL if sign > 0 else _UNCALL, (number, key))

    def name(self, field: str, value: Any) -> int:
        """Return the number of a value; a new one for a new value."""
        number = self._known.get((field, value))
        if number is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            found = self._connection.execute(_NAME, (field, value)).fetchone()
            if found is None:
                found = (
                    self._connection.execute(
                        "INSERT INTO names (field, value) VALUES (?, ?)", (field, value)
                    ).lastrowid,
                )
            number = self._known[field, value] = int(found[0])
        return number

    def flush(self) -> None:
        """Write the counts that have changed."""
        changes = [(change, number) for number, change in self._gained.items() if change]
        self._connection.executemany("UPDATE names SET count = count + ? WHERE name = ?", changes)
        self._gained.clear()

    def sweep(self) -> None:
        """Remove the names that no row has any more."""
        self._connection.execute("DELETE FROM names WHERE count <= 0 AND name > ?", (len(USUAL),))
        self._known.clear()

    def forget(self) -> None:
        """Drop what was not written, after a transaction was rolled back."""
        self._known.clear()
        self._gained.clear()


class Names(dict[int, Any]):
    """The values of names, read on demand; numbers are never reused, so the cache stays valid."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
        self._connection = connection

    def __missing__(self, number: int) -> Any:
        found = self._connection.execute("SELECT value FROM names WHERE name = ?", (number,)).fetchone()
        if len(self) >= _REMEMBERED:
            self.clear()
        value = self[number] = found[0] if found else None
        return value


def summary_of(names: Names, key: int, columns: Columns) -> Summary:
    """Make a summary of the columns of a row, in their order."""
    values = list(columns)
    for _, place in _NAMED:
        if values[place] is not None:
            values[place] = names[values[place]]
    values[_TOOLS] = values[_TOOLS].split("\n") if values[_TOOLS] else []
    values[_ID] = unpacked_id(values[_ID])
    begun = key >> KEY_BITS
    values[_STARTED] = values[_STARTED] or iso_time(begun / 1000)
    if isinstance(values[_ENDED], int):
        values[_ENDED] = iso_time((begun + values[_ENDED]) / 1000)
    for place in _FLAGS:
        values[place] = bool(values[place])
    return Summary(**dict(zip(COLUMNS, values, strict=True)))


def key_of(connection: sqlite3.Connection, names: "Names", started_at: str, name: str) -> tuple[int, str | None]:
    """Return a request's key, and the outcome of the row with that key: null for no row, empty while it runs.

    :param name: the request's id.
    """
    key = order_key(started_at, name)
    while True:
        found = connection.execute("SELECT id, outcome FROM request_rows WHERE key = ?", (key,)).fetchone()
        if found is None:
            return key, None
        if unpacked_id(found[0]) == name:
            return key, names[found[1]] if found[1] is not None else ""
        # Two in one millisecond whose ids end alike: the next free key nearly preserves the order of the list.
        key += 1


def numbers_of(connection: sqlite3.Connection, field: str, values: typing.Iterable[Any]) -> list[int]:
    """Return the numbers of values that some row has, in their order."""
    found = (connection.execute(_NAME, (field, value)).fetchone() for value in values)
    return [number for each in found if each for number in each]


def _packed_id(text: str) -> bytes | str:
    """Encode an id of ours, which is hexadecimal, in half its length."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        return text
    return data if data.hex() == text else text


def unpacked_id(stored: bytes | str) -> str:
    """Return an id in its original form."""
    return stored.hex() if isinstance(stored, bytes) else stored


def _since(begun: int, when: str | None) -> int | str | None:
    """Encode a time as milliseconds since the beginning if that loses nothing."""
    if when is None:
        return None
    try:
        after = milliseconds(when) - begun
        return after if iso_time((begun + after) / 1000) == when else when
    except (ValueError, OverflowError):
        return when


_NAME = "SELECT name FROM names WHERE field = ? AND value = ?"
_CALL = "INSERT OR IGNORE INTO tool_calls VALUES (?, ?)"
_UNCALL = "DELETE FROM tool_calls WHERE name = ? AND key = ?"
