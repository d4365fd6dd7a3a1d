"""How far each shipping target has got: its durable position, and what retention must wait for.

A position names a segment and how many bytes of its lines the target has confirmed. Rewritten segments keep the time
stamp of the one that they replace, so order is that of the stamps, and a replacement is shipped from its beginning.
"""

import time
from collections.abc import Collection, Iterable

import attr

from ccsproxy.store.segments.segment import STAMP
from ccsproxy.store.state.state import State

#: The offset of a position after the last line of a closed segment: nothing of that segment is left to ship.
DONE = 1 << 62


@attr.frozen
class Position:
    """How far shipping to a target has got.

    :ivar segment: name of the segment being shipped, empty before the first.
    :ivar offset: how many of its uncompressed bytes the target has confirmed.
    :ivar tail: checksum of the last line before the offset, as in the line: it reveals a file that was truncated and
    grew again. Empty if unknown.
    """

    segment: str = ""
    offset: int = 0
    tail: str = ""

    @property
    def stamp(self) -> str:
        """The time stamp of the segment, in sortable form."""
        return self.segment[:STAMP]


@attr.frozen
class Shipment:
    """The state of one target.

    :ivar planned: the end of the batch that was sent but not confirmed yet, 0 for none: if sent again it must be the
    same, so that the target recognises it.
    :ivar sent: rows that the target has confirmed.
    :ivar refused: rows that it permanently rejected.
    :ivar missed: upper bound of the rows that retention removed before it had them.
    :ivar wanted: whether the service currently ships to it.
    """

    target: str
    position: Position = Position()
    planned: int = 0
    sent: int = 0
    refused: int = 0
    missed: int = 0
    wanted: bool = True


class Shipments:
    """The targets in the durable state. Synchronous; may be used from several threads and processes.

    :param state: the state; every method raises what its methods raise.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def every(self) -> dict[str, Shipment]:
        """Return the state of each target, by name."""
        found = [_shipment(row) for row in self._state.ask(f"SELECT {_COLUMNS} FROM positions")]  # noqa: S608
        return {each.target: each for each in found}

    def get(self, target: str) -> Shipment | None:
        """Return the state of a target, null if it was never shipped to."""
        rows = self._state.ask(f"SELECT {_COLUMNS} FROM positions WHERE target = ?", (target,))  # noqa: S608
        return _shipment(rows[0]) if rows else None

    def begin(self, target: str, position: Position) -> None:
        """Add a target that was never shipped to, with its start position; a known one is left unchanged."""
        values = (target, position.segment, position.offset, position.tail, time.time())
        self._state.change([(_BEGIN, values)])

    def want(self, targets: Collection[str]) -> None:
        """Set which targets are shipped to from now on; retention waits for no others."""
        marks = ", ".join("?" * len(targets))
        self._state.change([(f"UPDATE positions SET wanted = target IN ({marks})", tuple(targets))])  # noqa: S608

    def rest(self, target: str) -> None:
        """Note that a target is no longer shipped to; its position is kept."""
        self._state.change([("UPDATE positions SET wanted = 0 WHERE target = ?", (target,))])

    def plan(self, target: str, position: Position, end: int) -> None:
        """Note the start and end of the batch that is about to be sent; everything before it needs no sending."""
        planned = ("UPDATE positions SET planned = ? WHERE target = ?", (end, target))
        # One transaction: if killed in between, a batch would be sent again with a different end.
        self._state.change([(_MOVE, self._moved(target, position, 0, 0)), planned])

    def move(self, target: str, position: Position, sent: int = 0, refused: int = 0) -> None:
        """Note how far a target has confirmed; a position never goes back.

        :param sent: rows accepted since the last position.
        :param refused: rows permanently rejected since then.
        """
        self._state.change([(_MOVE, self._moved(target, position, sent, refused))])

    def _moved(self, target: str, position: Position, sent: int, refused: int) -> tuple[object, ...]:
        return position.segment, position.offset, position.tail, time.time(), sent, refused, target

    def return_to(self, target: str, position: Position) -> None:
        """Go back and send a target again what it may have already: lines after that position were lost and
        replaced.
        """
        values = (position.segment, position.offset, position.tail, time.time(), target)
        self._state.change([(_RETURN, values)])

    def missed(self, segment: str, records: int) -> None:
        """Note that a segment is removed before every wanted target had it.

        :param records: how many records it contains: each such target misses at most that many.
        """
        self._state.change([(_MISSED, (records, segment[:STAMP]))])

    def add_hosts(self, hosts: Iterable[str]) -> None:
        """Store machine labels under which records are shipped from here: deletions must name them."""
        self._state.change([("INSERT OR IGNORE INTO hosts VALUES (?)", (host,)) for host in hosts])

    def hosts(self) -> set[str]:
        """Return the machine labels under which records were ever shipped from here."""
        return {str(host) for (host,) in self._state.ask("SELECT host FROM hosts")}

    def drop(self, target: str) -> None:
        """Remove a target that is no longer shipped to, and its pending deletions."""
        deletes = [f"DELETE FROM {table} WHERE target = ?" for table in ("positions", "deletions")]  # noqa: S608
        self._state.change([(sql, (target,)) for sql in deletes])


def unshipped(segments: Iterable[str], shipments: Iterable[Shipment]) -> set[str]:
    """Return the segments that some wanted target has not confirmed completely."""
    places = [each.position for each in shipments if each.wanted]
    return {name for name in segments if any(lies_before(place, name) for place in places)}


def lies_before(position: Position, segment: str) -> bool:
    """Tell whether part of a segment may not have been shipped yet."""
    stamp = segment[:STAMP]
    # By the stamp and not the name, because a rewritten segment has the stamp of the one it replaces.
    return stamp > position.stamp or (stamp == position.stamp and position.offset < DONE)


def _shipment(row: tuple[object, ...]) -> Shipment:
    target, segment, offset, tail, planned, sent, refused, missed, wanted = row
    position = Position(str(segment), int(offset), str(tail))  # type: ignore[call-overload]
    sums = [int(each) for each in (planned, sent, refused, missed)]  # type: ignore[call-overload]
    return Shipment(str(target), position, sums[0], sums[1], sums[2], sums[3], bool(wanted))


_COLUMNS = "target, segment, offset, tail, planned, sent, refused, missed, wanted"
_BEGIN = "INSERT OR IGNORE INTO positions (target, segment, offset, tail, moved_at) VALUES (?, ?, ?, ?, ?)"
_MOVE = (
    "UPDATE positions SET segment = ?1, offset = ?2, tail = ?3, moved_at = ?4, planned = 0, sent = sent + ?5, "  # noqa: S608
    "refused = refused + ?6 WHERE target = ?7 AND (segment = ?1 AND offset <= ?2 "
    f"OR segment <> ?1 AND substr(?1, 1, {STAMP}) >= substr(segment, 1, {STAMP}))"
)
_RETURN = "UPDATE positions SET segment = ?, offset = ?, tail = ?, moved_at = ?, planned = 0 WHERE target = ?"
_MISSED = (
    "UPDATE positions SET missed = missed + ?1 WHERE wanted "  # noqa: S608  (constants)
    f"AND (substr(segment, 1, {STAMP}) < ?2 OR substr(segment, 1, {STAMP}) = ?2 AND offset < {DONE})"
)
