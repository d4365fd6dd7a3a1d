"""How far each shipping target has got: its durable position, and what retention must wait for.

A position names a segment and how many bytes of its lines the target has confirmed. Segments that were rewritten keep
the stamp of the one that they replace, so order is that of the stamps, and what replaces a segment begins anew.
"""

import time
from collections.abc import Collection, Iterable

import attr

from ccsproxy.store.state.state import State

#: Characters of a segment's name that say when it was begun.
STAMP = 19
#: The offset of a position behind the last line of a closed segment: nothing of that segment is left to ship.
DONE = 1 << 62


@attr.frozen
class Position:
    """How far a target has been shipped.

    :ivar segment: name of the segment that is being shipped, empty before the first.
    :ivar offset: bytes of it, not compressed, that the target has confirmed.
    :ivar tail: checksum of the last line before the offset, as the line says it: a file that was cut and grew again
        is known by it. Empty where nothing is known.
    """

    segment: str = ""
    offset: int = 0
    tail: str = ""

    @property
    def stamp(self) -> str:
        """When the segment was begun, in the form that sorts."""
        return self.segment[:STAMP]


@attr.frozen
class Shipment:
    """What is known of one target.

    :ivar planned: where the batch ends that was sent and not confirmed yet, 0 for none: sent again, it has to be the
        same, so that the target knows it.
    :ivar sent: rows that the target has confirmed.
    :ivar refused: rows that it would never take.
    :ivar missed: rows, at most, that retention removed before it had them.
    :ivar wanted: whether the service ships to it now.
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

    :param state: the file; every method raises what its methods raise.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def every(self) -> dict[str, Shipment]:
        """Return what is known of each target, by its name."""
        found = [_shipment(row) for row in self._state.ask(f"SELECT {_COLUMNS} FROM positions")]  # noqa: S608
        return {each.target: each for each in found}

    def get(self, target: str) -> Shipment | None:
        """Return what is known of a target, null when it was never shipped to."""
        rows = self._state.ask(f"SELECT {_COLUMNS} FROM positions WHERE target = ?", (target,))  # noqa: S608
        return _shipment(rows[0]) if rows else None

    def begin(self, target: str, position: Position) -> None:
        """Note a target that was never shipped to, and where it begins; one that is known stays where it is."""
        values = (target, position.segment, position.offset, position.tail, time.time())
        self._state.change([(_BEGIN, values)])

    def want(self, targets: Collection[str]) -> None:
        """Say which targets are shipped to from now on; retention waits for no others."""
        marks = ", ".join("?" * len(targets))
        self._state.change([(f"UPDATE positions SET wanted = target IN ({marks})", tuple(targets))])  # noqa: S608

    def rest(self, target: str) -> None:
        """Say that a target is not shipped to any more; what it has had is remembered."""
        self._state.change([("UPDATE positions SET wanted = 0 WHERE target = ?", (target,))])

    def plan(self, target: str, position: Position, end: int) -> None:
        """Note where the batch begins and ends that is about to be sent; what lies before it needs no sending."""
        planned = ("UPDATE positions SET planned = ? WHERE target = ?", (end, target))
        # One transaction: killed between the two, a batch would be sent again with another end.
        self._state.change([(_MOVE, self._moved(target, position, 0, 0)), planned])

    def move(self, target: str, position: Position, sent: int = 0, refused: int = 0) -> None:
        """Note how far a target has confirmed; a position never goes back.

        :param sent: rows that it has taken on the way.
        :param refused: rows that it will never take.
        """
        self._state.change([(_MOVE, self._moved(target, position, sent, refused))])

    def _moved(self, target: str, position: Position, sent: int, refused: int) -> tuple[object, ...]:
        return position.segment, position.offset, position.tail, time.time(), sent, refused, target

    def return_to(self, target: str, position: Position) -> None:
        """Send a target again what it may have had: where lines were lost behind it, and others took their place."""
        values = (position.segment, position.offset, position.tail, time.time(), target)
        self._state.change([(_RETURN, values)])

    def missed(self, segment: str, records: int) -> None:
        """Note that a segment is removed before every wanted target had it.

        :param records: how many it holds: each such target misses that many at most.
        """
        self._state.change([(_MISSED, (records, segment[:STAMP]))])

    def add_hosts(self, hosts: Iterable[str]) -> None:
        """Note labels of machines under which records are shipped from here: deletions have to name them."""
        self._state.change([("INSERT OR IGNORE INTO hosts VALUES (?)", (host,)) for host in hosts])

    def hosts(self) -> set[str]:
        """Return the labels of machines under which records were ever shipped from here."""
        return {str(host) for (host,) in self._state.ask("SELECT host FROM hosts")}

    def drop(self, target: str) -> None:
        """Forget a target that is no longer shipped to, and what it was still to delete."""
        deletes = [f"DELETE FROM {table} WHERE target = ?" for table in ("positions", "deletions")]  # noqa: S608
        self._state.change([(sql, (target,)) for sql in deletes])


def unshipped(segments: Iterable[str], shipments: Iterable[Shipment]) -> set[str]:
    """Return the segments that some target that is shipped to has not confirmed whole."""
    places = [each.position for each in shipments if each.wanted]
    return {name for name in segments if any(lies_before(place, name) for place in places)}


def lies_before(position: Position, segment: str) -> bool:
    """Tell whether something of a segment may not have been shipped yet."""
    stamp = segment[:STAMP]
    # By the stamp and not the name, as a rewritten segment has the stamp of the one it replaces.
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
